import { ExactNumber } from './exact-number.ts'
import { MARK } from './scan.ts'
import { noteZero } from './zeros.ts'

/** The value a marked text stands for: number, bigint, ExactNumber, or the text that began with the mark itself. */
export function reviveText(text: string): unknown {
  if (text.charCodeAt(0) !== MARK) return text
  const rest = text.slice(1)
  if (rest.charCodeAt(0) === MARK) return rest
  return exactNumber(rest)
}

/** The digits of a marked number; undefined for any other value. */
export function exactText(value: unknown): string | undefined {
  return typeof value === 'string' && value.charCodeAt(0) === MARK && value.charCodeAt(1) !== MARK && value.length > 1 ? value.slice(1) : undefined
}

/** The value of a JSON number: number for whole numbers within 2^53 and for zero, bigint beyond, else ExactNumber. */
export function exactNumber(text: string): number | bigint | ExactNumber {
  let whole = true
  let zero = true
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x2e) whole = false
    else if (c > 0x39) {
      whole = false
      break
    } else if (c > 0x30) zero = false
  }
  // By its digits, not its value: 1e-400 is not zero.
  if (zero) return 0
  if (!whole) return new ExactNumber(text)
  const n = Number(text)
  return Number.isSafeInteger(n) ? n : BigInt(text)
}

/**
 * Puts numbers in place of the marked texts that `parseExact(body, { revive: false })` left, and gives the value.
 * Objects and arrays are changed in place; do it once only.
 */
export function revive(value: unknown): unknown {
  if (typeof value === 'string') return reviveText(value)
  if (typeof value === 'object' && value !== null) reviveIn(value)
  return value
}

function reviveIn(value: object): void {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const v: unknown = value[i]
      if (typeof v === 'string') {
        if (v.charCodeAt(0) === MARK) {
          value[i] = reviveText(v)
          if (value[i] === 0) noteZero(value, i, v.slice(1))
        }
      } else if (typeof v === 'object' && v !== null) reviveIn(v)
    }
    return
  }
  const record = value as Record<string, unknown>
  for (const key in record) {
    const v = record[key]
    if (typeof v === 'string') {
      if (v.charCodeAt(0) === MARK) {
        const value = reviveText(v)
        if (value === 0) noteZero(record, key, v.slice(1))
        put(record, key, value)
      }
    } else if (typeof v === 'object' && v !== null) reviveIn(v)
  }
}

function put(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true })
  else record[key] = value
}
