import { TestWorkflowEnvironment } from '@temporalio/testing'
import { bundleWorkflowCode, Worker } from '@temporalio/worker'
import { ApplicationFailure } from '@temporalio/activity'
import { fileURLToPath } from 'node:url'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporalBinary, timeSkippingServerBinary } from '../../workers/index.ts'
import type { Activities } from '../../activities/types.ts'
import type { RunReceipt } from '../../model/run.ts'
import { fakeActivities } from '../support/fake-activities.ts'

/** What an operator sees and does while a run goes on. */
interface Operator {
  /** The receipt once every open stream is parked. */
  parked(): Promise<RunReceipt>
  decide(stream: string, update: 'retry' | 'skip' | 'approve', ...args: unknown[]): Promise<unknown>
  order(update: 'pause' | 'resume', ...args: unknown[]): Promise<unknown>
  cancel(): Promise<unknown>
}

const ORDER = { plan: 'p2', connection: 'c', table: 'public.t' }

/** The workflows' own logic on the real time-skipping server: only the activities are stand-ins. */
describe('sync workflow', () => {
  let skipping: TestWorkflowEnvironment
  // The time-skipping server loses updates now and then: what an operator does is tried on the real one.
  let real: TestWorkflowEnvironment
  let bundle: { code: string }

  beforeAll(async () => {
    bundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)) })
    skipping = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path: await timeSkippingServerBinary() } } })
    real = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: await temporalBinary() } } })
  })
  afterAll(async () => {
    await skipping?.teardown()
    await real?.teardown()
  })

  async function run(activities: Activities, streams = ['orders'], operator: ((run: Operator) => Promise<void>) | null = null): Promise<{ receipt: RunReceipt; failed: boolean; hours: number }> {
    const server = operator ? real : skipping
    const taskQueue = `isthmus-${randomUUID()}`
    const options = { connection: server.nativeConnection, activities, workflowBundle: bundle }
    const workers = [await Worker.create({ ...options, taskQueue }), ...(await Promise.all(['isthmus-api', 'isthmus-start'].map((queue) => Worker.create({ connection: server.nativeConnection, activities, taskQueue: queue }))))]
    const began = await server.currentTimeMs()
    const input = { sync: 's', run: 'r', plan: 'p', searchAttributes: false, streams: streams.map((name) => ({ name, connection: 'c', table: 'public.t', firstPage: null, anew: '' })) }
    let failed = false
    const all = workers.map((w) => w.run())
    try {
      const workflowId = randomUUID()
      const handle = await server.client.workflow.start('sync', { taskQueue, workflowId, args: [input] })
      const operated = operator?.({
        parked: async () => {
          for (;;) {
            const receipt = await handle.query<RunReceipt | null>('receipt')
            if (receipt) return receipt
            await sleep(50)
          }
        },
        decide: (stream, update, ...args) => server.client.workflow.getHandle(`${workflowId}/${stream}`).executeUpdate(update, { args: args as [] }),
        order: (update, ...args) => handle.executeUpdate(update, { args: args as [] }),
        cancel: () => handle.cancel(),
      })
      // A mistake of the operator must not leave the run waiting for him.
      operated?.catch(() => handle.terminate()).catch(() => undefined)
      const receipt = await handle.result().catch((error: { cause?: ApplicationFailure }) => {
        failed = true
        return error.cause?.details?.[0] as RunReceipt
      })
      await operated
      return { receipt, failed, hours: ((await server.currentTimeMs()) - began) / 3_600_000 }
    } finally {
      for (const w of workers) w.shutdown()
      await Promise.all(all)
    }
  }

  it('pages, maps and posts every chunk in order and balances the receipt', async () => {
    const { activities, calls } = fakeActivities((call) => ({ stop: { kind: call < 5 ? 'more' : 'done' }, records: 10 }))
    const { receipt } = await run(activities)
    expect(receipt).toMatchObject({ outcome: 'completed', total: { read: 50, inserted: 50, chunks: 5, requests: 5 } })
    expect(calls.posted).toEqual([1, 2, 3, 4, 5])
    expect(calls.finished).toHaveLength(1)
  })

  it('waits out a daily quota with a timer and goes on', async () => {
    const { activities } = fakeActivities((call) => (call === 2 ? { stop: { kind: 'throttled', untilMs: 0, reason: 'daily quota' }, waitMs: 25 * 3_600_000 } : { stop: { kind: call < 3 ? 'more' : 'done' }, records: 10 }))
    const { receipt, hours } = await run(activities)
    expect(receipt).toMatchObject({ outcome: 'completed', total: { read: 20 } })
    expect(receipt.streams[0]!.waits).toMatchObject({ count: 1, reasons: { 'daily quota': 1 } })
    expect(hours).toBeGreaterThan(20)
  })

  it('fetches a new token when one is refused, and goes on where it was', async () => {
    const { activities, calls } = fakeActivities((call) => (call === 2 ? { stop: { kind: 'authRequired', version: 1, reason: '401' }, records: 5 } : { stop: { kind: call < 3 ? 'more' : 'done' }, records: 10 }))
    const { receipt } = await run(activities)
    expect(receipt).toMatchObject({ outcome: 'completed', total: { read: 25 } })
    expect(receipt.streams[0]!.tokenRefreshes).toBe(2)
    expect(calls.authenticate).toEqual([-1, 1])
  })

  it('parks when fresh tokens are refused too, and goes on with the new plan when it is sent on', async () => {
    let good = false
    const { activities, calls } = fakeActivities((_call, at) => (at > 1 && !good ? { stop: { kind: 'authRequired', version: 1, reason: 'the API refused the token' } } : { stop: { kind: at < 3 ? 'more' : 'done' }, records: 10 }))
    const { receipt } = await run(activities, ['orders'], async ({ parked, decide }) => {
      expect(await parked()).toMatchObject({ outcome: 'parked', streams: [{ outcome: 'parked', counts: { read: 20 }, error: { type: 'AuthFailed' } }] })
      await expect(decide('orders', 'approve')).rejects.toThrow()
      good = true
      await decide('orders', 'retry', ORDER)
    })
    expect(receipt).toMatchObject({ outcome: 'completed', total: { read: 40, chunks: 4 } })
    expect(calls.authenticate.length).toBeLessThanOrEqual(4)
    expect(calls.parked).toMatchObject([{ error: { type: 'AuthFailed' }, until: null }])
    expect(calls.prepared).toMatchObject([{ round: 0, plan: 'p' }, { round: 1, plan: 'p2', committed: 2 }])
  })

  it('survives interruptions with growing waits; an outage parks it, and it tries again by itself', async () => {
    const recovering = fakeActivities((call) => (call < 4 ? { stop: { kind: 'interrupted', type: 'Transient', reason: 'HTTP 503', untilMs: 0 } } : { stop: { kind: 'done' }, records: 3 }))
    expect((await run(recovering.activities)).receipt).toMatchObject({ outcome: 'completed', total: { read: 3 } })
    expect(recovering.calls.parked).toHaveLength(0)

    const down = fakeActivities((call) => (call < 12 ? { stop: { kind: 'interrupted', type: 'Unreachable', reason: 'no answer', untilMs: 0 } } : { stop: { kind: 'done' }, records: 3 }))
    expect((await run(down.activities)).receipt).toMatchObject({ outcome: 'completed', total: { read: 3 } })
    expect(down.calls.parked).toMatchObject([{ error: { type: 'Unreachable' }, until: expect.any(String) }])
  })

  it('stops when too many records do not fit, before they are written, and goes on when that is approved', async () => {
    const { activities, calls } = fakeActivities((_call, at) => ({ stop: { kind: at < 1 ? 'more' : 'done' }, records: 100 }))
    const map = activities.map.bind(activities)
    activities.map = async (request) => ({ ...(await map(request)), rows: 60, rejected: 40 })
    const { receipt } = await run(activities, ['orders'], async ({ parked, decide }) => {
      expect(await parked()).toMatchObject({ streams: [{ counts: { read: 0 }, error: { type: 'Implausible', field: 'guard.rejects' } }] })
      expect(calls.posted).toEqual([])
      await decide('orders', 'approve')
    })
    expect(receipt).toMatchObject({ outcome: 'completed', total: { read: 200, inserted: 120, rejected: 80 } })
    expect(calls.prepared).toHaveLength(1)
  })

  it('stops a complete scan that found far fewer records than the last one', async () => {
    const { activities } = fakeActivities(() => ({ stop: { kind: 'done' }, records: 10 }))
    const prepare = activities.prepare.bind(activities)
    activities.prepare = async (request) => ({ ...(await prepare(request)), full: true, lastFull: 1_000 })
    const { receipt } = await run(activities, ['orders'], async ({ parked, decide }) => {
      expect(await parked()).toMatchObject({ streams: [{ error: { type: 'Implausible', field: 'guard.drop' } }] })
      await decide('orders', 'skip')
    })
    expect(receipt).toMatchObject({ outcome: 'skipped', streams: [{ outcome: 'skipped', error: { type: 'Implausible' } }] })
  })

  it('reads a chunk again when its staged pages are gone', async () => {
    const { activities, calls, set } = fakeActivities((_call, at) => ({ stop: { kind: at < 4 ? 'more' : 'done' }, records: 10 }))
    let lost = 0
    set.map = (seq) => {
      if (seq === 3 && lost++ === 0) throw ApplicationFailure.nonRetryable('gone', 'StageLost')
    }
    const { receipt } = await run(activities)
    expect(receipt).toMatchObject({ outcome: 'completed', total: { read: 50, chunks: 5 } })
    expect(calls.posted).toEqual([1, 2, 3, 4, 5])
  })

  it('reads in turn, and shortly, behind a chunk that was interrupted', async () => {
    const { activities } = fakeActivities((call) => ({ stop: { kind: call < 4 ? 'more' : 'done' }, records: 10, again: call === 2 }))
    const page = activities.page.bind(activities)
    const asked: unknown[] = []
    activities.page = async (request) => (asked.push([request.inTurn, request.budget.ms]), page(request))
    const prepare = activities.prepare.bind(activities)
    activities.prepare = async (target) => ({ ...(await prepare(target)), chunk: { ms: 20_000, bytes: 1000, requests: 10 } })
    expect((await run(activities)).receipt).toMatchObject({ outcome: 'completed', total: { read: 40 } })
    expect(asked).toEqual([[false, 1_500], [false, 20_000], [true, 5_000], [false, 20_000]])
  })

  it('delivers what was read and reads no more while it is paused, then goes on', async () => {
    let read: () => void = () => undefined
    const reading = new Promise<void>((resolve) => (read = resolve))
    const { activities, calls } = fakeActivities((call) => {
      if (call === 3) read()
      return { stop: { kind: call < 60 ? 'more' : 'done' }, records: 1 }
    })
    const { receipt } = await run(activities, ['orders'], async ({ order }) => {
      await reading
      await expect(order('resume')).rejects.toThrow()
      await order('pause', { note: 'month end' })
      await expect.poll(() => calls.paused).toMatchObject([{ note: 'month end', stream: 'orders' }])
      const { page } = calls
      expect(page).toBeLessThan(60)
      expect(calls.posted).toHaveLength(page)
      await order('pause', { note: 'longer' })
      await expect.poll(() => calls.paused.length).toBe(2)
      expect(calls.page).toBe(page)
      await order('resume')
    })
    expect(receipt).toMatchObject({ outcome: 'completed', total: { read: 60, chunks: 60 } })
  })

  it('is cancelled while it is paused', async () => {
    const { activities, calls } = fakeActivities(() => ({ stop: { kind: 'more' }, records: 1 }))
    const { failed } = await run(activities, ['orders'], async ({ order, cancel }) => {
      await order('pause', { note: '' })
      await expect.poll(() => calls.paused.length).toBe(1)
      await cancel()
    })
    expect(failed).toBe(true)
    expect(calls.finished).toMatchObject([{ receipt: { outcome: 'cancelled', total: { read: calls.page } } }])
  })

  it('one parked stream stops no other', async () => {
    const { activities } = fakeActivities(() => ({ stop: { kind: 'done' }, records: 7 }))
    const page = activities.page.bind(activities)
    activities.page = async (request) => (request.stream === 'bad' ? { stop: { kind: 'refused', type: 'Contract', reason: 'no records there', field: 'records', cure: 'correct it' }, chunk: null, position: null, requests: 1, waitMs: 0, tokenRefreshes: 0 } : page(request))
    const { receipt } = await run(activities, ['good', 'bad'], async ({ parked, decide }) => {
      expect((await parked()).streams.map((s) => [s.stream, s.outcome])).toEqual([['good', 'completed'], ['bad', 'parked']])
      await decide('bad', 'skip')
    })
    expect(receipt.streams.map((s) => [s.stream, s.outcome])).toEqual([['good', 'completed'], ['bad', 'skipped']])
    expect(receipt).toMatchObject({ outcome: 'completed', total: { read: 7 } })
  })

  it('fails a run whose counts do not add up', async () => {
    const { activities } = fakeActivities(() => ({ stop: { kind: 'done' }, records: 7 }))
    activities.post = async () => ({ inserted: 6, updated: 0, unchanged: 0, deleted: 0, refused: 0, repeated: false, stop: null })
    const { receipt, failed } = await run(activities)
    expect(failed).toBe(true)
    expect(receipt.streams[0]!.error).toMatchObject({ type: 'ReceiptMismatch' })
  })
})
