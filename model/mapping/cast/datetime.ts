import { IsthmusError } from '../../errors.ts'
import { CastError, excerpt } from './error.ts'
import { daysOf, four, isDate, two } from './civil.ts'
import { fromSeconds, momentReader } from './moment.ts'
import type { Moment } from './moment.ts'
import { isZone, offsetAt, offsetOfLocal, offsetText } from './zone.ts'

export interface TimeOptions {
  /** `iso` (default), `epoch`, `epochMs`, or a pattern such as `dd.MM.yyyy HH:mm`. */
  format?: string
  /** IANA zone of times that carry none, for example `Europe/Berlin`. */
  zone?: string
}

type TextReader = (value: unknown) => string

/** Compiles a reader of moments: `2026-09-30T12:00:00.759605Z`, or with the offset the source gave. Throws InvalidInput for bad options. */
export function timestampReader(options: TimeOptions = {}): TextReader {
  const { read, zone } = prepare(options)
  const isIso = options.format === undefined || options.format === 'iso'
  return (value) => {
    if (isIso && typeof value === 'string' && isUtcText(value)) return value
    const m = read(value)
    if (m.offset !== null) return `${dateText(m)}T${timeText(m)}${offsetText(m.offset)}`
    if (zone === undefined) throw new CastError(`${excerpt(value)} has no zone: name it with zone, for example zone: 'Europe/Berlin' or 'UTC'`)
    return `${dateText(m)}T${timeText(m)}${offsetText(offsetOfLocal(zone, secondsOf(m)))}`
  }
}

/** Compiles a reader of wall-clock times: `2026-09-30T12:00:00`. A value with a zone is refused unless `zone` says whose clock to read. */
export function localTimestampReader(options: TimeOptions = {}): TextReader {
  const { read, zone } = prepare(options)
  return (value) => {
    let m = read(value)
    if (m.offset !== null && !m.wall) {
      if (zone === undefined) throw new CastError(`${excerpt(value)} has a zone, the column has none: name the zone to convert to with zone, or use a timestamp`)
      m = inZone(m, zone)
    }
    return `${dateText(m)}T${timeText(m)}`
  }
}

/** Compiles a reader of calendar dates: `2026-09-30`. A time of day other than 00:00 is refused unless `zone` says where the day counts. */
export function dateReader(options: TimeOptions = {}): TextReader {
  const { read, zone } = prepare(options)
  const isIso = options.format === undefined || options.format === 'iso'
  return (value) => {
    if (isIso) {
      if (typeof value === 'string' && isDateText(value)) return value
      if (typeof value === 'number' && Number.isInteger(value) && value >= 1000_01_01 && value <= 9999_12_31) return dateText(read(String(value)))
    }
    const m = read(value)
    if (zone !== undefined) return dateText(m.offset !== null && !m.wall && !m.dateOnly ? inZone(m, zone) : m)
    if (m.hour + m.minute + m.second !== 0 || /[1-9]/.test(m.fraction)) {
      throw new CastError(`${excerpt(value)} has a time of day: use a timestamp, or name the zone whose date counts with zone`)
    }
    return dateText(m)
  }
}

const TIME = /^T?(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?$/
const DURATION = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?$/

/** Compiles a reader of times of day: `12:00:00`. Also takes OData V2's `PT12H30M00S`. */
export function timeReader(options: Pick<TimeOptions, 'format'> = {}): TextReader {
  const pattern = options.format === undefined || options.format === 'iso' ? null : momentReader(options.format)
  return (value) => {
    if (pattern) return timeText(pattern(value))
    const text = typeof value === 'string' ? value.trim() : ''
    const match = TIME.exec(text) ?? (text.length > 2 ? DURATION.exec(text) : null)
    if (!match) throw new CastError(`${excerpt(value)} is not a time of the day such as 12:30:00`)
    const [hour, minute, second] = [match[1], match[2], match[3]].map((v) => Number(v ?? 0)) as [number, number, number]
    if (hour > 23 || minute > 59 || second > 59) throw new CastError(`${excerpt(value)} is not a time of the day`)
    return timeText({ hour, minute, second, fraction: (match[4] ?? '').slice(0, 6) })
  }
}

/** The same moment in UTC, of a text that `timestampReader` gave. */
export function utcText(timestamp: string): string {
  if (timestamp.endsWith('Z')) return timestamp
  const m = momentReader()(timestamp)
  const utc = fromSeconds(secondsOf(m) - (m.offset ?? 0), m.fraction)
  return `${dateText(utc)}T${timeText(utc)}Z`
}

function prepare({ format, zone }: TimeOptions): { read: (value: unknown) => Moment; zone: string | undefined } {
  if (zone !== undefined && !isZone(zone)) {
    throw new IsthmusError('InvalidInput', `"${zone}" is not a time zone`, { cure: 'use an IANA name such as Europe/Berlin or UTC' })
  }
  return { read: momentReader(format), zone }
}

function secondsOf(m: Moment): number {
  return daysOf(m.year, m.month, m.day) * 86_400 + m.hour * 3600 + m.minute * 60 + m.second
}

function inZone(m: Moment, zone: string): Moment {
  const utc = secondsOf(m) - (m.offset ?? 0)
  return fromSeconds(utc + offsetAt(zone, utc), m.fraction)
}

function dateText(m: Moment): string {
  if (m.year < 1 || m.year > 9999) throw new CastError(`year ${m.year} is out of range`)
  return `${four(m.year)}-${two(m.month)}-${two(m.day)}`
}

function timeText(m: Pick<Moment, 'hour' | 'minute' | 'second' | 'fraction'>): string {
  return `${two(m.hour)}:${two(m.minute)}:${two(m.second)}${m.fraction === '' ? '' : `.${m.fraction}`}`
}

function pair(s: string, i: number): number {
  const a = s.charCodeAt(i) - 0x30
  const b = s.charCodeAt(i + 1) - 0x30
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 ? a * 10 + b : -10_000
}

function hasDate(s: string): boolean {
  return s.charCodeAt(4) === 0x2d && s.charCodeAt(7) === 0x2d && isDate(pair(s, 0) * 100 + pair(s, 2), pair(s, 5), pair(s, 8))
}

/** Exactly yyyy-mm-dd, and a day that exists. */
function isDateText(s: string): boolean {
  return s.length === 10 && hasDate(s)
}

/** Exactly yyyy-mm-ddThh:mm:ss[.1 to 6 digits]Z, the canonical form: most APIs send it, so it costs no regular expression. */
function isUtcText(s: string): boolean {
  const n = s.length
  if (n < 20 || n > 27 || s.charCodeAt(n - 1) !== 0x5a || s.charCodeAt(10) !== 0x54 || s.charCodeAt(13) !== 0x3a || s.charCodeAt(16) !== 0x3a) return false
  const h = pair(s, 11)
  const m = pair(s, 14)
  const sec = pair(s, 17)
  if (h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 59 || !hasDate(s)) return false
  if (n === 20) return true
  if (n === 21 || s.charCodeAt(19) !== 0x2e) return false
  for (let i = 20; i < n - 1; i++) {
    const c = s.charCodeAt(i)
    if (c < 0x30 || c > 0x39) return false
  }
  return true
}
