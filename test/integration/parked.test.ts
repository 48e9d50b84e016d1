import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startSimulator, type Simulator, type SimulatorOptions } from '../../simulator/index.ts'
import { makeProject, type CliResult, type Dev, type Project } from '../support/cli.ts'

const RECORDS = 1_200
const syncFile = (table: string, amount = "'amount'"): string => `import { cursor, defineSync, env, fields, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL') }).stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 100, sizeParam: 'limit' }) }),
  to: postgres.table('${table}'),
  model: z.object({ id: z.string(), amount: t.decimal() }),
  map: fields({ id: 'id', amount: ${amount} }),
})
`

/** Streams that cannot go on keep their place and wait for a person. */
describe('a parked stream', () => {
  let project: Project
  let dev: Dev
  let sim: Simulator | null = null

  beforeAll(async () => {
    project = await makeProject({ 'syncs/stopped.ts': syncFile('stopped') })
    dev = await project.dev()
  })
  afterEach(async () => {
    await sim?.close()
    sim = null
  })
  afterAll(async () => {
    await project?.close()
  })

  const simulate = async (options: SimulatorOptions): Promise<Simulator> => (sim = await startSimulator({ records: { transactions: RECORDS }, ...options }))
  const isthmus = (...args: string[]): Promise<CliResult> => project.isthmus([...args, '--json'], { SIM_URL: sim!.url })
  const rows = async (table: string): Promise<number> => (await dev.query<{ n: number }>(`select count(*)::int as n from "${table}"`))[0]!.n
  async function ended(run: string): Promise<CliResult> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const status = await isthmus('status', run)
      if (status.json.outcome !== 'running') return status
      await sleep(200)
    }
    throw new Error(`run ${run} did not end`)
  }

  it('keeps what is committed, tells why, and goes on with the next run of the sync', async () => {
    const source = await simulate({ faultAt: { 6: 'status:404' } })
    const first = await isthmus('run', 'stopped')
    expect(first).toMatchObject({ code: 4, json: { outcome: 'parked', streams: { transactions: { outcome: 'parked', read: 500, error: { type: 'Contract' } } } } })
    expect(first.stderr).toContain('isthmus retry stopped')
    expect(await rows('stopped')).toBe(500)
    expect((await isthmus('status', 'stopped')).json.outcome).toBe('parked')
    expect(await isthmus('approve', 'stopped')).toMatchObject({ code: 2, json: { error: { message: expect.stringContaining('nothing to approve') } } })

    const second = await isthmus('run', 'stopped')
    expect(second).toMatchObject({ code: 0, json: { outcome: 'completed', run: first.json.run, total: { read: RECORDS, inserted: RECORDS } } })
    expect(await rows('stopped')).toBe(RECORDS)
    // The pages before the stop were asked for once; the look before the second try took the first of the others.
    expect(source.stats().duplicates).toBeLessThanOrEqual(2)
  })

  it('stops before an implausible chunk is written, and maps the same pages again with the corrected sync', async () => {
    const source = await simulate({ poisonEvery: 3 })
    await project.write({ 'syncs/implausible.ts': syncFile('implausible') })
    const first = await isthmus('run', 'implausible')
    expect(first).toMatchObject({ code: 4, json: { outcome: 'parked', streams: { transactions: { error: { type: 'Implausible', field: 'guard.rejects' } } } } })
    expect(await rows('implausible')).toBe(0)

    await project.write({ 'syncs/implausible.ts': syncFile('implausible', "{ path: 'amount', nulls: ['n/a'], default: '0' }") })
    const asked = source.stats().requests
    expect(await isthmus('retry', 'implausible')).toMatchObject({ code: 0, json: { run: first.json.run, streams: ['transactions'] } })
    expect((await ended(first.json.run)).json).toMatchObject({ outcome: 'completed', total: { read: RECORDS, inserted: RECORDS, rejected: 0 } })
    expect(await rows('implausible')).toBe(RECORDS)
    // What was staged is not asked for again.
    expect(source.stats().duplicates).toBe(0)
    expect(source.stats().requests - asked).toBeLessThan(RECORDS / 100)
  })

  it('is given up by skip, and stopped by cancel', async () => {
    await simulate({ faultAt: { 4: 'status:404', 9: 'status:404' } })
    await project.write({ 'syncs/skipped.ts': syncFile('skipped') })
    const { json } = await isthmus('run', 'skipped')
    expect(json.outcome).toBe('parked')
    expect(await isthmus('skip', 'skipped')).toMatchObject({ code: 0, json: { decision: 'skip', streams: ['transactions'] } })
    expect((await ended(json.run)).json).toMatchObject({ outcome: 'skipped', streams: { transactions: { outcome: 'skipped', error: { type: 'Contract' } } } })
    expect(await isthmus('retry', 'skipped')).toMatchObject({ code: 2, json: { error: { type: 'NotFound' } } })

    expect((await isthmus('run', 'skipped')).json.outcome).toBe('parked')
    expect((await isthmus('cancel', 'skipped')).json.outcome).toBe('cancelled')
    expect((await isthmus('run', 'skipped')).json).toMatchObject({ outcome: 'completed' })
    expect(await rows('skipped')).toBe(RECORDS)
  })
})
