import { parseExact } from '../../model/json/index.ts'
import type { ParseOptions } from '../../model/json/index.ts'

/** The field in which a record holds what it gets of its parent. */
export const PARENT = '_parent'

/** Gives records what they get of their parent, a JSON text; its numbers are parsed as theirs are. */
export function giveParent(records: readonly unknown[], text: string, options: ParseOptions): void {
  const parent = parseExact(Buffer.from(text), options)
  for (const record of records) if (record !== null && typeof record === 'object') (record as Record<string, unknown>)[PARENT] = parent
}
