import { ExactNumber } from '../../json/index.ts'
import { CastError, excerpt } from './error.ts'
import { dateOf, isDate } from './civil.ts'
import { patternReader } from './pattern.ts'
import { parseOffset } from './zone.ts'

/** A date with or without time and zone, as the source says it. */
export interface Moment {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  /** Digits after the second's point, at most 6. */
  fraction: string
  /** Seconds east of UTC; null when the source names no zone. */
  offset: number | null
  /** The source gives a date only. */
  dateOnly: boolean
  /** UTC is only how the source writes a time without zone (OData V2 `/Date(0)/`). */
  wall: boolean
}

export type MomentReader = (value: unknown) => Moment

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s?(Z|z|[+-]\d\d(?::?\d\d)?)?)?$/
const COMPACT = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(?:(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/
const ODATA = /^\/Date\((-?\d+)([+-]\d{1,4})?\)\/$/

/** Compiles a reader for a format: undefined or `iso`, `epoch`, `epochMs`, or a pattern such as `dd.MM.yyyy HH:mm`. */
export function momentReader(format?: string): MomentReader {
  if (format === 'epoch') return (v) => epoch(v, 0)
  if (format === 'epochMs') return (v) => epoch(v, 3)
  if (format !== undefined && format !== 'iso') {
    const read = patternReader(format)
    return (v) => checked(read(textOf(v)), v)
  }
  return iso
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value.trim()
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof ExactNumber) return String(value)
  throw new CastError(`${excerpt(value)} is not a date or time`)
}

function iso(value: unknown): Moment {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new CastError('an invalid Date is not a date or time')
    return iso(value.toISOString())
  }
  if (typeof value !== 'string') {
    const number = typeof value === 'number' || typeof value === 'bigint' || value instanceof ExactNumber
    throw new CastError(`${excerpt(value)} is not a date or time${number ? ": if it counts seconds or milliseconds, say format: 'epoch' or 'epochMs'" : ''}`)
  }
  const text = value.trim()
  const match = ISO.exec(text) ?? COMPACT.exec(text)
  if (match) {
    const [, y, mo, d, h, mi, s, fraction, zone] = match
    return checked({
      year: Number(y), month: Number(mo), day: Number(d), hour: Number(h ?? 0), minute: Number(mi ?? 0), second: Number(s ?? 0),
      fraction: (fraction ?? '').slice(0, 6), offset: zone === undefined ? null : parseOffset(zone), dateOnly: h === undefined, wall: false,
    }, value)
  }
  const odata = ODATA.exec(text)
  if (odata) return { ...epoch(odata[1], 3), wall: odata[2] === undefined }
  throw new CastError(`${excerpt(value)} is not an ISO date or time: name its pattern with format, for example 'dd.MM.yyyy'`)
}

function checked(m: Moment | null, value: unknown): Moment {
  if (!m) throw new CastError(`${excerpt(value)} does not match the format`)
  if (!isDate(m.year, m.month, m.day)) throw new CastError(`${excerpt(value)} is not a day of the calendar`)
  if (m.hour > 23 || m.minute > 59 || m.second > 59) throw new CastError(`${excerpt(value)} is not a time of the day`)
  if (Number.isNaN(m.offset)) throw new CastError(`${excerpt(value)} has an impossible offset`)
  return m
}

const COUNT = /^(-?)(\d{1,18})(?:\.(\d+))?$/

/** A count of seconds (`digits` 0) or milliseconds (3) since 1970, by its digits. */
function epoch(value: unknown, digits: number): Moment {
  const match = COUNT.exec(textOf(value))
  if (!match) throw new CastError(`${excerpt(value)} is not a count of ${digits ? 'milliseconds' : 'seconds'} since 1970`)
  const whole = match[2]!.padStart(digits + 1, '0')
  const cutAt = whole.length - digits
  let seconds = Number(whole.slice(0, cutAt))
  let fraction = (whole.slice(cutAt) + (match[3] ?? '')).slice(0, 6)
  if (match[1] === '-') {
    const micros = Number(fraction.padEnd(6, '0'))
    seconds = -seconds - (micros > 0 ? 1 : 0)
    if (micros > 0) fraction = String(1_000_000 - micros).padStart(6, '0')
  }
  return checked(fromSeconds(seconds, fraction), value)
}

/** The UTC moment of a number of seconds since 1970. */
export function fromSeconds(seconds: number, fraction: string): Moment {
  const days = Math.floor(seconds / 86_400)
  const rest = seconds - days * 86_400
  const [year, month, day] = dateOf(days)
  return { year, month, day, hour: Math.floor(rest / 3600), minute: Math.floor(rest / 60) % 60, second: rest % 60, fraction, offset: 0, dateOnly: false, wall: false }
}
