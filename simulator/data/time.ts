import { PAD2, PAD3 } from './text.ts'

/** Microseconds of the first record's `updated_at`: 2024-01-01T00:00:00Z. */
export const FIRST_UPDATE_US = 1_704_067_200_000_000
/** Microseconds between two different values of `updated_at` (7.919337 s: microseconds that are not round). */
export const UPDATE_STEP_US = 7_919_337
const DAY_US = 86_400_000_000

/** `updated_at` of the record with this stamp, in microseconds since 1970; `tieGroup` neighbours share one. */
export function updateUs(stamp: number, tieGroup: number): number {
  return FIRST_UPDATE_US + Math.floor(stamp / tieGroup) * UPDATE_STEP_US
}

/** The first stamp whose `updated_at` is at or after a time; may be above what exists. */
export function firstStampAt(us: number, tieGroup: number): number {
  return Math.max(0, Math.ceil((us - FIRST_UPDATE_US) / UPDATE_STEP_US)) * tieGroup
}

// A fixed number of days is kept, so that the text of a day is seldom made anew.
const SLOTS = 64
const slotDay = new Int32Array(SLOTS).fill(-1)
const slotText: string[] = new Array<string>(SLOTS).fill('')

/** `2024-02-29` of a day number since 1970. */
export function dayText(day: number): string {
  const slot = day & (SLOTS - 1)
  if (slotDay[slot] !== day) {
    slotDay[slot] = day
    slotText[slot] = new Date(day * 86_400_000).toISOString().slice(0, 10)
  }
  return slotText[slot]!
}

/** `10:11:12` of seconds since midnight. */
export function clockText(second: number): string {
  const h = (second / 3600) | 0
  const m = ((second - h * 3600) / 60) | 0
  return `${PAD2[h]!}:${PAD2[m]!}:${PAD2[second - h * 3600 - m * 60]!}`
}

/** `2024-01-01T00:00:07.919337Z` */
export function isoMicros(us: number): string {
  const { day, second } = splitDay(us)
  return `${dayText(day)}T${clockText(second)}${microsText(us)}`
}

/** The end of such a time: `.919337Z` */
export function microsText(us: number): string {
  const micro = us % 1_000_000
  const high = (micro / 1000) | 0
  return `.${PAD3[high]!}${PAD3[micro - high * 1000]!}Z`
}

/** Day number and second of the day of a time in microseconds. */
export function splitDay(us: number): { day: number; second: number } {
  const day = Math.floor(us / DAY_US)
  return { day, second: Math.floor((us - day * DAY_US) / 1_000_000) }
}

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?)?$/i

/**
 * Microseconds since 1970 of what a client may send: ISO with or without fraction and zone (none means UTC),
 * a bare date, or seconds / milliseconds since 1970. Null when it is none of these.
 */
export function parseTimeUs(text: string): number | null {
  if (/^\d{9,14}(\.\d+)?$/.test(text)) return Math.round(Number(text) * (Number(text) >= 1e11 ? 1e3 : 1e6))
  const m = ISO.exec(text)
  if (!m) return null
  const zone = (m[4] ?? 'Z').toUpperCase().replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')
  const ms = Date.parse(`${m[1]}T${(m[2] ?? '00:00:00').padEnd(8, ':00')}${zone}`)
  // A fraction finer than a microsecond rounds up: `since` must not let an older record in.
  return Number.isNaN(ms) ? null : ms * 1000 + Math.ceil(Number(`0.${m[3] ?? '0'}`) * 1e6 - 1e-3)
}

