import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../simulator/index.ts'
import { makeProject, type CliResult, type Dev, type Project } from '../support/cli.ts'

const RECORDS = 6_000
/** 24 windows of 227 records each; 544 records lie behind the range. */
const RANGE = ['--from', '2024-01-01', '--to', '2024-01-01T04:00:00Z', '--window', '10m']
const IN_RANGE = 5_457

const syncFile = (table: string, bounds = "send: 'updated_since', until: 'updated_before'"): string => `import { cursor, defineSync, env, fields, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL') }).stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 100, sizeParam: 'limit' }), incremental: { field: 'updated_at', ${bounds} } }),
  to: postgres.table('${table}'),
  model: z.object({ id: z.string(), amount: t.decimal(), updated_at: t.timestamp() }),
  map: fields({ id: 'id', amount: 'amount', updated_at: 'updated_at' }),
})
`

/** A range of time, window by window, beside the runs of the sync. */
describe('a backfill', () => {
  let project: Project
  let dev: Dev
  let sim: Simulator

  beforeAll(async () => {
    project = await makeProject({ 'syncs/plain.ts': syncFile('plain'), 'syncs/paused.ts': syncFile('paused'), 'syncs/broken.ts': syncFile('broken'), 'syncs/lower.ts': syncFile('lower', "send: 'updated_since'"), 'syncs/unheard.ts': syncFile('unheard', "send: 'nothing', until: 'nothing_either'") })
    sim = await startSimulator({ records: { transactions: RECORDS } })
    dev = await project.dev({ SIM_URL: sim.url })
  })
  afterAll(async () => {
    await sim?.close()
    await project?.close()
  })

  const isthmus = (...args: string[]): Promise<CliResult> => project.isthmus([...args, '--json'], { SIM_URL: sim.url })
  const backfill = (...args: string[]): Promise<CliResult> => isthmus('backfill', ...args)
  const rows = async (table: string): Promise<{ n: number; d: number }> => (await dev.query<{ n: number; d: number }>(`select count(*)::int n, count(distinct id)::int d from "${table}"`))[0]!
  const until = (id: string, test: (p: any) => boolean): Promise<void> => expect.poll(async () => test((await backfill('status', id)).json), { timeout: 60_000, interval: 100 }).toBe(true)

  it('reads each record of the range once, newest first, beside a run whose watermark it leaves alone', async () => {
    const [estimate] = [await backfill('plain', ...RANGE, '--estimate')]
    expect(estimate.json).toMatchObject({ windows: 24, atLeast: false, warnings: [] })
    expect(estimate.json.records).toBeGreaterThan(IN_RANGE * 0.95)
    // The run comes first, so that there is a watermark; then a record that the backfill may not touch is newer than its source.
    expect((await isthmus('run', 'plain')).json).toMatchObject({ outcome: 'completed', total: { read: RECORDS } })
    await dev.query(`update plain set amount = -1, updated_at = '2030-01-01' where id in (select id from plain order by id limit 3)`)
    await dev.query(`delete from plain where id in (select id from plain where updated_at < '2024-01-01 04:00Z' order by id desc limit 100)`)
    const held = await dev.query('select epoch, watermark, complete from isthmus.checkpoints')
    sim.resetStats()
    const done = await backfill('plain', ...RANGE, '--yes', '--no-check')
    expect(done).toMatchObject({ code: 0, json: { outcome: 'completed', windows: { total: 24, done: 24, stopped: 0 } } })
    expect(done.json.counts).toMatchObject({ read: IN_RANGE, inserted: 100, updated: 0, unchanged: IN_RANGE - 100, filtered: 0, rejected: 0 })
    expect(sim.stats().duplicates).toBe(0)
    expect(await dev.query(`select count(*)::int n from plain where amount = -1 and updated_at = '2030-01-01'`)).toEqual([{ n: 3 }])
    expect(await dev.query('select epoch, watermark, complete from isthmus.checkpoints')).toEqual(held)
    expect((await backfill('list')).json.backfills).toMatchObject([{ sync: 'plain', outcome: 'completed' }])
  })

  it('is paused, outlives its worker, is sped up and goes on; nothing is missing, nothing asked for twice', async () => {
    // Slow enough that it is not over before the commands below have begun, also on a busy machine.
    sim.configure({ latencyMs: 400 })
    sim.resetStats()
    const { json } = await backfill('paused', ...RANGE, '--yes', '--no-check', '--detach', '--concurrency', '2')
    await until(json.id, (p) => p.windows.done >= 2)
    expect(await backfill('paused', ...RANGE, '--yes', '--no-check')).toMatchObject({ code: 2, json: { error: { type: 'AlreadyRunning' } } })
    const paused = await backfill('pause', 'paused', '--note', 'the accountants are at work')
    expect(paused).toMatchObject({ code: 0, json: { outcome: 'paused', windows: { open: 0 }, wait: { reason: 'the accountants are at work' } } })
    const { children } = JSON.parse(await readFile(join(project.dir, '.isthmus', 'dev.json'), 'utf8')) as { children: { name: string; pid: number }[] }
    const asked = sim.stats().requests
    process.kill(children.find((c) => c.name === 'worker')!.pid, 'SIGKILL')
    expect(await backfill('speed', 'paused', '6')).toMatchObject({ code: 0, json: { concurrency: 6, outcome: 'paused' } })
    expect(sim.stats().requests).toBe(asked)
    sim.configure({ latencyMs: 0 })
    expect(await backfill('resume', 'paused')).toMatchObject({ code: 0, json: { outcome: 'running' } })
    const done = await backfill('status', 'paused', '--follow')
    expect(done.json).toMatchObject({ outcome: 'completed', windows: { done: 24 }, counts: { rejected: 0 } })
    expect(done.json.counts).toMatchObject({ read: IN_RANGE, inserted: IN_RANGE })
    expect(await rows('paused')).toEqual({ n: IN_RANGE, d: IN_RANGE })
    expect(sim.stats().duplicates).toBe(0)
    expect(await dev.query(`select count(*)::int n from isthmus.checkpoints where stream_key like '%backfill%'`)).toEqual([{ n: 0 }])
  })

  it('lists a window that cannot go on, reads the others, and tries it again when told', async () => {
    sim.resetStats()
    sim.configure({ faultAt: { 4: 'status:404' } })
    const stopped = await backfill('broken', ...RANGE, '--yes', '--no-check')
    expect(stopped).toMatchObject({ code: 4, json: { outcome: 'stopped', windows: { done: 23, stopped: 1 }, stopped: [{ stream: 'transactions', error: { type: 'Contract' } }] } })
    expect(stopped.stderr).toContain('isthmus backfill retry')
    const told = async (): Promise<unknown[]> => (await isthmus('health')).json.problems.filter((p: { kind: string; sync: string }) => p.kind === 'stopped' && p.sync === 'broken')
    expect(await told()).toEqual([expect.objectContaining({
      severity: 'error', what: expect.stringMatching(/^broken: the backfill 2024-01-01\.\.2024-01-01 waits for a person: 1 of 24 windows stopped, the first with Contract: /), cure: expect.stringMatching(/; then isthmus backfill retry \S+, or isthmus backfill skip \S+$/),
    })])
    sim.configure({ faultAt: {} })
    expect((await backfill('retry', 'broken')).json.outcome).toBe('running')
    expect((await backfill('status', 'broken', '--follow')).json).toMatchObject({ outcome: 'completed', windows: { done: 24, stopped: 0 } })
    expect(await told()).toEqual([])
    expect(await backfill('retry', 'broken')).toMatchObject({ code: 2 })
  })

  it('refuses what it cannot do, before anything is started', async () => {
    const refused = async (pattern: RegExp, ...args: string[]): Promise<void> => {
      const result = await backfill(...args)
      expect(result.stderr).toMatch(pattern)
      expect(result.code).toBe(2)
    }
    await refused(/from\.incremental\.until: the stream "transactions" can be asked for what changed since a moment, but not up to one/, 'lower', ...RANGE, '--yes')
    await refused(/the API gave \d+ of \d+ records of "transactions" from outside/, 'unheard', ...RANGE, '--yes')
    await refused(/nobody is there to agree/, 'plain', ...RANGE)
    await refused(/from: 2031-01-01 lies ahead of now/, 'plain', '--from', '2031-01-01', '--yes')
    await refused(/to: the range is empty/, 'plain', '--from', '2024-01-02', '--to', '2024-01-01', '--yes')
    await refused(/"2024-02-30" is no date/, 'plain', '--from', '2024-02-30', '--yes')
    expect((await backfill('list')).json.backfills).toHaveLength(3)
  })

  it('is left by Ctrl-C, and cancelled', async () => {
    sim.configure({ latencyMs: 300 })
    const child = project.spawn(['backfill', 'plain', ...RANGE, '--yes', '--no-check'], { SIM_URL: sim.url })
    let stderr = ''
    child.stderr!.on('data', (d: Buffer) => {
      if (!stderr.includes('of 24 windows') && (stderr += d.toString()).includes('of 24 windows')) child.kill('SIGINT')
    })
    expect(await once(child, 'close')).toEqual([0, null])
    expect((await backfill('status', 'plain')).json.outcome).toBe('running')
    expect((await backfill('cancel', 'plain')).json).toMatchObject({ outcome: 'cancelled', windows: { open: 0 } })
    expect((await backfill('list', '--sync', 'plain')).json.backfills.map((b: { outcome: string }) => b.outcome)).toEqual(['cancelled', 'completed'])
  })
})
