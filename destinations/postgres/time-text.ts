const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:([T ])(\d\d):(\d\d)(?::(\d\d)(?:([.,])(\d{1,9}))?)?(\s?(?:Z|[+-]\d\d(?::?\d\d)?))?)?$/i

/** A date or time in ISO form, with what is needed to write another one in the same form. */
export interface TimeText {
  /** Nanoseconds since 1970 UTC; without a zone as if it were UTC. */
  instant: bigint
  /** Nanoseconds since 1970 of the date and time as they are written. */
  wall: bigint
  /** Text between date and time; '' when there is no time. */
  separator: string
  seconds: boolean
  /** Sign before the fraction; '' when there is none. */
  point: string
  digits: number
  zone: string
}

const SECOND = 1_000_000_000n

/** Reads an ISO date or time with up to nine decimals; null when the text is none. */
export function parseTime(text: string): TimeText | null {
  const m = ISO.exec(text)
  if (!m) return null
  const [, y, mo, d, separator = '', h = '00', mi = '00', s, point = '', fraction = '', zone = ''] = m
  const ms = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s ?? '0'))
  if (new Date(ms).getUTCMonth() !== Number(mo) - 1 && Number(h) < 24) return null
  const wall = BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
  return { instant: wall - offset(zone.trim()), wall, separator, seconds: s !== undefined, point, digits: fraction.length, zone }
}

function offset(zone: string): bigint {
  const m = /^([+-])(\d\d):?(\d\d)?$/.exec(zone)
  if (!m) return 0n
  const seconds = BigInt(Number(m[2]) * 3600 + Number(m[3] ?? '0') * 60) * SECOND
  return m[1] === '-' ? -seconds : seconds
}

/** The time `ms` earlier, written in the same form (cut down to its precision, so never later). */
export function earlier(time: TimeText, ms: number): string {
  const wall = time.wall - BigInt(ms) * 1_000_000n
  const second = floorDiv(wall, SECOND)
  const iso = new Date(Number(second) * 1000).toISOString()
  if (time.separator === '') return iso.slice(0, 10)
  const clock = time.seconds ? iso.slice(11, 19) : iso.slice(11, 16)
  const fraction = String(wall - second * SECOND).padStart(9, '0').slice(0, time.digits)
  return `${iso.slice(0, 10)}${time.separator}${clock}${time.digits > 0 ? `${time.point}${fraction}` : ''}${time.zone}`
}

function floorDiv(a: bigint, b: bigint): bigint {
  const q = a / b
  return a % b < 0n ? q - 1n : q
}
