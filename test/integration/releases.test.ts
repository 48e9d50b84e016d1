import { TestWorkflowEnvironment } from '@temporalio/testing'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunReceipt } from '../../model/run.ts'
import { createWorkers, loadBundle, TASK_QUEUE, temporalBinary, type Workers } from '../../workers/index.ts'
import { tokenOwner } from '../../workers/token-owner.ts'
import { makeCurrent, workerVersion } from '../../workers/version.ts'
import { fakeActivities } from '../support/fake-activities.ts'

/** Two releases of workers side by side on a real server; the activities tell which release ran them. */
describe('releases', () => {
  let server: TestWorkflowEnvironment
  const running: { workers: Workers; done: Promise<void> }[] = []
  const ran: string[] = []
  let held: Promise<void> = Promise.resolve()

  beforeAll(async () => {
    server = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: await temporalBinary() } } })
  })
  afterAll(async () => {
    for (const { workers } of running) workers.shutdown()
    await Promise.all(running.map((r) => r.done))
    await server?.teardown()
  })

  async function start(release: string): Promise<void> {
    const { activities } = fakeActivities((_call, at) => ({ stop: { kind: at < 1 ? 'more' : 'done' }, records: 5 }))
    const { finish, page, refresh } = activities
    activities.page = async (request) => {
      ran.push(`${release} page ${request.sync}`)
      if (request.sync === 'old') await held
      return page(request)
    }
    activities.finish = async (request) => {
      ran.push(`${release} finish ${request.receipt.sync}`)
      return finish(request)
    }
    activities.refresh = async (request) => {
      ran.push(`${release} refresh`)
      return refresh(request)
    }
    const workers = await createWorkers({ connection: server.nativeConnection, namespace: 'default', activities, bundle: await loadBundle(), version: workerVersion({ ISTHMUS_BUILD_ID: release }) })
    running.push({ workers, done: workers.run() })
    for (let i = 0; ; i++, await sleep(100)) {
      const failure = await makeCurrent(server.client, workerVersion({ ISTHMUS_BUILD_ID: release })!).then(() => '', String)
      if (failure === '') return
      if (i > 150) throw new Error(failure)
    }
  }
  const run = (sync: string) =>
    server.client.workflow.start('sync', { workflowId: `sync/${sync}`, taskQueue: TASK_QUEUE, args: [{ sync, run: sync, plan: 'p', searchAttributes: false, streams: [{ name: 'orders', connection: 'c', table: 't', firstPage: null, anew: '' }] }] })
  const ask = (seen: number) => tokenOwner(server.client, false).ensureFresh('c', { tokenKey: 'c/1', seen, ask: { sync: 's', run: 'r', plan: 'p', stream: 'orders', round: 0, of: 'source' } }, AbortSignal.timeout(60_000))

  it('a run ends with the release it began with, new ones and the owner of a connection go with the current one', async () => {
    await expect(makeCurrent(server.client, { buildId: 'none', deploymentName: 'isthmus' })).rejects.toMatchObject({ type: 'NotFound', field: '--build-id' })
    await start('1.0')
    let release = (): void => {}
    held = new Promise((resolve) => (release = resolve))
    const old = await run('old')
    await ask(1)
    while (!ran.includes('1.0 page old')) await sleep(50)

    await start('1.1')
    const recent = await run('recent')
    expect(((await recent.result()) as RunReceipt).outcome).toBe('completed')
    await ask(2)
    release()
    expect(((await old.result()) as RunReceipt).outcome).toBe('completed')
    expect(new Set(ran)).toEqual(new Set(['1.0 page old', '1.0 refresh', '1.1 page recent', '1.1 finish recent', '1.1 refresh', '1.0 finish old']))
  })

  it('have names that Temporal takes', () => {
    expect(workerVersion({})).toBeUndefined()
    expect(workerVersion({ ISTHMUS_BUILD_ID: '2026.11-a', ISTHMUS_DEPLOYMENT: 'acme' })).toEqual({ buildId: '2026.11-a', deploymentName: 'acme' })
    expect(() => workerVersion({ ISTHMUS_BUILD_ID: 'a', ISTHMUS_DEPLOYMENT: 'a.b' })).toThrow(/ISTHMUS_DEPLOYMENT/)
  })
})
