import { TestWorkflowEnvironment } from '@temporalio/testing'
import { bundleWorkflowCode, Worker } from '@temporalio/worker'
import { ApplicationFailure } from '@temporalio/activity'
import { fileURLToPath } from 'node:url'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { timeSkippingServerBinary } from '../../workers/index.ts'
import type { Activities } from '../../activities/types.ts'
import type { RunReceipt } from '../../model/run.ts'
import { fakeActivities } from '../support/fake-activities.ts'

/** The workflows' own logic on the real time-skipping server: only the activities are stand-ins. */
describe('sync workflow', () => {
  let server: TestWorkflowEnvironment
  let bundle: { code: string }

  beforeAll(async () => {
    bundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)) })
    server = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path: await timeSkippingServerBinary() } } })
  })
  afterAll(async () => {
    await server?.teardown()
  })

  async function run(activities: Activities, streams = ['orders']): Promise<{ receipt: RunReceipt; failed: boolean; hours: number }> {
    const taskQueue = `isthmus-${randomUUID()}`
    const options = { connection: server.nativeConnection, activities, workflowBundle: bundle }
    const workers = [await Worker.create({ ...options, taskQueue }), await Worker.create({ connection: server.nativeConnection, activities, taskQueue: 'isthmus-api' })]
    const began = await server.currentTimeMs()
    const input = { sync: 's', run: 'r', plan: 'p', searchAttributes: false, streams: streams.map((name) => ({ name, connection: 'c', table: 'public.t', firstPage: null })) }
    let failed = false
    const all = workers.map((w) => w.run())
    try {
      const receipt = await server.client.workflow.execute('sync', { taskQueue, workflowId: randomUUID(), args: [input] }).catch((error: { cause?: ApplicationFailure }) => {
        failed = true
        return error.cause?.details?.[0] as RunReceipt
      })
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

  it('gives up when fresh tokens are refused too', async () => {
    const { activities, calls } = fakeActivities(() => ({ stop: { kind: 'authRequired', version: 1, reason: 'the API refused the token' } }))
    const { receipt, failed } = await run(activities)
    expect(failed).toBe(true)
    expect(receipt.streams[0]!.error).toMatchObject({ type: 'AuthFailed' })
    expect(calls.authenticate.length).toBeLessThanOrEqual(3)
  })

  it('survives interruptions with growing waits, and gives up without progress', async () => {
    const recovering = fakeActivities((call) => (call < 4 ? { stop: { kind: 'interrupted', type: 'Transient', reason: 'HTTP 503', untilMs: 0 } } : { stop: { kind: 'done' }, records: 3 }))
    expect((await run(recovering.activities)).receipt).toMatchObject({ outcome: 'completed', total: { read: 3 } })

    const dead = fakeActivities(() => ({ stop: { kind: 'interrupted', type: 'Unreachable', reason: 'no answer', untilMs: 0 } }))
    const { receipt, failed } = await run(dead.activities)
    expect(failed).toBe(true)
    expect(receipt.streams[0]!.error).toMatchObject({ type: 'Unreachable' })
    expect(dead.calls.page).toBeLessThan(15)
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

  it('one failing stream stops no other', async () => {
    const { activities } = fakeActivities(() => ({ stop: { kind: 'done' }, records: 7 }))
    const page = activities.page.bind(activities)
    activities.page = async (request) => (request.stream === 'bad' ? { stop: { kind: 'refused', type: 'Contract', reason: 'no records there', field: 'records', cure: 'correct it' }, chunk: null, position: null, requests: 1, waitMs: 0 } : page(request))
    const { receipt, failed } = await run(activities, ['good', 'bad'])
    expect(failed).toBe(true)
    expect(receipt.streams.map((s) => [s.stream, s.outcome])).toEqual([['good', 'completed'], ['bad', 'failed']])
    expect(receipt.total.read).toBe(7)
  })

  it('fails a run whose counts do not add up', async () => {
    const { activities } = fakeActivities(() => ({ stop: { kind: 'done' }, records: 7 }))
    activities.post = async () => ({ inserted: 6, updated: 0, unchanged: 0, deleted: 0, refused: 0, repeated: false, stop: null })
    const { receipt, failed } = await run(activities)
    expect(failed).toBe(true)
    expect(receipt.streams[0]!.error).toMatchObject({ type: 'ReceiptMismatch' })
  })
})
