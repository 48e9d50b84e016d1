import { describe, expect, it } from 'vitest'
import type { ChaosOptions } from '../chaos/options.ts'
import type { ChaosResult } from '../chaos/result.ts'
import { runChaos } from '../chaos/run.ts'
import { scheduleOf } from '../chaos/schedule.ts'
import { runZombies } from '../chaos/zombie.ts'

const BASE: ChaosOptions = { seed: 11, records: 6_000, kills: 2, target: 'worker', pageSize: 50, paging: 'cursor', latency: 15, verbose: false, json: false }

/** The short form of `npm run chaos`: nothing missing, nothing doubled, all faults fired. */
function expectProof(result: ChaosResult, kills: number): void {
  expect(result).toMatchObject({ problems: [], missing: 0, doubled: 0, foreign: 0, checksumEqual: true, staleWrites: 0, faults: { asked: kills, injected: kills }, outcome: 'completed' })
}

describe('chaos', () => {
  it('has the same schedule under the same seed', () => {
    const one = scheduleOf({ ...BASE, target: 'all', kills: 30 })
    expect(scheduleOf({ ...BASE, target: 'all', kills: 30 })).toEqual(one)
    expect(scheduleOf({ ...BASE, target: 'all', kills: 30, seed: 12 })).not.toEqual(one)
    expect(() => scheduleOf({ ...BASE, kills: 120 })).toThrow(/raise --records/)
  })

  it('a worker is killed, pages by number', async () => {
    const result = await runChaos({ ...BASE, kills: 5, paging: 'page' }, () => {})
    expectProof(result, 5)
    expect(result.pagesAskedTwice).toBeLessThanOrEqual(5 + 3)
  }, 180_000)

  it('Temporal and PostgreSQL are killed', async () => {
    for (const target of ['temporal', 'postgres'] as const) expectProof(await runChaos({ ...BASE, target }, () => {}), 2)
  }, 300_000)

  it('the API and the network before it misbehave, records change, cursors expire', async () => {
    const result = await runChaos({ ...BASE, target: 'api', kills: 20 }, () => {})
    expectProof(result, 20)
    expect(result.faults.kinds).toMatchObject({ 'expired-cursors': 1, 'status:429:retry-after': expect.any(Number) as number })
    expect(result.requestsDuringRetryAfter).toBe(0)
    expect(result.tokensRefused).toBeGreaterThan(0)
  }, 300_000)

  it('a stopped worker wakes up when another has taken over', async () => {
    expectProof(await runZombies({ ...BASE, target: 'zombie', pageSize: 20, latency: 60, kills: 1 }, () => {}), 1)
  }, 300_000)
})
