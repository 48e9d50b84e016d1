import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TablePlan } from '../../model/table-name.ts'
import type { RejectedKey, RowDestination } from '../../model/ports.ts'
import type { CompleteResult } from '../../model/run.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { chunkOf, column, streamPlan } from '../../test/support/stream-plan.ts'
import { postgresDestination } from './index.ts'
import { sessionName } from './session.ts'

let database: TestDatabase
let destination: RowDestination
let db: pg.Pool
beforeAll(async () => {
  database = await testDatabase()
  destination = postgresDestination(database.url)
  db = new pg.Pool({ connectionString: database.url })
  db.on('error', () => {})
})
afterAll(async () => {
  await destination?.close()
  await db?.end()
  await database?.close()
})

const IDS = 10
const PAGE = 3
/** What the source does before a run, and what becomes of the run. */
interface Step {
  changes: { id: number; to: 'gone' | 'bad' | string }[]
  /** The run ends after so many chunks; null = it reads to the end. */
  stopAfter: number | null
  /** What happens to the completion. */
  end: 'once' | 'twice' | 'killed' | 'never'
}
const id = fc.integer({ min: 0, max: IDS - 1 })
const step: fc.Arbitrary<Step> = fc.record({
  changes: fc.array(fc.record({ id, to: fc.oneof({ weight: 2, arbitrary: fc.constant('gone') }, { weight: 1, arbitrary: fc.constant('bad') }, { weight: 3, arbitrary: fc.constantFrom('a', 'b') }) }), { maxLength: 6 }),
  stopAfter: fc.option(fc.integer({ min: 0, max: 3 }), { freq: 3 }),
  end: fc.constantFrom('once', 'once', 'twice', 'killed', 'never'),
})

let tables = 0
let kills = 0

/** Ends the backend of a completion that has done all but the commit; without a generation to drop, one that has done nothing. */
async function killed(streamKey: string, complete: () => Promise<CompleteResult>): Promise<void> {
  const blocker = await db.connect()
  try {
    await blocker.query('begin')
    const { rows } = await blocker.query<{ seen: string | null }>(`select generation ->> 'table' as seen from isthmus.checkpoints where stream_key = $1`, [streamKey])
    const seen = rows[0]?.seen
    if (seen) await blocker.query(`lock table isthmus.${pg.escapeIdentifier(seen)} in access share mode`)
    else await blocker.query('select 1 from isthmus.checkpoints where stream_key = $1 for update', [streamKey])
    const outcome = complete().then(() => 'done', (error: { type: string }) => error.type)
    const waiting = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'`
    await expect.poll(async () => (await db.query(waiting, [sessionName(streamKey)])).rows.length, { timeout: 8_000, interval: 5 }).toBe(1)
    expect(await outcome).toBe('Transient')
    kills += 1
  } finally {
    await blocker.query('rollback')
    blocker.release()
  }
}

/** Reads the source by key from `after`, page by page, as long as `chunks` says. Gives how the run ended. */
async function run(plan: TablePlan, source: Map<number, string>, { stopAfter, end }: Step): Promise<{ completed: boolean; resumed: boolean }> {
  const streamKey = `p/${plan.destination.table}`
  const held = await destination.begin(plan, streamKey, randomUUID())
  const at = { plan, streamKey, epoch: held.epoch }
  let after = held.position?.kind === 'page' ? held.position.page : -1
  for (let seq = 1; stopAfter === null || seq <= stopAfter; seq++) {
    const page = [...source].filter(([k]) => k > after).sort(([a], [b]) => a - b).slice(0, PAGE)
    const last = page.length < PAGE
    after = page.at(-1)?.[0] ?? after
    const rejected: RejectedKey[] = page.filter(([, v]) => v === 'bad').map(([k]) => ({ cells: String(k), guessed: false }))
    await destination.post(...(await chunkOf(page.filter(([, v]) => v !== 'bad'), { ...at, seq, page: after, last, rejected })))
    if (!last) continue
    if (end === 'never') break
    const complete = (): Promise<CompleteResult> => destination.complete(plan, streamKey, held.epoch, true, new AbortController().signal)
    if (end === 'killed') await killed(streamKey, complete)
    const result = await complete()
    expect(result).toMatchObject({ kind: 'done' })
    if (end === 'twice') expect(await complete()).toEqual(result)
    return { completed: true, resumed: held.resumed }
  }
  return { completed: false, resumed: held.resumed }
}

it('any sequence of full scans, failures and kills ends with the live rows that the source has', async () => {
  const property = fc.asyncProperty(fc.constantFrom('soft' as const, 'hard' as const), fc.array(step, { minLength: 2, maxLength: 6 }), async (mode, steps) => {
    const plan = streamPlan({ table: `p${(tables += 1)}`, columns: [column('id', 'integer'), column('v')], deletes: { mode } })
    const live = async (): Promise<Map<number, string>> =>
      new Map((await db.query<{ id: string; v: string }>(`select id, v from ${plan.destination.table}${mode === 'soft' ? ' where _deleted_at is null' : ''}`)).rows.map((r) => [Number(r.id), r.v]))
    const source = new Map<number, string>([[0, 'a'], [1, 'a'], [2, 'b'], [3, 'a'], [4, 'b']])
    /** Records that were at the source, and good, all the time since the scan under way began. */
    let throughout = new Set(source.keys())
    // At the end, one run without trouble.
    for (const one of [...steps, { changes: [], stopAfter: null, end: 'once' } as Step, { changes: [], stopAfter: null, end: 'once' } as Step]) {
      for (const { id: k, to } of one.changes) {
        if (to === 'gone') source.delete(k)
        else source.set(k, to)
        if (to === 'gone' || to === 'bad') throughout.delete(k)
      }
      const before = await live().catch(() => new Map<number, string>())
      const { completed, resumed } = await run(plan, source, one)
      const after = await live()
      if (!completed) {
        // Nothing goes before everything was seen.
        for (const k of before.keys()) expect(after.has(k)).toBe(true)
        continue
      }
      for (const k of throughout) if (source.get(k) !== 'bad') expect(after.has(k)).toBe(true)
      if (!resumed) {
        const good = [...source].filter(([, v]) => v !== 'bad')
        // A bad record has the row it had before, if it had one.
        const kept = [...source].filter(([k, v]) => v === 'bad' && before.has(k)).map(([k]) => [k, before.get(k)!] as [number, string])
        expect([...after].sort(([a], [b]) => a - b)).toEqual([...good, ...kept].sort(([a], [b]) => a - b))
      }
      throughout = new Set([...source].filter(([, v]) => v !== 'bad').map(([k]) => k))
    }
    expect((await db.query(`select 1 from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'isthmus' and relname like 'seen%'`)).rows).toEqual([])
    await db.query(`drop table ${plan.destination.table}; delete from isthmus.checkpoints`)
  })
  await fc.assert(property, { numRuns: 15 })
  expect(kills).toBeGreaterThan(0)
}, 120_000)
