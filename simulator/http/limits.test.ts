import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { parseOptions } from '../options.ts'
import { Peak } from '../rate.ts'
import type { Simulator } from '../server.ts'
import { startSimulator } from '../server.ts'
import { get, sleep } from '../testing/client.ts'
import { Limits, retryAfter } from './limits.ts'

describe('the sliding window', () => {
  it('lets through what a list of all times would, and never more', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 200 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 10, max: 200 }), (gaps, requests, perMs) => {
        const limits = new Limits(parseOptions({ limits: [{ requests, perMs }, { requests: requests * 3, perMs: perMs * 5 }] }))
        const passed: number[] = []
        let now = 0
        for (const gap of gaps) {
          now += gap
          const free = passed.filter((t) => t > now - perMs).length < requests && passed.filter((t) => t > now - perMs * 5).length < requests * 3
          const wait = limits.take(now, 1)
          expect(wait === 0).toBe(free)
          if (free) passed.push(now)
          else expect(passed.filter((t) => t > now + wait - perMs).length < requests && passed.filter((t) => t > now + wait - perMs * 5).length < requests * 3).toBe(true)
        }
      }),
    )
  })

  it('peaks are exact', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 300 }), (gaps) => {
        const peak = new Peak(100)
        let now = 0
        const times = gaps.map((g) => (now += g))
        times.forEach((t) => peak.add(t))
        expect(peak.highest).toBe(Math.max(...times.map((t) => times.filter((u) => u > t - 100 && u <= t).length), ...[0]))
      }),
    )
  })

  it('Retry-After rounds up in both forms', () => {
    expect(retryAfter('seconds', 1200, 0)).toEqual({ headers: { 'Retry-After': '2' }, announcedMs: 2000 })
    expect(retryAfter('date', 1200, 1_704_067_200_500)).toEqual({ headers: { 'Retry-After': 'Mon, 01 Jan 2024 00:00:02 GMT' }, announcedMs: 1500 })
    expect(retryAfter('none', 1200, 0)).toEqual({ headers: {}, announcedMs: 0 })
  })
})

describe('over HTTP', () => {
  let sim: Simulator
  const data = () => get(sim, '/page/transactions?per_page=1')
  afterEach(() => sim.close())

  it.each(['seconds', 'date', 'none'] as const)('answers 429 with Retry-After as %s', async (form) => {
    sim = await startSimulator({ limits: [{ requests: 3, perMs: 60_000 }], retryAfter: form, rateLimitHeaders: true })
    const answers = [await data(), await data(), await data(), await data()]
    expect(answers.map((a) => a.status)).toEqual([200, 200, 200, 429])
    expect(answers.map((a) => a.headers['x-ratelimit-remaining'])).toEqual(['2', '1', '0', '0'])
    const said = answers[3]!.headers['retry-after']
    if (form === 'none') expect(said).toBeUndefined()
    else if (form === 'seconds') expect(Number(said)).toBeGreaterThanOrEqual(59)
    else expect(Math.abs(Date.parse(said!) - Date.now() - 60_000)).toBeLessThan(2000)
    expect(sim.stats()).toMatchObject({ throttled: 1, highestPerWindow: [{ requests: 3, perMs: 60_000, highest: 4 }], highestPerSecond: 4 })
  })

  it('lets on after the window', async () => {
    sim = await startSimulator({ limits: [{ requests: 1, perMs: 150 }] })
    expect([(await data()).status, (await data()).status]).toEqual([200, 429])
    await sleep(160)
    expect((await data()).status).toBe(200)
  })

  it('caps what is under way; refused requests hold no place', async () => {
    sim = await startSimulator({ concurrency: 2, latencyMs: 100 })
    const statuses = (await Promise.all([data(), data(), data(), data()])).map((a) => a.status).sort()
    expect(statuses).toEqual([200, 200, 429, 429])
    expect(sim.stats().highestConcurrency).toBe(4)
    expect((await data()).status).toBe(200)
  })

  it('throttles once, and sees who comes back too early', async () => {
    sim = await startSimulator({ throttleOnce: { atRequest: 2, retryAfterSeconds: 1 } })
    await data()
    const refused = await data()
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1'])
    await data()
    expect(sim.stats().requestsDuringRetryAfter).toBe(0)
    await sleep(100)
    expect((await data()).status).toBe(200)
    expect(sim.stats().requestsDuringRetryAfter).toBe(1)
    await sleep(950)
    await data()
    expect(sim.stats()).toMatchObject({ requestsDuringRetryAfter: 1, throttled: 1 })
  })
})
