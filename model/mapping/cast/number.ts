import { ExactNumber, MARK } from '../../json/index.ts'
import { CastError, excerpt } from './error.ts'

export interface NumberOptions {
  /** Decimal separator of numbers that are text. With it, the other one may group digits by three. */
  decimal?: '.' | ','
}

const LOOSE = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/
/** What PostgreSQL's numeric can hold at most: digits before and after the point. */
const MAX_WHOLE = 131_072
const MAX_FRACTION = 16_383

/**
 * Exact decimal digits of a value: `-1234.50`; zeros at the end stay, exponents are written out.
 * Takes texts, ExactNumber, bigint and number; `exactNumbers` says that a number with a fraction still has the source's digits.
 */
export function decimalText(value: unknown, options: NumberOptions = {}, exactNumbers = false): string {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new CastError(`${value} is not a number`)
    if (!Number.isInteger(value) && !exactNumbers) {
      throw new CastError(`${value} is a binary fraction and may be inexact: pass a text, for example x.toFixed(2), through decimal()`)
    }
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER) throw new CastError(`${value} is beyond 2^53, its last digits are lost`)
    const abs = Math.abs(value)
    return value === 0 ? '0' : abs >= 1e-6 ? String(value) : canonical(String(value), value)
  }
  if (typeof value === 'bigint') return canonical(value.toString(), value)
  if (value instanceof ExactNumber) return canonical(value.text, value)
  if (typeof value === 'string') {
    const text = value.trim()
    if (options.decimal === undefined && isPlain(text)) return unsigned0(text)
    return canonical(separators(text, options.decimal, value), value)
  }
  throw new CastError(`${excerpt(value)} is not a number`)
}

function separators(text: string, decimal: '.' | ',' | undefined, value: string): string {
  if (decimal === undefined) {
    if (text.includes(',')) throw new CastError(`${excerpt(value)} holds a comma: say which is the decimal separator with decimal: ',' or '.'`)
    return text
  }
  const [whole = '', ...rest] = text.split(decimal)
  if (rest.length > 1) throw new CastError(`${excerpt(value)} is not a number`)
  const group = decimal === ',' ? '.' : ','
  let digits = whole
  if (/[^0-9+-]/.test(whole)) {
    const separator = whole.includes(group) ? group : /[\s'’]/.exec(whole)?.[0]
    const parts = separator === undefined ? [] : whole.split(separator)
    const grouped = parts.length > 1 && /^[+-]?\d{1,3}$/.test(parts[0]!) && parts.slice(1).every((p) => /^\d{3}$/.test(p))
    if (!grouped) throw new CastError(`${excerpt(value)} is not a number with decimal '${decimal}'`)
    digits = parts.join('')
  }
  return rest.length === 0 ? digits : `${digits}.${rest[0]}`
}

/** Digits with at most a sign and a point between them, no zeros in front; longer texts are left to `canonical`. A loop, as every amount passes here. */
function isPlain(text: string): boolean {
  const n = text.length
  if (n > 1000) return false
  let i = text.charCodeAt(0) === 0x2d ? 1 : 0
  const first = text.charCodeAt(i)
  if (!(first >= 0x30 && first <= 0x39)) return false
  const start = i
  let c = first
  while (++i < n && (c = text.charCodeAt(i)) >= 0x30 && c <= 0x39);
  if (first === 0x30 && i - start > 1) return false
  if (i === n) return true
  if (c !== 0x2e || i + 1 === n) return false
  while (++i < n) {
    c = text.charCodeAt(i)
    if (c < 0x30 || c > 0x39) return false
  }
  return true
}

/** `-0.00` is `0.00`. */
function unsigned0(text: string): string {
  return text.charCodeAt(0) === 0x2d && !/[1-9]/.test(text) ? text.slice(1) : text
}

/** Decimal digits of a marked number of `parseExact(body, { revive: false })`. */
export function markedDecimal(text: string): string {
  return text.charCodeAt(1) === MARK ? decimalText(text.slice(1)) : canonical(text.slice(1), text)
}

function canonical(text: string, value: unknown): string {
  if (isPlain(text)) return unsigned0(text)
  const match = LOOSE.exec(text)
  const [, sign = '', before = '', after = '', exponent = '0'] = match ?? []
  if (!match || before + after === '') throw new CastError(`${excerpt(value)} is not a number`)
  const shift = Number(exponent)
  let point = before.length + shift
  if (point > MAX_WHOLE || after.length - shift > MAX_FRACTION || before.length > MAX_WHOLE) throw new CastError(`${excerpt(value)} has too many digits`)
  let digits = before + after
  if (point < 1) {
    digits = '0'.repeat(1 - point) + digits
    point = 1
  }
  digits = digits.padEnd(point, '0')
  const whole = digits.slice(0, point).replace(/^0+(?=\d)/, '')
  const fraction = digits.slice(point)
  const negative = sign === '-' && /[1-9]/.test(digits)
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

/** Refuses what a numeric column of this size would round or overflow; gives the text without zeros beyond the scale. */
export function fitDecimal(text: string, precision: number | null, scale: number | null): string {
  if (scale === null) return text
  const dot = text.indexOf('.')
  const end = dot === -1 ? text.length : dot
  let out = text
  if (dot !== -1 && text.length - dot - 1 > scale) {
    if (/[1-9]/.test(text.slice(dot + 1 + scale))) throw new CastError(`${excerpt(text).slice(1, -1)} has more than ${scale} decimals`)
    out = text.slice(0, scale === 0 ? dot : dot + 1 + scale)
  }
  if (precision !== null) {
    const sign = text.charCodeAt(0) === 0x2d ? 1 : 0
    const whole = text.charCodeAt(sign) === 0x30 ? 0 : end - sign
    if (whole > precision - scale) throw new CastError(`${excerpt(text).slice(1, -1)} has more than ${precision - scale} digits before the point`)
  }
  return out
}

const MAX64 = 9223372036854775807n
const MIN64 = -9223372036854775808n

/** Digits of a whole number within 64 bits. `12.00` and `1E3` are whole; `12.5` is refused. */
export function integerText(value: unknown, options: NumberOptions = {}): string {
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) throw new CastError(`${value} is not a whole number`)
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER) throw new CastError(`${value} is beyond 2^53, its last digits are lost`)
    return String(value)
  }
  const text = fitWhole(decimalText(value, options))
  if (text.length > 18 && (text.length > 20 || BigInt(text) > MAX64 || BigInt(text) < MIN64)) {
    throw new CastError(`${excerpt(value)} does not fit into 64 bits`)
  }
  return text
}

function fitWhole(text: string): string {
  const dot = text.indexOf('.')
  if (dot === -1) return text
  if (/[1-9]/.test(text.slice(dot))) throw new CastError(`${excerpt(text).slice(1, -1)} is not a whole number`)
  return text.slice(0, dot)
}

/** A finite double. Digits beyond its precision are dropped, as float asks for. */
export function floatNumber(value: unknown, options: NumberOptions = {}): number {
  const n = typeof value === 'number' ? value : Number(decimalText(value, options))
  if (!Number.isFinite(n)) throw new CastError(`${excerpt(value)} is not a number that a float can hold`)
  return n
}
