import { once } from 'node:events'
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Isthmus } from '../../client/index.ts'
import type { LiveOptions, SimulatorStats } from '../../simulator/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const SYNCS = 8
const RECORDS = 1_000

/** Many syncs of one account in two worker processes, and a person who looks meanwhile. Oracle: what the API saw. */
describe('an account that allows 20 requests a second, 4 at a time', () => {
  let project: Project
  let dev: Dev
  let simulator: ChildProcess
  let url: string
  let second: ChildProcess

  beforeAll(async () => {
    const file = (n: number) => `import { cursor, defineSync, env, fields, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL'), connection: 'acme', limits: [{ requests: 20, per: '1s' }], concurrency: 4 })
    .stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 50, sizeParam: 'limit' }) }),
  to: postgres.table('budget_${n}'),
  model: z.object({ id: z.string(), amount: t.decimal() }),
  map: fields({ id: 'id', amount: 'amount' }),
})
`
    project = await makeProject(Object.fromEntries(Array.from({ length: SYNCS }, (_, i) => [`syncs/s${i + 1}.ts`, file(i + 1)])))
    // A process of its own: what delays this one must not delay the judge.
    simulator = project.spawn(['simulate', '--json', '--records', String(RECORDS), '--latency', '60', '--limit', '20/1s', '--concurrency', '4'])
    url = (JSON.parse(String((await once(simulator.stdout!, 'data'))[0])) as { url: string }).url
    await project.write({ '.env': `SIM_URL=${url}\n` })
    dev = await project.dev()
    second = project.spawn(['worker'], { TEMPORAL_ADDRESS: dev.temporal.address, TEMPORAL_NAMESPACE: dev.temporal.namespace, DATABASE_URL: dev.databaseUrl })
    let log = ''
    second.stdout!.on('data', (d: Buffer) => (log += d.toString()))
    second.stderr!.on('data', (d: Buffer) => (log += d.toString()))
    for (let i = 0; i < 300 && !/ready/.test(log); i++) await sleep(100)
    expect(log).toMatch(/ready/)
  })
  afterAll(async () => {
    if (second && second.exitCode === null) {
      second.kill('SIGTERM')
      await once(second, 'exit')
    }
    await project?.close()
    simulator?.kill('SIGTERM')
  })

  const control = (path: string, body?: unknown) => fetch(`${url}/_sim/${path}`, { method: body === undefined ? 'GET' : 'POST', ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) })
  const stats = async (): Promise<SimulatorStats> => (await (await control('stats')).json()) as SimulatorStats
  const configure = (change: LiveOptions) => control('config', change)

  it('sees no request too many from many syncs in two workers, and a look at a page is quick meanwhile', async () => {
    const isthmus = new Isthmus({ projectDir: project.dir })
    try {
      const began = performance.now()
      const handles = await Promise.all(Array.from({ length: SYNCS }, (_, i) => isthmus.syncs.start(`s${i + 1}`)))
      const looks: number[] = []
      let running = true
      const looking = (async () => {
        while (running) {
          await sleep(700)
          const from = performance.now()
          await isthmus.syncs.peek('s1')
          looks.push(performance.now() - from)
        }
      })()
      await sleep(2_000)
      const shown = await project.isthmus(['peek', 's2', '--json'])
      const receipts = await Promise.all(handles.map((h) => h.result()))
      running = false
      await looking
      const seconds = (performance.now() - began) / 1000
      for (const r of receipts) expect(r).toMatchObject({ outcome: 'completed', total: { read: RECORDS, inserted: RECORDS } })
      const seen = await stats()
      const slowest = Math.max(...looks)
      const usual = [...looks].sort((a, b) => a - b)[Math.floor(looks.length / 2)]!
      console.log(`${SYNCS} syncs, two workers: ${seen.dataRequests} requests in ${seconds.toFixed(1)} s (${((seen.dataRequests / seconds / 20) * 100).toFixed(0)} % of the allowance, start and end included), ${seen.throttled} refused, at most ${seen.highestPerSecond} a second and ${seen.highestConcurrency} at a time; slowest of ${looks.length} looks ${slowest.toFixed(0)} ms, the median ${usual.toFixed(0)} ms`)
      expect(seen.throttled).toBe(0)
      expect(seen.highestPerSecond).toBeLessThanOrEqual(20)
      expect(seen.highestConcurrency).toBeLessThanOrEqual(4)
      expect(looks.length).toBeGreaterThan(3)
      // The 95th percentile stands in pacing.test.ts; this one also compiles the sync each time, on a busy machine.
      expect(usual).toBeLessThan(2_000)
      expect(shown).toMatchObject({ code: 0, json: { sync: 's2', streams: [{ stream: 'transactions', records: 50, more: true, columns: ['id', 'amount'], filtered: 0, rejected: [] }] } })
      expect(shown.json.streams[0].rows).toHaveLength(5)
      expect(shown.json.streams[0].rows[0].id).toMatch(/^txn_/)
    } finally {
      await isthmus.close()
    }
  }, 150_000)

  it('an outage is one event of each run, and all go on after it', async () => {
    await dev.query('delete from isthmus.checkpoints')
    const isthmus = new Isthmus({ projectDir: project.dir })
    try {
      // A run's receipt is there a moment before its workflow is closed.
      await sleep(2_000)
      const handles = await Promise.all([1, 2, 3].map((i) => isthmus.syncs.start(`s${i}`)))
      await configure({ faults: { 'status:503': 1 } })
      const refused = async () => (await stats()).statuses['503'] ?? 0
      for (let i = 0; i < 600 && (await refused()) < 5; i++) await sleep(100)
      await sleep(4_000)
      const failed = await refused()
      await configure({ faults: {} })
      const receipts = await Promise.all(handles.map((h) => h.result()))
      const lines = await Promise.all(handles.map(async (h) => {
        const all: string[] = []
        for await (const line of h.logs()) all.push(line.message)
        return all
      }))
      const opened = lines.map((l) => l.filter((m) => m.includes('has not answered since')).length)
      const { opening } = (await dev.query<{ opening: number }>(`select opening::int from isthmus.accounts where account = 'acme'`))[0]!
      console.log(`outage: ${failed} requests, opened ${opening} time(s); lines ${opened.join(', ')}`)
      for (const r of receipts) expect(r).toMatchObject({ outcome: 'completed', total: { read: RECORDS } })
      expect(failed).toBeGreaterThan(4)
      expect(failed).toBeLessThan(16)
      expect(opening).toBe(1)
      expect(Math.max(...opened)).toBe(1)
    } finally {
      await isthmus.close()
    }
  }, 120_000)
})
