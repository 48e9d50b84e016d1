import { check, everyRecordOnce, from, readsOn, stopIs } from '../check.ts'
import type { Fault } from '../proxy.ts'
import type { Bench, Case } from '../types.ts'

const always = (): null => null
const answer = (status: number, headers: Record<string, string> = {}, body: object = { error: 'too many requests' }): Fault => ({ kind: 'answer', status, headers, body: JSON.stringify(body) })

/** The first request is refused; nothing is sent before the wait is over, or before the moment that was told (epoch ms); then everything comes. */
async function obeys(bench: Bench, fault: Fault, leastMs: number, momentMs = 0): Promise<void> {
  bench.proxy.fault = from(0, fault)
  const all = await bench.toEnd()
  stopIs(all.result.stop, 'done')
  everyRecordOnce(all.keys, bench.running.keys)
  const [refused, next] = bench.proxy.passed
  check(next!.atMs >= momentMs, () => `asked again ${momentMs - next!.atMs} ms before the moment that was told`)
  check(next!.atMs - refused!.atMs >= leastMs, () => `asked again after ${next!.atMs - refused!.atMs} ms instead of ${leastMs}`)
}

const obeysAt = (bench: Bench, at: number, headers: (at: number) => Record<string, string>): Promise<void> => obeys(bench, answer(429, headers(at)), 0, at)

/** Being told to wait. */
export const LIMITS: Case[] = [
  { name: '429, seconds', shows: 'Retry-After in seconds is obeyed', covers: [24], skip: always, run: (bench) => obeys(bench, answer(429, { 'retry-after': '1' }), 990) },
  { name: '429, date', shows: 'Retry-After as an HTTP-date is obeyed', covers: [22], skip: always, run: (bench) => obeysAt(bench, Math.floor(Date.now() / 1000) * 1000 + 2_000, (at) => ({ 'retry-after': new Date(at).toUTCString() })) },
  { name: '429, epoch', shows: 'X-RateLimit-Reset in epoch milliseconds is no wait of a thousand years', covers: [23], skip: always, run: (bench) => obeysAt(bench, Date.now() + 1_000, (at) => ({ 'x-ratelimit-reset': String(at) })) },
  { name: '429, silent', shows: 'a limit without any hint is waited out', covers: [24], skip: always, run: (bench) => obeys(bench, answer(429), 900) },
  { name: '503, Retry-After', shows: 'a limit told as 503 is a limit', covers: [24], skip: always, run: (bench) => obeys(bench, answer(503, { 'retry-after': '1' }), 990) },
  { name: '403, quota', shows: 'a quota told as 403 is no missing permission', covers: [6], skip: always, run: (bench) => obeys(bench, answer(403, { 'retry-after': '1' }, [{ errorCode: 'REQUEST_LIMIT_EXCEEDED', message: 'TotalRequests Limit exceeded' }]), 900) },
  { name: '401, limit', shows: 'a limit told as 401 does not cost the token', covers: [24, 9], skip: always, run: (bench) => obeys(bench, answer(401, { 'retry-after': '1' }, { code: 'rate_limit_exceeded' }), 900) },
  {
    name: 'long wait', shows: 'a wait of an hour goes to the workflow, with its place', covers: [], skip: always,
    async run(bench) {
      bench.proxy.fault = from(1, answer(429, { 'retry-after': '3600' }))
      const first = await bench.read({ inTurn: true })
      if (first.result.stop.kind === 'done') return everyRecordOnce(first.keys, bench.running.keys)
      stopIs(first.result.stop, 'throttled')
      const { stop } = first.result
      const wait = stop.kind === 'throttled' ? stop.untilMs - Date.now() : 0
      // A report is asked about again sooner.
      if (!bench.running.stream.job) check(wait > 3_590_000 && wait < 3_610_000, () => `it waits ${wait} ms`)
      await readsOn(bench, first)
    },
  },
]
