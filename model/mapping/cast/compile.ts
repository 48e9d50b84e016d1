import { reviveText, stringifyExact } from '../../json/index.ts'
import type { ColumnType, FieldRule } from '../../plan.ts'
import { boolReader } from './bool.ts'
import { dateReader, localTimestampReader, timeReader, timestampReader } from './datetime.ts'
import { CastError, excerpt } from './error.ts'
import { decimalText, fitDecimal, floatNumber, integerText, markedDecimal } from './number.ts'
import { plainText, uuidText } from './text.ts'

export type CastOptions = Pick<FieldRule, 'format' | 'zone' | 'decimal' | 'truthy' | 'falsy'> & {
  /** Numbers with a fraction carry the source's digits, so they are exact. */
  exactNumbers?: boolean
  /** Values come from `parseExact(body, { revive: false })`. */
  marked?: boolean
}

/** Compiles the cast of a column: from a value that is not missing to the text PostgreSQL reads. The cast throws CastError. */
export function compileCast(type: ColumnType, options: CastOptions = {}): (value: unknown) => string {
  switch (type.kind) {
    case 'text':
      return plainText
    case 'enum':
      return oneOfCast(type.values)
    case 'integer':
      return (v) => integerText(v, options)
    case 'float':
      return (v) => String(floatNumber(v, options))
    case 'decimal': {
      const { precision, scale } = type
      const exact = options.exactNumbers === true
      return scale === null
        ? (v) => decimalText(v, options, exact)
        : (v) => fitDecimal(decimalText(v, options, exact), precision, scale)
    }
    case 'boolean': {
      const read = boolReader(options)
      return (v) => (read(v) ? 't' : 'f')
    }
    case 'date':
      return dateReader(options)
    case 'timestamp':
      return timestampReader(options)
    case 'localTimestamp':
      return localTimestampReader(options)
    case 'time':
      return timeReader(options)
    case 'uuid':
      return uuidText
    case 'json':
      return jsonCast(options.marked === true)
  }
}

/** The same cast for marked texts. Decimals need no more than their digits. */
export function compileMarkedCast(type: ColumnType, cast: (value: unknown) => string): (text: string) => string {
  if (type.kind !== 'decimal') return (v) => cast(reviveText(v))
  const { precision, scale } = type
  return (v) => fitDecimal(markedDecimal(v), precision, scale)
}

function oneOfCast(values: string[]): (value: unknown) => string {
  const known = new Set(values)
  return (value) => {
    if (typeof value === 'string' && known.has(value)) return value
    const text = plainText(value)
    if (known.has(text)) return text
    throw new CastError(`${excerpt(value)} is not one of ${values.slice(0, 12).join(', ')}${values.length > 12 ? ', ...' : ''}`)
  }
}

function jsonCast(marked: boolean): (value: unknown) => string {
  return (value) => {
    if (typeof value === 'function' || typeof value === 'symbol') throw new CastError(`${excerpt(value)} is not a JSON value`)
    try {
      return stringifyExact(value, { marked })
    } catch (error) {
      if (error instanceof CastError) throw error
      throw new CastError('the value is circular or nested too deeply for JSON')
    }
  }
}
