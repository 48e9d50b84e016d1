import type { RestReader } from './types.ts'

/** What a reader knows before its first call. */
export function newMemory(): RestReader['memory'] {
  return { window: 1, pageSize: null, parents: null }
}
