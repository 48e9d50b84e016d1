/** When to come back, as the headers of an answer tell it. All moments are epoch milliseconds. */

const MAX_WAIT_MS = 31 * 86_400_000
const MAX_HEADER = 8 * 1024
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const IMF = /^[a-z]{3}, (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) (?:gmt|utc|\+0000)$/i
const RFC850 = /^[a-z]{6,9}, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) gmt$/i
const ASCTIME = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/

/** Epoch milliseconds of an HTTP-date in any of its three forms (RFC 9110 5.6.7); null when it is none. */
export function parseHttpDate(text: string, nowMs: number): number | null {
  const value = text.trim()
  let m = IMF.exec(value)
  if (m) return utc(m[3]!, m[2]!, m[1]!, m[4]!, m[5]!, m[6]!)
  m = ASCTIME.exec(value)
  if (m) return utc(m[6]!, m[1]!, m[2]!, m[3]!, m[4]!, m[5]!)
  m = RFC850.exec(value)
  if (!m) return null
  // Two digits of a year: the century that does not lie more than 50 years ahead.
  const thisYear = new Date(nowMs).getUTCFullYear()
  let year = Math.floor(thisYear / 100) * 100 + Number(m[3])
  if (year > thisYear + 50) year -= 100
  return utc(String(year), m[2]!, m[1]!, m[4]!, m[5]!, m[6]!)
}

function utc(year: string, month: string, day: string, h: string, min: string, s: string): number | null {
  const index = MONTHS.indexOf(month.toLowerCase())
  const fields = [Number(day), Number(h), Number(min), Number(s)] as const
  if (index < 0 || fields[0] < 1 || fields[0] > 31 || fields[1] > 23 || fields[2] > 59 || fields[3] > 60) return null
  return Date.UTC(Number(year), index, ...fields)
}

/** Never in the past, never more than 31 days ahead. */
function clamp(untilMs: number, nowMs: number): number {
  return Math.min(Math.max(untilMs, nowMs), nowMs + MAX_WAIT_MS)
}

function parseNumber(text: string): number | null {
  return /^[+-]?\d{1,20}(\.\d{1,9})?$/.test(text) ? Number(text) : null
}

/** A number that is seconds from now, epoch seconds or epoch milliseconds, told apart by its size. */
function momentOf(value: number, nowMs: number): number {
  if (value >= 1e11) return value
  if (value >= 1e9) return value * 1000
  return nowMs + value * 1000
}

/**
 * Moment named by a Retry-After value (RFC 9110 10.2.3): seconds or an HTTP-date; ISO dates and epoch numbers are understood too.
 * A date is read against the answer's own Date header, so that clocks that differ neither shorten nor lengthen the wait.
 * null when it says nothing usable, so that the caller falls back to its own backoff.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number, dateHeader?: string): number | null {
  const text = value?.trim()
  if (!text || text.length > 100) return null
  const number = parseNumber(text)
  if (number !== null) return clamp(momentOf(number, nowMs), nowMs)
  const date = ISO.test(text) ? Date.parse(text) : parseHttpDate(text, nowMs)
  if (date === null || Number.isNaN(date)) return null
  const serverNow = dateHeader === undefined ? null : parseHttpDate(dateHeader, nowMs)
  if (serverNow === null) return clamp(date, nowMs)
  const corrected = nowMs + (date - serverNow)
  // Dates are cut to the second: while the clocks seem equal, the later of both readings is never too early.
  return clamp(Math.abs(corrected - date) <= 2000 ? Math.max(corrected, date) : corrected, nowMs)
}

export interface WaitHint {
  untilMs: number
  /** Header that said so. */
  header: string
}

const RESETS = ['x-ratelimit-reset', 'x-rate-limit-reset', 'ratelimit-reset', 'x-ratelimit-reset-requests']

/**
 * The wait an answer asks for: Retry-After first, then its millisecond variants, then X-RateLimit-Reset (epoch seconds,
 * epoch milliseconds or seconds), then the RateLimit draft's fields. null when there is no usable hint.
 */
export function waitHint(headers: Record<string, string>, nowMs: number): WaitHint | null {
  const after = parseRetryAfter(headers['retry-after'], nowMs, headers['date'])
  if (after !== null) return { untilMs: after, header: 'Retry-After' }
  for (const name of ['retry-after-ms', 'x-ms-retry-after-ms']) {
    const ms = parseNumber(headers[name]?.trim() ?? '')
    if (ms !== null) return { untilMs: clamp(nowMs + ms, nowMs), header: name }
  }
  for (const name of RESETS) {
    const text = headers[name]?.trim()
    if (!text || text.length > 100) continue
    const number = parseNumber(text)
    const until = number === null ? (ISO.test(text) ? Date.parse(text) : null) : momentOf(number, nowMs)
    // A reset in the past or years ahead was misread: no hint is better than a wrong one.
    if (until !== null && until > nowMs && until <= nowMs + MAX_WAIT_MS) return { untilMs: until, header: name }
  }
  const draft = draftReset(headers['ratelimit'])
  return draft === null ? null : { untilMs: clamp(nowMs + draft * 1000, nowMs), header: 'RateLimit' }
}

/** Longest reset of the used-up policies of a `RateLimit` header, in seconds (draft-ietf-httpapi-ratelimit-headers, forms of 07 and later). */
function draftReset(value: string | undefined): number | null {
  if (value === undefined || value.length > MAX_HEADER) return null
  let reset: number | null = null
  const oneItem = /(?:^|[,;\s])remaining=/.test(value)
  for (const item of oneItem ? [value] : value.split(',')) {
    const remaining = /(?:^|[;,\s])(?:r|remaining)=(\d{1,10})/.exec(item)
    const seconds = /(?:^|[;,\s])(?:t|reset)=(\d{1,10})/.exec(item)
    if (seconds && (!remaining || Number(remaining[1]) === 0)) reset = Math.max(reset ?? 0, Number(seconds[1]))
  }
  return reset
}

/** The headers say that nothing is left of an allowance. */
export function isExhausted(headers: Record<string, string>): boolean {
  for (const name of ['x-ratelimit-remaining', 'x-rate-limit-remaining', 'ratelimit-remaining']) {
    if (headers[name]?.trim() === '0') return true
  }
  const draft = headers['ratelimit']
  return draft !== undefined && draft.length <= MAX_HEADER && /(?:^|[;,\s])(?:r|remaining)=0(?![\d.])/.test(draft)
}
