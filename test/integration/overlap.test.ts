import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Isthmus, type ScheduleView } from '../../client/index.ts'
import { json, testServer, type TestServer } from '../../protocols/testing/server.ts'
import { connectClient } from '../../workers/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const PAGES = 12
const SIZE = 10
/** Slow enough that a chunk is committed before this page. */
const HANGS = 8
const syncFile = (name: string, schedule: string): string => `import { cursor, defineSync, env, fields, postgres, rest, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('API_URL'), connection: '${name}' }).stream('${name}', { path: '/${name}', records: 'data', key: 'id', page: cursor({ send: 'after', next: 'next' }) }),
  to: postgres.table('${name}'), model: z.object({ id: z.string() }), map: fields({ id: 'id' }), schedule: ${schedule},
})
`

/** What happens to due times at which no run can start. Oracle: what the API was asked, the rows, and what Temporal counts. */
describe('a run that is due', () => {
  let project: Project
  let dev: Dev
  let api: TestServer
  let isthmus: Isthmus
  let client: Client
  let open = (): void => {}
  let gate: Promise<void> = Promise.resolve()
  const close = (): void => void (gate = new Promise((resolve) => (open = resolve)))

  beforeAll(async () => {
    api = await testServer(async ({ path, query }, res) => {
      const page = Number(query.get('after') ?? 1)
      if (path === '/cancels' && page < HANGS) await sleep(350)
      if (page === HANGS) await gate
      json(res, { data: Array.from({ length: SIZE }, (_, i) => ({ id: `${page}-${i}` })), next: page < PAGES ? String(page + 1) : null })
    })
    project = await makeProject({ 'syncs/waits.ts': syncFile('waits', "{ every: '7d', overlap: 'bufferOne' }"), 'syncs/cancels.ts': syncFile('cancels', "{ every: '7d', overlap: 'cancelOther' }"), '.env': `API_URL=${api.url}\n` })
    await up()
  })
  afterAll(async () => {
    open()
    await down()
    await project?.close()
    await api?.close()
  })

  async function up(): Promise<void> {
    dev = await project.dev()
    isthmus = new Isthmus({ projectDir: project.dir })
    client = await connectClient(dev.temporal)
  }
  async function down(): Promise<void> {
    await isthmus?.close()
    await client?.connection.close()
    await dev?.stop()
  }
  /** As when the next time comes: with the policy of the schedule. */
  const due = (sync: string): Promise<unknown> => client.connection.workflowService.patchSchedule({ namespace: dev.temporal.namespace, scheduleId: `isthmus/${sync}`, patch: { triggerImmediately: {} }, requestId: randomUUID() })
  const asked = (sync: string): number[] => api.seen.filter((r) => r.path === `/${sync}`).map((r) => Number(r.query.get('after') ?? 1))
  const rows = async (sync: string): Promise<number> => (await dev.query<{ n: number }>(`select count(*)::int as n from "${sync}"`))[0]!.n
  async function until<T>(look: () => Promise<T> | T, good: (value: T) => unknown): Promise<T> {
    for (const end = Date.now() + 30_000; ; await sleep(100)) {
      const value = await look()
      if (good(value)) return value
      if (Date.now() > end) throw new Error(`still ${JSON.stringify(value)}`)
    }
  }
  const all = (sync: string, outcomes: string[]): Promise<ScheduleView> => until(() => isthmus.schedules.get(sync), (v) => JSON.stringify(v.last.map((r) => r.outcome)) === JSON.stringify(outcomes))

  it("while one is open starts right after it with overlap: 'bufferOne', and only one is kept", async () => {
    close()
    await due('waits')
    await until(() => asked('waits'), (pages) => pages.includes(HANGS))
    await due('waits')
    await due('waits')
    await until(() => isthmus.schedules.get('waits'), (v) => v.skipped.overlap === 1)
    expect((await isthmus.schedules.get('waits')).last).toHaveLength(1)
    open()
    const { last } = await all('waits', ['completed', 'completed'])
    const [second, first] = await Promise.all(last.map(async ({ run }) => (await isthmus.syncs.list({ sync: 'waits' })).find((r) => r.run === run)!))
    const between = second!.startedAt.getTime() - first!.finishedAt!.getTime()
    expect(between).toBeGreaterThan(0)
    expect(between).toBeLessThan(10_000)
    expect(asked('waits')).toHaveLength(2 * PAGES)
    expect(await rows('waits')).toBe(PAGES * SIZE)
    // The third one is never made up for.
    await sleep(1_500)
    expect(await isthmus.syncs.list({ sync: 'waits' })).toHaveLength(2)
    console.log(`bufferOne: begun ${between} ms after the end of the run before`)
  })

  it("while one is open cancels it with overlap: 'cancelOther': what it committed stays, and the next one goes on from there", async () => {
    close()
    await due('cancels')
    await until(() => asked('cancels'), (pages) => pages.includes(HANGS))
    const committed = (await until(() => rows('cancels').catch(() => 0), (n) => n > 0)) / SIZE
    const before = asked('cancels').length
    await due('cancels')
    await until(() => isthmus.schedules.get('cancels'), (v) => v.last.length === 2 && v.last[1]!.outcome === 'cancelled')
    expect(await rows('cancels')).toBe(committed * SIZE)
    open()
    const { last } = await all('cancels', ['completed', 'cancelled'])
    const [second, first] = await Promise.all(last.map(async ({ run }) => (await isthmus.syncs.get(run)).result()))
    expect(first).toMatchObject({ outcome: 'cancelled', total: { inserted: committed * SIZE } })
    expect(second).toMatchObject({ outcome: 'completed', streams: [{ resumed: true }], total: { inserted: (PAGES - committed) * SIZE } })
    // Nothing that is committed is asked for again.
    expect(asked('cancels').slice(before)).toEqual(Array.from({ length: PAGES - committed }, (_, i) => committed + 1 + i))
    expect(await rows('cancels')).toBe(PAGES * SIZE)
    // What Temporal lists comes a little later than what has happened.
    const listed = async (): Promise<string[]> => {
      const statuses: string[] = []
      for await (const one of client.workflow.list({ query: "WorkflowType = 'scheduled' and IsthmusSync = 'cancels'" })) statuses.push(one.status.name)
      return statuses.sort()
    }
    expect(await until(listed, (statuses) => !statuses.includes('RUNNING'))).toEqual(['CANCELLED', 'COMPLETED'])
  })

  it('while Temporal is down is made up for within `catchUp`, and counted as missed when it is older', async () => {
    const inHour = (at: number): string => `${Math.floor((at % 3_600_000) / 1000)}s`
    const at = Math.ceil(Date.now() / 1000) * 1000 + 16_000
    await project.write({ 'syncs/late.ts': syncFile('late', `{ every: '1h', offset: '${inHour(at)}' }`), 'syncs/missed.ts': syncFile('missed', `{ every: '1h', offset: '${inHour(at)}', catchUp: '10s' }`) })
    await isthmus.schedules.deploy()
    expect((await isthmus.schedules.get('late')).next[0]).toEqual(new Date(at))
    await down()
    expect(Date.now()).toBeLessThan(at)
    await sleep(at + 10_500 - Date.now())
    await up()
    const missed = await until(() => isthmus.schedules.get('missed'), (v) => v.skipped.missed === 1)
    expect(missed.last).toEqual([])
    const { last, skipped } = await all('late', ['completed'])
    expect(last[0]!.dueAt).toEqual(new Date(at))
    expect(skipped.missed).toBe(0)
    expect(await rows('late')).toBe(PAGES * SIZE)
    expect(asked('missed')).toEqual([])
    console.log(`catch-up: begun ${((last[0]!.startedAt.getTime() - at) / 1000).toFixed(1)} s after it was due`)
  })
})
