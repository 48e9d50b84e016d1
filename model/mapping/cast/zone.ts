import { daysOf } from './civil.ts'

const formats = new Map<string, Intl.DateTimeFormat | null>()
const offsets = new Map<string, number>()
const SLOT = 900

function formatOf(zone: string): Intl.DateTimeFormat | null {
  let format = formats.get(zone)
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat('en-US', {
        timeZone: zone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', era: 'short',
        year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
      })
    } catch {
      format = null
    }
    formats.set(zone, format)
  }
  return format
}

/** An IANA zone this Node.js knows. */
export function isZone(zone: string): boolean {
  return zone !== '' && formatOf(zone) !== null
}

/** The exact name of a zone that this Node.js knows, which is asked for in another case or by another name. */
export function zoneName(zone: string): string {
  return formatOf(zone)?.resolvedOptions().timeZone ?? zone
}

/** Seconds east of UTC in `zone` at a moment given in seconds since 1970. */
export function offsetAt(zone: string, seconds: number): number {
  // No zone changes its offset but at a full quarter of an hour (since 1972).
  const slot = Math.floor(seconds / SLOT) * SLOT
  const key = `${zone} ${slot}`
  let offset = offsets.get(key)
  if (offset === undefined) {
    offset = read(zone, slot)
    if (offsets.size > 50_000) offsets.clear()
    offsets.set(key, offset)
  }
  return offset
}

function read(zone: string, seconds: number): number {
  const format = formatOf(zone)
  if (!format) throw new RangeError(`unknown zone ${zone}`)
  const part: Record<string, string> = {}
  for (const { type, value } of format.formatToParts(seconds * 1000)) part[type] = value
  const year = part['era']?.startsWith('B') ? 1 - Number(part['year']) : Number(part['year'])
  const local = daysOf(year, Number(part['month']), Number(part['day'])) * 86_400 + Number(part['hour']) * 3600 + Number(part['minute']) * 60 + Number(part['second'])
  return local - seconds
}

/**
 * Seconds east of UTC of a wall-clock time (seconds since 1970 as if it were UTC). A time that occurs twice is the
 * earlier one; a time that is skipped takes the offset before the change, so 02:30 in a gap of one hour means 03:30.
 */
export function offsetOfLocal(zone: string, local: number): number {
  const before = offsetAt(zone, local - 86_400)
  const after = offsetAt(zone, local + 86_400)
  if (before === after && offsetAt(zone, local - before) === before) return before
  const first = Math.max(before, after)
  const second = Math.min(before, after)
  if (offsetAt(zone, local - first) === first) return first
  if (offsetAt(zone, local - second) === second) return second
  return before
}

/** `Z`, `+02:00` or, before standard time, `+00:53:28`. */
export function offsetText(seconds: number): string {
  if (seconds === 0) return 'Z'
  const abs = Math.abs(seconds)
  const two = (n: number): string => String(n).padStart(2, '0')
  const rest = abs % 60
  return `${seconds < 0 ? '-' : '+'}${two(Math.floor(abs / 3600))}:${two(Math.floor(abs / 60) % 60)}${rest ? `:${two(rest)}` : ''}`
}

/** Seconds of `Z`, `+02`, `+0200` or `+02:00`; NaN when out of range. */
export function parseOffset(text: string): number {
  if (text === 'Z' || text === 'z') return 0
  const digits = text.slice(1).replace(':', '').padEnd(4, '0')
  const hours = Number(digits.slice(0, 2))
  const minutes = Number(digits.slice(2))
  if (hours > 15 || minutes > 59) return NaN
  return (text.charAt(0) === '-' ? -1 : 1) * (hours * 3600 + minutes * 60)
}
