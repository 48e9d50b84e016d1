import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../simulator/index.ts'
import { makeProject, type CliResult, type Project } from '../support/cli.ts'

const FILE = (path: string): string => `import { defineSync, env, fields, pageNumber, postgres, rest, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL') }).stream('customers', { path: '${path}', records: 'data', key: 'id', page: pageNumber({ size: 100, sizeParam: 'per_page' }) }),
  to: postgres.table('customers'), model: z.object({ id: z.string(), name: z.string() }), map: fields({ id: 'id', name: 'name' }),
})
`

/** Commands of a project in which no `isthmus dev` runs: each starts what it needs, and nothing stays. */
describe('without isthmus dev', () => {
  let project: Project
  let sim: Simulator

  beforeAll(async () => {
    project = await makeProject({ 'syncs/good.ts': FILE('/page/customers'), 'syncs/bad.ts': 'export default [\n  1, ] }\n' })
    sim = await startSimulator({ records: { customers: 300 } })
  })
  afterAll(async () => {
    await sim?.close()
    await project?.close()
  })

  const isthmus = (...args: string[]): Promise<CliResult> => project.isthmus(args, { SIM_URL: sim.url })

  it('shows syncs before anything ran, and starts nothing for it', async () => {
    const list = await isthmus('list')
    expect(list.code).toBe(0)
    expect(list.stdout).toMatch(/good +customers[^]*broken bad: syncs\/bad\.ts: syntax error in line 2, column 8[^]*no runs yet/)
    expect(list.stderr).toBe('')
    expect((await isthmus('status', 'good')).stderr).toContain('there is no run "good"')
  })

  it('Ctrl-C while servers start, and while the source is looked at, ends as cancelled', async () => {
    const slow = await startSimulator({ records: { customers: 300 }, latencyMs: 120_000 })
    try {
      for (const cue of ['starting what is needed', 'The worker is ready']) {
        const child = project.spawn(['run', 'good', '--json'], { SIM_URL: slow.url })
        let [stdout, stderr] = ['', '']
        child.stdout!.on('data', (d: Buffer) => (stdout += d.toString()))
        child.stderr!.on('data', (d: Buffer) => {
          if (!stderr.includes(cue) && (stderr += d.toString()).includes(cue)) child.kill('SIGINT')
        })
        const [code] = (await once(child, 'close')) as [number | null]
        expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({ outcome: 'cancelled', run: null, sync: 'good' })
        expect(code).toBe(130)
      }
    } finally {
      await slow.close()
    }
  }, 180_000)

  it('a run, and a look at it afterwards with PostgreSQL alone', async () => {
    const run = await isthmus('run', 'good', '--json')
    expect(run.json).toMatchObject({ outcome: 'completed', total: { inserted: 300 } })
    expect(run.stderr).toContain('start `isthmus dev` to open the run in it')
    const looks = [await isthmus('list', '--json'), await isthmus('status', 'good', '--json'), await isthmus('logs', 'good'), await isthmus('sql', `select count(*), count(distinct id), '{"a": 0.00,\n"b": [1.10]}'::json j, null from customers`, '--json')]
    for (const look of looks) {
      expect(look.code).toBe(0)
      expect(look.stderr).toContain('starting its PostgreSQL')
      expect(look.stderr).not.toContain('Temporal')
    }
    const [list, status, logs, sql] = looks as [CliResult, CliResult, CliResult, CliResult]
    expect(list.json.runs).toMatchObject([{ run: run.json.run, outcome: 'completed', total: { read: 300 } }])
    expect(list.json.syncs).toMatchObject([{ id: 'bad', streams: [], error: { type: 'InvalidInput' } }, { id: 'good', error: null }])
    expect(status.json).toMatchObject({ run: run.json.run, outcome: 'completed', total: { inserted: 300 }, ui: null })
    expect(logs.stdout).toContain('300 records read')
    expect(sql.stdout).toBe('{"count":"300","count_2":"300","j":{"a":0.00,"b":[1.10]},"?column?":null}\n')
  }, 180_000)

  it('refuses what cannot be meant', async () => {
    const refused = async (pattern: RegExp, ...args: string[]): Promise<void> => {
      const result = await isthmus(...args)
      expect(result.stderr).toMatch(pattern)
      expect(result.code).toBe(2)
    }
    await refused(/--limit: "abc" is no number of runs/, 'list', '--limit', 'abc')
    await refused(/no sync "goood"[^]*did you mean good\?/, 'list', '--sync', 'goood')
    await refused(/multiple commands/, 'sql', 'commit; drop table customers')
  })
})
