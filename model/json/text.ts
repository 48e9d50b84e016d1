import { stringifyExact } from './stringify.ts'

/** A value as text: a text as it is, everything else as its JSON; numbers keep their digits. */
export function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : stringifyExact(value)
}
