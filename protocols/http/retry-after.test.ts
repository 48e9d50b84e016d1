import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isExhausted, parseHttpDate, parseRetryAfter, waitHint } from './retry-after.ts'

const now = Date.UTC(2026, 10, 24, 12, 0, 0)
const month = 31 * 86_400_000

describe('parseHttpDate', () => {
  it('reads the three forms of RFC 9110 5.6.7', () => {
    const moment = Date.UTC(1994, 10, 6, 8, 49, 37)
    for (const text of ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994']) expect(parseHttpDate(text, now)).toBe(moment)
    expect(parseHttpDate('Tuesday, 24-Nov-26 12:00:05 GMT', now)).toBe(now + 5000)
    for (const text of ['', 'NaN', 'Sun, 99 Nov 1994 08:49:37 GMT', 'Sun, 06 Xxx 1994 08:49:37 GMT', '24.11.2026']) expect(parseHttpDate(text, now)).toBeNull()
  })
})

describe('parseRetryAfter', () => {
  it.each([
    ['2', 2000],
    ['0', 0],
    ['1.5', 1500],
    [' 7 ', 7000],
    ['-3', 0],
    ['99999999999999999999', month],
    [new Date(now + 9000).toUTCString(), 9000],
    [new Date(now - 9000).toUTCString(), 0],
    [new Date(now + 9000).toISOString(), 9000],
    [String(now / 1000 + 60), 60_000],
    [String(now + 60_000), 60_000],
  ])('%s', (text, ms) => expect(parseRetryAfter(text, now)).toBe(now + ms))

  it.each([undefined, '', 'NaN', 'Infinity', 'soon', '1e9', '0x10', 'Invalid Date', '1'.repeat(200)])('%s says nothing', (text) => {
    expect(parseRetryAfter(text, now)).toBeNull()
  })

  it('reads dates against the clock of the server', () => {
    const server = now - 3_600_000
    expect(parseRetryAfter(new Date(server + 5000).toUTCString(), now, new Date(server).toUTCString())).toBe(now + 5000)
    // Both dates are cut to the second: never earlier than the server meant.
    expect(parseRetryAfter(new Date(now + 3000).toUTCString(), now + 900, new Date(now).toUTCString())).toBe(now + 3900)
  })

  it('is never NaN, never in the past and never above 31 days', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.integer().map(String), fc.date({ noInvalidDate: true }).map((d) => d.toUTCString())), (text) => {
        const until = parseRetryAfter(text, now)
        expect(until === null || (until >= now && until <= now + month)).toBe(true)
      }),
    )
  })
})

describe('waitHint', () => {
  it.each([
    [{ 'retry-after': '3', 'x-ratelimit-reset': '99' }, 3000],
    [{ 'retry-after': 'NaN', 'x-ratelimit-reset': '99' }, 99_000],
    [{ 'x-ratelimit-reset': String(now / 1000 + 30) }, 30_000],
    [{ 'x-ratelimit-reset': String(now + 30_000) }, 30_000],
    [{ 'x-ratelimit-reset': '30' }, 30_000],
    [{ 'x-ratelimit-reset': new Date(now + 30_000).toISOString() }, 30_000],
    [{ 'ratelimit-reset': '12' }, 12_000],
    [{ ratelimit: 'limit=100, remaining=0, reset=42' }, 42_000],
    [{ ratelimit: '"burst";r=5;t=3, "day";r=0;t=77' }, 77_000],
    [{ 'retry-after-ms': '250' }, 250],
  ])('%o', (headers, ms) => expect(waitHint(headers as unknown as Record<string, string>, now)?.untilMs).toBe(now + ms))

  it.each([{}, { 'x-ratelimit-reset': String(now / 1000 - 30) }, { 'x-ratelimit-reset': '99999999999999999' }, { ratelimit: '"day";r=5;t=77' }, { ratelimit: 'x'.repeat(9000) }])('%o gives none', (headers) => {
    expect(waitHint(headers as unknown as Record<string, string>, now)).toBeNull()
  })

  it('knows an exhausted allowance', () => {
    expect(isExhausted({ 'x-ratelimit-remaining': '0' })).toBe(true)
    expect(isExhausted({ ratelimit: '"day";r=0;t=7' })).toBe(true)
    expect(isExhausted({ 'x-ratelimit-remaining': '10', ratelimit: '"day";r=10;t=7' })).toBe(false)
  })
})
