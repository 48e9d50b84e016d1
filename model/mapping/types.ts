import { z } from 'zod'
import { IsthmusError } from '../errors.ts'
import { stringifyExact } from '../json/index.ts'
import type { ColumnType } from '../plan.ts'
import type { Decimal, DecimalInput, Int64Input, LocalDate, LocalTime, LocalTimestamp, Timestamp, TimestampInput } from './brands.ts'
import { dateReader, localTimestampReader, timeReader, timestampReader } from './cast/datetime.ts'
import { CastError, isBlank } from './cast/error.ts'
import { decimalText, fitDecimal, integerText } from './cast/number.ts'

/** The column each `t` schema stands for, by its transform: zod keeps that function when it copies a schema. */
const columnTypes = new WeakMap<object, ColumnType>()

/** The column type of a schema made by `t`, or undefined. */
export function columnTypeOf(schema: z.core.$ZodType): ColumnType | undefined {
  const def = schema._zod.def as { type: string; transform?: object }
  return def.type === 'transform' && def.transform ? columnTypes.get(def.transform) : undefined
}

/** A zod schema that casts with the same readers as the mapping, so `Model.parse` and a sync agree. */
function schema<Input, Output>(type: ColumnType, read: (value: unknown) => unknown, missing = isBlank): z.ZodTransform<Output, Input> {
  const transform = (value: unknown, ctx: z.core.ParsePayload): unknown => {
    try {
      if (missing(value)) throw new CastError('is missing')
      return read(value)
    } catch (error) {
      if (!(error instanceof CastError)) throw error
      ctx.issues.push({ code: 'custom', message: error.message, input: value })
      return z.NEVER
    }
  }
  const made = z.transform(transform as (value: Input) => Output)
  columnTypes.set((made._zod.def as unknown as { transform: object }).transform, type)
  return made as unknown as z.ZodTransform<Output, Input>
}

/** Size of a decimal. More decimals than `scale` are refused, never rounded. */
export interface DecimalSize {
  /** Digits in all, up to 1000; needs `scale`. */
  precision?: number
  /** Digits after the point. */
  scale?: number
}

function decimalSchema({ precision, scale }: DecimalSize = {}): z.ZodTransform<Decimal, DecimalInput> {
  const bad = [precision, scale].some((n) => n !== undefined && (!Number.isInteger(n) || n < 0 || n > 1000))
  if (bad || (precision !== undefined && (scale === undefined || precision < 1 || scale > precision))) {
    throw new IsthmusError('InvalidInput', `t.decimal({ precision: ${precision}, scale: ${scale} }) is not a size`, {
      cure: 'give scale, or precision (1 to 1000) and a scale up to it, for example t.decimal({ precision: 14, scale: 2 })',
    })
  }
  const size = { precision: precision ?? null, scale: scale ?? null }
  return schema({ kind: 'decimal', ...size }, (v) => fitDecimal(decimalText(v), size.precision, size.scale))
}

/**
 * Field types that zod does not know, to mix with `z.string()` and the rest; `.nullable()`, `.optional()`, `.default()`
 * and `.refine()` work on them. Their input types are branded: `tsc` refuses a plain text or number in their place.
 */
export const t = {
  /** Exact number (`numeric`); without a size it takes any. Output: its digits. */
  decimal: decimalSchema,
  /** Whole number of 64 bits. Output: bigint. */
  int64: (): z.ZodTransform<bigint, Int64Input> => schema({ kind: 'integer' }, (v) => BigInt(integerText(v))),
  /** Calendar date. */
  date: (): z.ZodTransform<LocalDate, LocalDate> => schema({ kind: 'date' }, dateReader()),
  /** Moment in time, with microseconds. */
  timestamp: (): z.ZodTransform<Timestamp, TimestampInput> => schema({ kind: 'timestamp' }, timestampReader()),
  /** Date and time without a zone, with microseconds. */
  localTimestamp: (): z.ZodTransform<LocalTimestamp, LocalTimestamp> => schema({ kind: 'localTimestamp' }, localTimestampReader()),
  /** Time of day. */
  time: (): z.ZodTransform<LocalTime, LocalTime> => schema({ kind: 'time' }, timeReader()),
  /** Anything that JSON can say; numbers inside keep their digits. */
  json: (): z.ZodTransform<unknown, unknown> =>
    schema({ kind: 'json' }, (v) => {
      try {
        stringifyExact(v)
      } catch {
        throw new CastError('is not a JSON value')
      }
      return v
    }, (v) => v === null || v === undefined),
}
