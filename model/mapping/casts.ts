import { stringifyExact } from '../json/index.ts'
import type { Decimal, JsonValue, LocalDate, LocalTime, LocalTimestamp, Timestamp } from './brands.ts'
import { boolReader } from './cast/bool.ts'
import type { BoolOptions } from './cast/bool.ts'
import { dateReader, localTimestampReader, timeReader, timestampReader } from './cast/datetime.ts'
import type { TimeOptions } from './cast/datetime.ts'
import { CastError, excerpt, isBlank } from './cast/error.ts'
import { decimalText, fitDecimal, floatNumber, integerText } from './cast/number.ts'
import type { NumberOptions } from './cast/number.ts'
import { plainText } from './cast/text.ts'

/**
 * Casts for `map` functions. Each takes any value of a record and gives a value for a model's field, or throws a
 * CastError whose message becomes the reason of the rejected record. null, undefined and blank texts are missing:
 * `decimal(v)` refuses them, `decimal.nullable(v)` gives null. So a field that may be empty is visible in the code,
 * and `tsc` refuses `.nullable` for a field that may not.
 */
export interface Cast<T, Options> {
  (value: unknown, options?: Options): T
  /** null for null, undefined and blank texts. */
  nullable(value: unknown, options?: Options): T | null
}

function cast<T, Options>(read: (value: unknown, options: Options | undefined) => T, missing: (v: unknown) => boolean = isBlank): Cast<T, Options> {
  const strict = (value: unknown, options?: Options): T => {
    if (missing(value)) throw new CastError(value === null || value === undefined ? 'is missing' : 'is empty')
    return read(value, options)
  }
  return Object.assign(strict, { nullable: (value: unknown, options?: Options) => (missing(value) ? null : read(value, options)) })
}

const isNil = (v: unknown): boolean => v === null || v === undefined

/** Readers are compiled once for each set of options; the options of a map function are constants. */
function compiled<Options extends object, R>(compile: (options: Options) => R): (options: Options | undefined) => R {
  const plain = compile({} as Options)
  const cache = new Map<string, R>()
  return (options) => {
    if (options === undefined) return plain
    const key = JSON.stringify(options)
    let reader = cache.get(key)
    if (!reader) {
      if (cache.size > 1000) cache.clear()
      reader = compile(options)
      cache.set(key, reader)
    }
    return reader
  }
}

/** Exact decimal: texts, ExactNumber, bigint and whole numbers. `decimal: ','` for texts such as `1.234,50`. */
export const decimal: Cast<Decimal, NumberOptions> = cast((v, o) => decimalText(v, o) as Decimal)

/** An amount of money: `decimal`, and with `scale` it refuses more decimals than that instead of rounding. */
export const money: Cast<Decimal, NumberOptions & { scale?: number }> = cast(
  (v, o) => fitDecimal(decimalText(v, o), null, o?.scale ?? null) as Decimal,
)

/** A whole number. Beyond 2^53 the value is a bigint at run time, so that an id survives; calculate with `int64` there. */
export const integer: Cast<number, NumberOptions> = cast((v, o) => {
  const text = integerText(v, o)
  const n = Number(text)
  return Number.isSafeInteger(n) ? n : (BigInt(text) as unknown as number)
})

/** A whole number of 64 bits, always a bigint. */
export const int64: Cast<bigint, NumberOptions> = cast((v, o) => BigInt(integerText(v, o)))

/** A double: for measurements, never for money. */
export const float: Cast<number, NumberOptions> = cast((v, o) => floatNumber(v, o))

const bools = compiled(boolReader)
/** true or false, of booleans and of texts such as true, yes, y, on, 1 (any case), or those named. */
export const bool: Cast<boolean, BoolOptions> = cast((v, o) => bools(o)(v))

/** Text of a text, number or boolean. The empty text is a text: only null and undefined are missing. */
export const text: Cast<string, never> = cast(plainText, isNil)

const dates = compiled(dateReader)
const timestamps = compiled(timestampReader)
const locals = compiled(localTimestampReader)
const times = compiled(timeReader)

/** Calendar date. A time of day other than 00:00 is refused unless `zone` says whose date counts. */
export const date: Cast<LocalDate, TimeOptions> = cast((v, o) => dates(o)(v) as LocalDate)

/**
 * Moment, with microseconds (further digits are cut). A value without zone needs `zone`; at a change of clocks a time
 * that occurs twice is the earlier one, and a skipped one is read with the offset before the change.
 */
export const timestamp: Cast<Timestamp, TimeOptions> = cast((v, o) => timestamps(o)(v) as Timestamp)

/** Date and time on the clock of a place. A value with a zone needs `zone` to convert to. */
export const localTimestamp: Cast<LocalTimestamp, TimeOptions> = cast((v, o) => locals(o)(v) as LocalTimestamp)

/** Time of day. */
export const time: Cast<LocalTime, Pick<TimeOptions, 'format'>> = cast((v, o) => times(o)(v) as LocalTime)

/** Any JSON value, kept with all digits. */
export const json: Cast<JsonValue, never> = cast((v) => {
  try {
    stringifyExact(v)
  } catch (error) {
    throw new CastError(error instanceof TypeError ? error.message : 'is not a JSON value')
  }
  return v as JsonValue
}, isNil)

/**
 * The value's counterpart in a table, or the value itself if it is one of a list. Anything else is refused.
 * `oneOf(r.Status, { A: 'active', I: 'inactive' })`, `oneOf(r.type, ['invoice', 'credit'])`
 */
export function oneOf<const T extends readonly string[]>(value: unknown, list: T): T[number]
export function oneOf<const T extends Readonly<Record<string, unknown>>>(value: unknown, table: T): T[keyof T]
export function oneOf(value: unknown, table: readonly string[] | Readonly<Record<string, unknown>>): unknown {
  if (isNil(value)) throw new CastError('is missing')
  const key = plainText(value)
  if (Array.isArray(table)) {
    if ((table as readonly string[]).includes(key)) return key
  } else if (Object.hasOwn(table, key)) return (table as Record<string, unknown>)[key]
  const names = Array.isArray(table) ? (table as readonly string[]) : Object.keys(table)
  throw new CastError(`${excerpt(value)} is not one of ${names.slice(0, 12).join(', ')}${names.length > 12 ? ', ...' : ''}`)
}

/** `fn` for every element of a list. A missing list is empty; anything but a list counts as its only element. */
export function each<T>(value: unknown, fn: (item: any, index: number) => T): T[] {
  if (isNil(value)) return []
  return Array.isArray(value) ? value.map((item: unknown, i) => fn(item, i)) : [fn(value, 0)]
}
