import { parseTime } from './time-text.ts'

const NUMBER = /^[+-]?\d+(\.\d+)?$/

/**
 * Order of two values of an incremental field as text: numbers by size, dates and times by instant, others bytewise.
 * A watermark is always a value that was seen, so where the source orders otherwise it is too low, never too high.
 */
export function compareMarks(a: string, b: string): number {
  if (NUMBER.test(a) && NUMBER.test(b)) return compareNumbers(a, b)
  const ta = parseTime(a)
  const tb = parseTime(b)
  if (ta && tb) return ta.instant < tb.instant ? -1 : ta.instant > tb.instant ? 1 : 0
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** The higher of two marks; null is lower than any. */
export function highestMark(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b
  return compareMarks(a, b) >= 0 ? a : b
}

function compareNumbers(a: string, b: string): number {
  const [wholeA, fractionA = ''] = a.split('.')
  const [wholeB, fractionB = ''] = b.split('.')
  const digits = Math.max(fractionA.length, fractionB.length)
  const x = BigInt(wholeA!.replace('+', '') + fractionA.padEnd(digits, '0'))
  const y = BigInt(wholeB!.replace('+', '') + fractionB.padEnd(digits, '0'))
  return x < y ? -1 : x > y ? 1 : 0
}
