import { describe, expect, it } from 'vitest'
import { because, clock, dayAndTime, errorLines, inWords, many, verbatim } from './words.ts'

describe('what others have said', () => {
  it.each([
    ['GET https://a.b/c?d=e_f_g: HTTP 404: {"error": "no *such* thing"}', 'GET `https://a.b/c?d=e_f_g`: HTTP 404: `{"error": "no *such* thing"}`'],
    ['HTTP 503: <html>\n  <b>`down`</b></html>', 'HTTP 503: `<html> <b>down</b></html>`'],
    ['see https://a.b/c.', 'see `https://a.b/c`.'],
    ['![x](http://evil/x) #1', '\\!`[x]`(`http://evil/x`) \\#1'],
    ['set SIM_REFRESH, then `isthmus connect crm`', 'set SIM\\_REFRESH, then `isthmus connect crm`'],
    ['', ''],
  ])('%s', (said, shown) => expect(verbatim(said)).toBe(shown))
})

describe('times and counts', () => {
  it('are as exact as a reader needs them', () => {
    expect([90_000, 5_400_000, 86_400_000, 604_800_000].map(inWords)).toEqual(['90 s', '90 min', '24 h', '7 days'])
    const now = Date.UTC(2026, 10, 28, 7, 35, 10)
    expect([clock(now, now), clock(now + 86_400_000, now), dayAndTime(now)]).toEqual(['07:35:10 UTC', '2026-11-29 07:35:10 UTC', '2026-11-28 07:35:10 UTC'])
    expect([many(1, 'chunk'), many(1_200, 'chunk')]).toEqual(['**1** chunk', '**1,200** chunks'])
  })
})

describe('reasons', () => {
  it.each([
    ['HTTP 429, Retry-After', 'the API of connection `shop` has asked for this pause (HTTP 429, Retry-After)'],
    ['the allowance of this account', 'the requests that the limits of connection `shop` allow are used up for now'],
    ['the allowance of this account, as its headers tell: others use it too', 'the requests that the limits of connection `shop` allow are used up for now, as its headers tell: others use it too'],
    ['HTTP 503: {"a":1}', 'HTTP 503: `{"a":1}`'],
  ])('%s', (reason, told) => expect(because(reason, 'shop')).toBe(told))

  it('of errors come with what to do, also when there is no cure', () => {
    expect(errorLines({ type: 'Fenced', message: 'a newer run', field: '', cure: '' }, 'Then run it.')).toEqual(['What failed: **Fenced**: a newer run', '', 'What to do: Then run it.', ''])
    expect(errorLines({ type: 'Contract', message: 'm', field: 'from.path', cure: 'look' })).toEqual(['What failed: **Contract**: m', '', 'Where in the sync: `from.path`', '', 'What to do: look.', ''])
  })
})
