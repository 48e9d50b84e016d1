import { describe, expect, it } from 'vitest'
import type { RunError, StreamReceipt } from '../model/run.ts'
import { beginBackfill, isOver, learnWindow, progressOf, retryStopped, takeNext, totalTasks, windowOf, type BackfillInput } from './backfill-state.ts'
import { noCounts } from './counts.ts'

const DAY = 86_400_000
const input = (more: Partial<BackfillInput> = {}): BackfillInput => ({
  id: 'b', sync: 's', plan: 'p', streams: ['a', 'b'].map((name) => ({ name, connection: 'c', table: 'public.t' })),
  from: '2019-01-01T00:00:00.000Z', to: '2024-12-31T10:00:00.000Z', windowMs: 7 * DAY, order: 'newest', concurrency: 4, searchAttributes: false, carried: null, ...more,
})
const receipt = (outcome: StreamReceipt['outcome'], type?: RunError['type']): StreamReceipt => ({
  stream: 'a', outcome, resumed: false, counts: { ...noCounts(), read: 10 }, waits: { count: 0, ms: 0, reasons: {} }, tokenRefreshes: 0, error: type ? { type, message: 'm'.repeat(5_000), field: '', cure: 'c'.repeat(5_000) } : null,
})

describe('the windows of a backfill', () => {
  it.each(['newest', 'oldest'] as const)('%s first: cover the range of each stream without gap or overlap', (order) => {
    const one = input({ order })
    const all = Array.from({ length: totalTasks(one) }, (_, task) => windowOf(one, task))
    expect(all).toHaveLength(2 * 314)
    for (const name of ['a', 'b']) {
      const mine = all.filter((w) => w.stream.name === name)
      if (order === 'newest') mine.reverse()
      expect(mine[0]!.from).toBe(one.from)
      expect(mine.at(-1)!.to).toBe(one.to)
      for (const [i, w] of mine.entries()) {
        if (i > 0) expect(w.from).toBe(mine[i - 1]!.to)
        expect(Date.parse(w.to) - Date.parse(w.from)).toBeLessThanOrEqual(one.windowMs)
      }
    }
  })

  it('are each begun once; one that was handed back comes first', () => {
    const one = input({ windowMs: 365 * DAY, streams: [input().streams[0]!] })
    const state = beginBackfill(one)
    const seen: number[] = []
    for (let task = takeNext(one, state); task; task = takeNext(one, state)) {
      seen.push(task.task)
      learnWindow(state, task, receipt(task.task === 2 && task.attempt === 1 ? 'cancelled' : 'completed'), 0)
    }
    expect(seen).toEqual([0, 1, 2, 2, 3, 4, 5, 6])
    expect(isOver(one, state)).toBe(true)
    expect(state).toMatchObject({ done: 7, counts: { read: 80 } })
  })

  it('that stop are listed until they are told to go on; many in a row pause it, a source that is away lets it rest', () => {
    const one = input()
    const state = beginBackfill(one)
    learnWindow(state, takeNext(one, state)!, receipt('parked', 'Contract'), 0)
    expect(state).toMatchObject({ paused: null, rest: null, stopped: [{ task: 0 }] })
    learnWindow(state, takeNext(one, state)!, receipt('parked', 'Unreachable'), 1_000)
    learnWindow(state, { task: 2, attempt: 1 }, receipt('parked', 'Unreachable'), 2_000)
    expect(state).toMatchObject({ rest: { until: 61_000 }, rests: 1, again: [{ task: 1, attempt: 2 }, { task: 2, attempt: 2 }] })
    for (let i = 0; i < 24; i += 1) learnWindow(state, { task: 10 + i, attempt: 1 }, receipt('parked', 'Contract'), 0)
    expect(state.paused).toMatchObject({ by: 'itself' })
    // Whatever errors say: it has to pass through Temporal.
    expect(JSON.stringify(state).length).toBeLessThan(14_000)
    expect(JSON.stringify(progressOf(one, state, 'paused', [], null, 0)).length).toBeLessThan(15_000)
    retryStopped(state)
    expect(state).toMatchObject({ stopped: [], rest: null, inARow: 0 })
    expect(takeNext(one, state)).toEqual({ task: 1, attempt: 2 })
  })

  it('one wrong credential is enough to pause it', () => {
    const one = input()
    const state = beginBackfill(one)
    learnWindow(state, takeNext(one, state)!, receipt('parked', 'AuthFailed'), 0)
    expect(state.paused).toMatchObject({ by: 'itself' })
  })
})
