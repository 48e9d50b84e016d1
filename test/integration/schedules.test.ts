import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Isthmus } from '../../client/index.ts'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
import { json, testServer, type TestServer } from '../../protocols/testing/server.ts'
import { connectClient } from '../../workers/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

/** Five pages. */
const RECORDS = 200
interface File {
  schedule: string
  name?: string
  table?: string
}
const open = ({ schedule, name = "'name'", table = 'customers' }: File): string => `import { defineSync, env, fields, pageNumber, postgres, rest, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('API_URL') }).stream('customers', { path: '/customers', records: 'data', key: 'id', page: pageNumber({ size: 40 }) }),
  to: postgres.table('${table}'), model: z.object({ id: z.string(), name: z.string() }), map: fields({ id: 'id', name: ${name} }), ${schedule}
})
`
const signed = (schedule: string): string => `import { cursor, defineSync, env, fields, oauth2RefreshToken, postgres, rest, z } from 'isthmus'
export default defineSync({
  from: rest({ connection: 'shop', baseUrl: env('OAUTH_URL'), auth: oauth2RefreshToken({ tokenUrl: '/oauth/token', clientId: env('SIM_ID'), clientSecret: env('SIM_SECRET'), refreshToken: env('SIM_REFRESH') }) })
    .stream('invoices', { path: '/cursor/invoices', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor' }) }),
  to: postgres.table('invoices'), model: z.object({ id: z.string() }), map: fields({ id: 'id' }), ${schedule}
})
`

/** Schedules of a project, from its files to Temporal and back. Oracle: what Temporal describes, the rows, and what the API counted. */
describe('schedules', () => {
  let project: Project
  let dev: Dev
  let api: TestServer
  /** The third page waits for it. */
  let gate: Promise<void> = Promise.resolve()
  const asked: number[] = []
  let oauth: Simulator
  let isthmus: Isthmus
  let client: Client

  beforeAll(async () => {
    api = await testServer(async ({ query }, res) => {
      const page = Number(query.get('page'))
      asked.push(page)
      if (page === 3) await gate
      json(res, { data: page > 5 ? [] : Array.from({ length: 40 }, (_, i) => ({ id: `${page}-${i}`, name: 'old' })) })
    })
    oauth = await startSimulator({ records: { invoices: 10 }, auth: 'oauth' })
    const env = { API_URL: api.url, OAUTH_URL: oauth.url, SIM_ID: C.clientId, SIM_SECRET: C.clientSecret, SIM_REFRESH: C.refreshToken }
    project = await makeProject({ 'syncs/acme/a.ts': open({ schedule: "every: '7d'," }), 'syncs/none.ts': open({ schedule: '', table: 'none' }), '.env': Object.entries(env).map(([name, value]) => `${name}=${value}\n`).join('') })
    dev = await project.dev()
    isthmus = new Isthmus({ projectDir: project.dir })
    client = await connectClient(dev.temporal)
  })
  afterAll(async () => {
    await isthmus?.close()
    await client?.connection.close()
    await project?.close()
    await api?.close()
    await oauth?.close()
  })

  const described = async (sync: string) => (await client.connection.workflowService.describeSchedule({ namespace: dev.temporal.namespace, scheduleId: `isthmus/${sync}` })).schedule!
  async function until<T>(look: () => Promise<T>, good: (value: T) => unknown): Promise<T> {
    for (let i = 0; ; i += 1) {
      const value = await look()
      if (good(value)) return value
      if (i > 300) throw new Error(`still ${JSON.stringify(value)}; log: ${JSON.stringify(await dev.query('select message from isthmus.run_log order by id desc limit 8'))}`)
      await sleep(100)
    }
  }

  it('are deployed by dev; a later deploy shows what differs and changes nothing unasked', async () => {
    expect(await project.isthmus(['deploy', '--dry-run', '--json'])).toMatchObject({ code: 0, json: { applied: false, changes: [{ sync: 'acme/a', change: 'unchanged' }] } })
    expect((await described('acme/a')).spec).toMatchObject({ interval: [{ interval: { seconds: expect.objectContaining({ low: 7 * 86_400 }) } }] })

    await project.write({ 'syncs/acme/a.ts': open({ schedule: "schedule: { cron: '30 6 * * 1-5', timeZone: 'Europe/Berlin', jitter: '5m', overlap: 'bufferOne', catchUp: '2h' }," }) })
    const dry = await project.isthmus(['deploy', '--dry-run'])
    expect(dry.code).toBe(5)
    expect(dry.stdout).toMatch(/~ acme\/a {2}changed[^]*schedule\.everyMs: 604800000 → null[^]*schedule\.timeZone: UTC → Europe\/Berlin[^]*1 changed/)
    expect(await project.isthmus(['deploy', '--json'])).toMatchObject({ code: 2, json: { error: { field: '--yes' } } })
    expect((await described('acme/a')).spec!.timezoneName ?? '').toBe('')

    await isthmus.schedules.pause('acme/a', 'the books are closed')
    expect(await project.isthmus(['deploy', '--yes', '--json'])).toMatchObject({ code: 0, json: { applied: true } })
    const there = await described('acme/a')
    expect(there).toMatchObject({ spec: { timezoneName: 'Europe/Berlin' }, policies: { overlapPolicy: 2 }, state: { paused: true, notes: 'the books are closed' } })
    expect(await isthmus.schedules.diff()).toMatchObject([{ change: 'unchanged' }])
    const shown = await project.isthmus(['schedules', 'show', 'acme/a'])
    expect(shown.stdout).toMatch(/cron 30 6 \* \* 1-5 in Europe\/Berlin, up to 5 min later\n {2}state {5}paused\n {2}note {6}the books are closed\n/)
    const resumed = await isthmus.schedules.resume('acme/a')
    // 6:30 in Berlin, and the jitter.
    for (const at of resumed.next) expect(at.toLocaleTimeString('en-GB', { timeZone: 'Europe/Berlin' })).toMatch(/^06:3[0-5]/)
    expect(resumed).toMatchObject({ paused: false, next: { length: 5 } })
  })

  it('start runs with what was deployed: an open run goes on with its plan, and a due time meanwhile is skipped', async () => {
    let release = (): void => {}
    gate = new Promise((resolve) => (release = resolve))
    const first = await isthmus.schedules.trigger('acme/a')
    await until(() => Promise.resolve(asked), (pages) => pages.includes(3))
    await project.write({ 'syncs/acme/a.ts': open({ schedule: "every: '7d',", name: "{ value: 'new' }" }) })
    await isthmus.schedules.deploy()
    await expect(isthmus.schedules.trigger('acme/a')).rejects.toMatchObject({ type: 'AlreadyRunning' })
    // As when the schedule's next time comes.
    await client.workflow.start('scheduled', { workflowId: 'due', taskQueue: 'isthmus', args: [{ sync: 'acme/a' }] })
    await until(() => isthmus.schedules.get('acme/a'), (v) => v.skipped.open === 1 && v.skipped.reason.includes(first))
    release()
    expect(await (await isthmus.syncs.get(first)).result()).toMatchObject({ outcome: 'completed', total: { read: RECORDS, inserted: RECORDS } })
    expect(await dev.query(`select count(*)::int as n from customers where name = 'new'`)).toEqual([{ n: 0 }])

    const second = await isthmus.schedules.trigger('acme/a')
    expect(await (await isthmus.syncs.get(second)).result()).toMatchObject({ outcome: 'completed', total: { updated: RECORDS } })
    expect((await isthmus.schedules.get('acme/a')).last.map((r) => r.run)).toEqual([second, first])
    // One that skipped leaves no run behind.
    expect(await isthmus.syncs.list({ sync: 'acme/a' })).toMatchObject([{ run: second, temporalRunId: /./ }, { run: first, temporalRunId: /./ }].map(({ run }) => ({ run, temporalRunId: expect.stringMatching(/./), dueAt: expect.any(Date) })))
  })

  it('of a connection that nobody is signed in to are paused until somebody is; one that a person paused stays', async () => {
    await project.write({ 'syncs/one.ts': signed("every: '7d',"), 'syncs/two.ts': signed("every: '7d',"), 'syncs/three.ts': signed("every: '7d',") })
    await isthmus.schedules.deploy()
    await isthmus.schedules.pause('three', 'by hand')
    await fetch(`${oauth.url}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ token: C.refreshToken, client_id: C.clientId, client_secret: C.clientSecret }) })
    await isthmus.schedules.trigger('one')
    const two = await until(() => isthmus.schedules.get('two'), (v) => v.paused && v.pausedFor !== null)
    expect(two).toMatchObject({ pausedFor: 'shop', note: expect.stringMatching(/sign in to shop again \(isthmus connect\)/) })
    await until(() => isthmus.schedules.get('one'), (v) => v.paused && v.open?.parked)
    expect(await isthmus.schedules.get('three')).toMatchObject({ paused: true, note: 'by hand', pausedFor: null })
    await isthmus.reconnected('shop')
    expect((await isthmus.schedules.list()).map((v) => [v.sync, v.paused])).toEqual([['acme/a', false], ['one', false], ['three', true], ['two', false]])
    await (await isthmus.syncs.get('one')).cancel()
  })

  it('that nobody declares any more are removed; others in Temporal are left alone, and what was changed there is brought back', async () => {
    const other = await client.schedule.create({ scheduleId: 'isthmus/theirs', spec: { intervals: [{ every: '7d' }] }, action: { type: 'startWorkflow', workflowType: 'w', taskQueue: 'q' } })
    await client.schedule.create({ scheduleId: 'isthmus/none', spec: {}, action: { type: 'startWorkflow', workflowType: 'w', taskQueue: 'q' } })
    await rm(join(project.dir, 'syncs/three.ts'))
    await client.schedule.getHandle('isthmus/two').update(({ state, action }) => ({ state, action: action as never, spec: { intervals: [{ every: '1d' }] } })).catch(() => undefined)
    await client.connection.workflowService.patchSchedule({ namespace: dev.temporal.namespace, scheduleId: 'isthmus/one', patch: { pause: 'from the UI' } })
    await client.schedule.getHandle('isthmus/two').delete()
    const { changes } = await isthmus.schedules.deploy()
    expect(changes.map((c) => [c.sync, c.change, c.fields[0]?.field])).toEqual([['acme/a', 'unchanged', undefined], ['one', 'unchanged', undefined], ['three', 'removed', undefined], ['two', 'changed', 'temporal']])
    expect(await isthmus.schedules.get('one')).toMatchObject({ paused: true, note: 'from the UI' })
    await expect(described('three')).rejects.toThrow(/not found/i)
    expect((await described('two')).spec).toMatchObject({ interval: [{}] })
    expect((await other.describe()).action).toMatchObject({ workflowType: 'w' })

    await project.write({ 'syncs/none.ts': open({ schedule: "every: '7d',", table: 'none' }) })
    await expect(isthmus.schedules.deploy()).rejects.toMatchObject({ type: 'AlreadyRunning', message: expect.stringContaining('isthmus/none') })
    await rm(join(project.dir, 'syncs/none.ts'))
    expect((await project.isthmus(['deploy', '--yes'])).stdout).toMatch(/- none {2}removed[^]*1 removed/)
    expect((await described('none')).action!.startWorkflow!.workflowType!.name).toBe('w')
  })
})
