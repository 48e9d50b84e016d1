import type { ExactNumber } from '../json/index.ts'

declare const brand: unique symbol
interface Brand<Name extends string> {
  readonly [brand]: Name
}

/** Exact decimal digits such as `12.50`; made by `decimal()` and `money()`. */
export type Decimal = string & Brand<'decimal'>
/** Calendar date `2026-09-30`; made by `date()`. */
export type LocalDate = string & Brand<'date'>
/** Moment `2026-09-30T12:00:00.759605Z` or with an offset; made by `timestamp()`. */
export type Timestamp = string & Brand<'timestamp'>
/** Date and time without a zone; made by `localTimestamp()`. */
export type LocalTimestamp = string & Brand<'localTimestamp'>
/** Time of day `12:00:00`; made by `time()`. */
export type LocalTime = string & Brand<'time'>

/**
 * What a decimal field takes. A plain `number` is left out on purpose: 0.1 + 0.2 is one. `decimal(n)` takes whole
 * numbers and refuses binary fractions at run time.
 */
export type DecimalInput = Decimal | ExactNumber | bigint
/** What a timestamp field takes. A JavaScript Date holds milliseconds only. */
export type TimestampInput = Timestamp | Date
/** What a 64-bit field takes. Fractions and numbers beyond 2^53 are refused at run time. */
export type Int64Input = number | bigint

export type JsonValue = string | number | bigint | boolean | null | ExactNumber | JsonValue[] | { [key: string]: JsonValue | undefined }
