import type { Subject } from '../types.ts'

/** Servers that nobody here wrote. */
export const REAL: Subject[] = []
