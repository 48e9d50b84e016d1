import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { WorkflowHandle } from '@temporalio/client'
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { bundleWorkflowCode, Worker } from '@temporalio/worker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Activities } from '../../activities/types.ts'
import { temporalBinary, timeSkippingServerBinary } from '../../workers/index.ts'
import { fakeActivities } from '../support/fake-activities.ts'

/** What the Temporal UI shows of a workflow as Current Details. */
const details = async (handle: WorkflowHandle): Promise<string> => (await handle.query<{ currentDetails: string }, []>('__temporal_workflow_metadata')).currentDetails

/** Which stream, how far, why it waits, until when, what failed and what to do: told by the workflows themselves. */
describe('what stands in the Temporal UI', () => {
  let real: TestWorkflowEnvironment
  let bundle: { code: string }

  beforeAll(async () => {
    bundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)) })
    real = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: await temporalBinary() } } })
  })
  afterAll(() => real?.teardown())

  /** A run of one or several streams while `body` looks at it; it is terminated at the end if it has not ended. */
  async function running(activities: Activities, streams: string[], body: (run: WorkflowHandle, stream: (name: string) => WorkflowHandle) => Promise<void>, server = real): Promise<void> {
    const taskQueue = `isthmus-${randomUUID()}`
    const workers = await Promise.all([taskQueue, 'isthmus-api', 'isthmus-start'].map((queue) => Worker.create({ connection: server.nativeConnection, activities, taskQueue: queue, ...(queue === taskQueue && { workflowBundle: bundle }) })))
    const all = workers.map((w) => w.run())
    const id = `sync/${randomUUID()}`
    const input = { sync: 'shop/orders', run: 'r1', plan: 'p', searchAttributes: false, streams: streams.map((name) => ({ name, connection: 'shop', table: `public.${name}`, firstPage: null, anew: '' })) }
    const handle = await server.client.workflow.start('sync', { taskQueue, workflowId: id, args: [input] })
    try {
      await body(handle, (name) => server.client.workflow.getHandle(`${id}/${name}`))
    } finally {
      await handle.terminate().catch(() => undefined)
      for (const w of workers) w.shutdown()
      await Promise.all(all)
    }
  }

  async function told(handle: WorkflowHandle, what: RegExp): Promise<string> {
    let text = ''
    for (let attempt = 0; attempt < 200; attempt += 1, await sleep(50)) {
      text = await details(handle).catch(() => '')
      if (what.test(text)) return text
    }
    throw new Error(`${what} is not told, but:\n${text}`)
  }

  const throttled = { stop: { kind: 'throttled', untilMs: 0, reason: 'HTTP 429, Retry-After' } as const, waitMs: 5_400_000 }

  it('a stream that waits for hours: the run tells it too', async () => {
    const { activities } = fakeActivities((call) => (call === 2 ? throttled : { stop: { kind: 'more' }, records: 10 }))
    await running(activities, ['orders'], async (run, stream) => {
      const text = await told(stream('orders'), /10 inserted[^]*reading goes on from page 1\n/)
      expect(text).toMatch(/^### orders → public\.orders: waiting\nWaits until \*\*(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d UTC\*\* \(90 min from \d\d:\d\d:\d\d UTC\): the API of connection `shop` has asked for this pause \(HTTP 429, Retry-After\)\.\n/)
      expect(text).toContain('What to do: nothing, it goes on by itself. `isthmus cancel shop/orders` would end the run')
      expect(await told(run, /: waiting/)).toMatch(/^### shop\/orders: waiting\nOf 1 stream: 1 waiting\.\n\n- orders → public\.orders: \*\*waits until [^*]+UTC\*\*: the API of connection `shop` has asked for this pause \(HTTP 429, Retry-After\); 10 records have been read so far/)
    })
  })

  it('after a long wait nothing of it is left where it is told what goes on', async () => {
    const skipping = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path: await timeSkippingServerBinary() } } })
    try {
      const { activities } = fakeActivities((call) => (call === 2 ? throttled : { stop: { kind: call < 3 ? 'more' : 'done' }, records: 10 }))
      await running(activities, ['orders'], async (run, stream) => {
        await run.result()
        expect(await details(run)).toMatch(/^### shop\/orders: done\n- orders → public\.orders: \*\*completed\*\*, 20 records read\n\nWhat to do: nothing\.\n/)
        expect(await details(stream('orders'))).toMatch(/^### orders → public\.orders: done\nComplete\. What to do: nothing\.\n\n- \*\*20\*\* records [^]*- waited \*\*90 min\*\* in all: the API of connection `shop` has asked/)
        const signals = ((await run.fetchHistory()).events ?? []).map((e) => e.workflowExecutionSignaledEventAttributes?.signalName).filter(Boolean)
        expect(signals).toEqual(['streamWaiting', 'streamResumed'])
      }, skipping)
    } finally {
      await skipping.teardown()
    }
  })

  it('a parked stream, with what failed and what to do; `retry` without an order goes on with the plan it has', async () => {
    let good = false
    const { activities, calls } = fakeActivities((_call, at) => (at === 1 && !good ? { stop: { kind: 'refused', type: 'Contract', reason: 'GET https://shop.example/orders?after=x: HTTP 404: {"error":"*gone*"}', field: 'from.path', cure: 'compare the path with the API' } } : { stop: { kind: at < 2 ? 'more' : 'done' }, records: 10 }))
    await running(activities, ['orders', 'customers'], async (run, stream) => {
      const text = await told(stream('orders'), /: parked/)
      expect(text).toMatch(/\nParked since \*\*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\*\*, until somebody decides\. Nothing is lost/)
      expect(text).toContain('What failed: **Contract**: GET `https://shop.example/orders?after=x`: HTTP 404: `{"error":"*gone*"}`\n')
      expect(text).toContain('Where in the sync: `from.path`\n\nWhat to do: compare the path with the API. Then `isthmus retry shop/orders`. To leave the stream out of this run: `isthmus skip shop/orders`. The same from this page: *More Actions*, *Send an Update*, `retry` or `skip`.')
      expect(await told(run, /Of 2 streams: 2 parked\./)).toMatch(/^### shop\/orders: parked\n[^]*What failed: \*\*Contract\*\*[^]*`isthmus retry shop\/orders`/)
      good = true
      await stream('orders').executeUpdate('retry')
      await stream('customers').executeUpdate('skip')
      await run.result()
      expect(calls.prepared.filter((p) => p.round === 1)).toMatchObject([{ stream: 'orders', plan: 'p' }])
      expect(await details(run)).toMatch(/: \*\*completed\*\*, 30 records[^]*: \*\*skipped\*\*, 10 records/)
    })
  })

  it('a paused run, also paused with a plain text or none, as from the Temporal UI', async () => {
    const { activities } = fakeActivities(() => ({ stop: { kind: 'more' }, records: 10 }))
    await running(activities, ['orders'], async (run, stream) => {
      await run.executeUpdate('pause')
      expect(await details(run)).toMatch(/^### shop\/orders: paused\n[^]*\*\*Paused\*\* by a person since \*\*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\*\*, until somebody lets it go on/)
      await run.executeUpdate('pause', { args: ['month end, ask _Ana_'] })
      expect(await details(run)).toContain('(month end, ask \\_Ana\\_), until somebody')
      expect(await told(stream('orders'), /: paused[^]*month end/)).toContain('What to do: `isthmus resume shop/orders` lets it go on')
      await run.executeUpdate('resume')
      await told(stream('orders'), /: reading/)
      expect(await details(run)).toMatch(/^### shop\/orders: reading\nOf 1 stream: 1 under way\.\n\n- orders → public\.orders: \*\*under way\*\*; how far, and what it waits for, stands in \[sync\/[\w-]+\/orders\]\(\/namespaces\/default\/workflows\/sync%2F/)
    })
  })
})
