import { ExactNumber } from './exact-number.ts'

/**
 * How the source wrote zeros such as `0.00`. A record holds the number 0 in their place, as an ExactNumber of zero would be true;
 * what writes the record as JSON asks here for the digits. Lives as long as the object the zero stands in.
 */
const written = new WeakMap<object, Map<string, string>>()

/** Notes the digits of a zero that stands in `holder` at `key`. */
export function noteZero(holder: object, key: string | number, text: string): void {
  let texts = written.get(holder)
  if (!texts) written.set(holder, (texts = new Map()))
  texts.set(String(key), text)
}

/** Some zero in `holder` itself has noted digits. */
export function hasZeros(holder: object): boolean {
  return written.has(holder)
}

/** The value of `holder` at `key`; a zero that was written with more than its one digit comes as ExactNumber. */
export function memberOf(holder: object, key: string | number): unknown {
  const value = (holder as Record<string | number, unknown>)[key]
  if (value !== 0) return value
  const text = written.get(holder)?.get(String(key))
  return text === undefined ? value : new ExactNumber(text)
}
