import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TablePlan } from '../../model/table-name.ts'
import type { RejectedKey, RowDestination } from '../../model/ports.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { chunkOf, column, streamPlan, type PlanOptions } from '../../test/support/stream-plan.ts'
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

let tables = 0
const plan = (options: Partial<PlanOptions> = {}): TablePlan =>
  streamPlan({ table: `d${(tables += 1)}`, columns: [column('id', 'integer'), column('name', 'text', true)], deletes: { mode: 'soft' }, ...options })
const start = async (p: TablePlan, run: string = randomUUID()) => {
  await destination.check(p)
  const from = await destination.begin(p, `sync/${p.destination.table}`, run)
  return { ...from, at: { plan: p, streamKey: `sync/${p.destination.table}`, epoch: from.epoch } }
}
type At = Awaited<ReturnType<typeof start>>['at']
const post = async (at: At, seq: number, rows: unknown[][], more: { last?: boolean; rejected?: (RejectedKey | null)[] } = {}) => destination.post(...(await chunkOf(rows, { ...at, seq, ...more })))
const complete = (at: At, approved = false) => destination.complete(at.plan, at.streamKey, at.epoch, approved, new AbortController().signal)
/** One scan of these rows in one chunk, and how it was completed. */
const scan = async (p: TablePlan, rows: unknown[][], rejected: (RejectedKey | null)[] = []) => {
  const { at } = await start(p)
  const posted = await post(at, 1, rows, { last: true, rejected })
  return { posted, at, result: await complete(at) }
}
const ids = async (p: TablePlan) => (await db.query<{ id: string }>(`select id from ${p.destination.table} ${p.deletes.mode === 'soft' ? `where ${p.deletes.column} is null` : ''} order by 1`)).rows.map((r) => Number(r.id))
const rows = (...range: number[]) => range.map((i) => [i, `n${i}`])
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
const leftOver = async () => (await db.query(`select relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'isthmus' and relname like 'seen%'`)).rows
const done = (removed: number) => ({ kind: 'done', removed })

describe.each(['soft', 'hard'] as const)('%s deletes', (mode) => {
  it('remove what a complete scan has not seen, and nothing else', async () => {
    const p = plan({ deletes: { mode } })
    expect((await scan(p, rows(...range(0, 20)))).result).toEqual(done(0))
    const { posted, at, result } = await scan(p, [[3, 'changed'], ...rows(...range(4, 22))])
    expect(posted).toMatchObject({ inserted: 2, updated: 1, unchanged: 16 })
    expect(result).toEqual(done(3))
    // The answer was lost: the same one again.
    expect(await complete(at)).toEqual(done(3))
    expect(await ids(p)).toEqual(range(3, 22))
    expect((await db.query(`select count(*)::int n from ${p.destination.table}`)).rows[0].n).toBe(mode === 'soft' ? 22 : 19)
    // The same state once more: nothing is removed twice.
    expect((await scan(p, rows(...range(3, 22)))).result).toEqual(done(0))
    expect(await leftOver()).toEqual([])
  })

  it('let a record come back, counted as updated or inserted', async () => {
    const p = plan({ deletes: { mode } })
    await scan(p, rows(1, 2, 3))
    await scan(p, rows(1, 3))
    expect(await ids(p)).toEqual([1, 3])
    const { posted } = await scan(p, rows(1, 2, 3))
    expect(posted).toMatchObject(mode === 'soft' ? { updated: 1, unchanged: 2, inserted: 0 } : { updated: 0, unchanged: 2, inserted: 1 })
    expect(await ids(p)).toEqual([1, 2, 3])
  })

  it('work on rows that are nothing but key, in a partitioned table, with odd names', async () => {
    const p = plan({ deletes: { mode, column: 'weg; "am' }, schema: 'S "x', table: `d'${mode}`, columns: [column('Id "1"', 'integer'), column('part')], key: ['part', 'Id "1"'] })
    const table = `"S ""x"."d'${mode}"`
    await db.query(`create schema if not exists "S ""x"; create table ${table} ("Id ""1""" bigint, part varchar(5), primary key ("Id ""1""", part)) partition by list (part);
      create table "S ""x"."a_${mode}" partition of ${table} for values in ('a'); create table "S ""x"."b_${mode}" partition of ${table} for values in ('b')`)
    await scan(p, [[1, 'a'], [1, 'b'], [2, 'a'], [2, 'b']])
    expect((await scan(p, [[1, 'a'], [2, 'b']])).result).toEqual(done(2))
    const live = `select "Id ""1""" || part k from ${table} ${mode === 'soft' ? 'where "weg; ""am" is null' : ''} order by 1`
    expect((await db.query(live)).rows.map((r: { k: string }) => r.k)).toEqual(['1a', '2b'])
    expect((await scan(p, [[1, 'a'], [1, 'b'], [2, 'b']])).posted).toMatchObject(mode === 'soft' ? { updated: 1, inserted: 0, unchanged: 2 } : { updated: 0, inserted: 1, unchanged: 2 })
    expect((await db.query(live)).rows).toHaveLength(3)
  })
})

describe('a generation', () => {
  const incremental = { field: 'at' }

  it('spans the runs of an interrupted scan, and those of no other', async () => {
    const p = plan()
    await scan(p, rows(...range(0, 12)))
    const first = await start(p)
    await post(first.at, 1, rows(0, 1, 2, 3))
    await expect(complete(first.at)).rejects.toMatchObject({ type: 'ReceiptMismatch' })
    const second = await start(p)
    expect(second).toMatchObject({ resumed: true })
    await post(second.at, 1, rows(4, 5, 6, 7, 8, 9), { last: true })
    await expect(complete(first.at)).rejects.toMatchObject({ type: 'Fenced' })
    expect(await complete(second.at)).toEqual(done(2))
    expect(await ids(p)).toEqual(range(0, 10))

    // Another identity begins anew: what was seen before does not count.
    const third = await start(p)
    await post(third.at, 1, rows(9))
    const other = { ...p, scan: 'another' }
    expect((await scan(other, rows(...range(0, 9)))).result).toEqual(done(1))
    expect(await ids(p)).toEqual(range(0, 9))
    expect(await leftOver()).toEqual([])
  })

  it('is none when the mapping was changed, or deletes switched on, in the middle of a scan', async () => {
    const changes: ((p: TablePlan) => [TablePlan, TablePlan])[] = [
      (p) => [p, { ...p, mapping: { kind: 'code', hash: 'other' } }],
      (p) => [{ ...p, deletes: { ...p.deletes, mode: 'none' } }, p],
    ]
    for (const change of changes) {
      const [before, after] = change(plan())
      await scan(after, rows(...range(0, 10)))
      const first = await start(before)
      await post(first.at, 1, rows(0, 1, 2, 3))
      const second = await start(after)
      expect(second).toMatchObject({ resumed: true })
      await post(second.at, 1, rows(4, 5, 6), { last: true })
      expect(await complete(second.at)).toMatchObject({ kind: 'done', removed: 0, note: expect.stringContaining('nothing was deleted') })
      expect(await ids(after)).toEqual(range(0, 10))
      expect((await scan(after, rows(...range(0, 7)))).result).toEqual(done(3))
    }
    expect(await leftOver()).toEqual([])
  })

  it('has a lower bound: nothing is deleted', async () => {
    const p = plan({ incremental })
    const first = await start(p)
    expect(first.since).toBeNull()
    const [request, path, signal] = await chunkOf(rows(...range(0, 10)), { ...first.at, seq: 1, last: true, watermark: '2024-01-01T00:00:00Z' })
    await destination.post(request, path, signal)
    expect(await complete(first.at)).toEqual(done(0))
    const second = await start(p)
    expect(second.since).toBe('2024-01-01T00:00:00Z')
    await post(second.at, 1, rows(3), { last: true })
    expect(await complete(second.at)).toEqual(done(0))
    expect(await ids(p)).toEqual(range(0, 10))
  })

  it('that was not completed is read again, from the beginning and without a lower bound', async () => {
    const p = plan({ incremental: { field: 'at', order: 'ascending' } })
    await db.query(`create table ${p.destination.table} (id bigint primary key, name text); insert into ${p.destination.table} select n, 'old' from generate_series(1, 10) n`)
    const first = await start(p)
    const [request, path, signal] = await chunkOf([], { ...first.at, seq: 1, last: true, watermark: '2024-01-01T00:00:00Z' })
    await destination.post(request, path, signal)
    expect(await complete(first.at)).toMatchObject({ kind: 'approval', removed: 10, rows: 10 })
    expect(await ids(p)).toHaveLength(10)
    const second = await start(p)
    expect(second).toMatchObject({ position: null, since: null, resumed: false, lastFull: null })
    const last = await chunkOf(rows(...range(1, 10)), { ...second.at, seq: 1, last: true, watermark: '2024-01-01T00:00:00Z' })
    await destination.post(...last)
    expect(await complete(second.at)).toEqual(done(1))
    expect(await start(p)).toMatchObject({ since: '2024-01-01T00:00:00Z', lastFull: 9 })
  })

  it('read again under the same hold forgets what it had seen; replace forgets its rows', async () => {
    const p = plan()
    await scan(p, rows(...range(0, 20)))
    const { at } = await start(p)
    await post(at, 1, rows(...range(0, 10)), { last: true })
    expect(await complete(at)).toMatchObject({ kind: 'approval', removed: 10 })
    await post(at, 2, rows(...range(1, 18)))
    await post(at, 3, rows(18), { last: true })
    expect(await complete(at)).toEqual(done(2))
    expect(await ids(p)).toEqual(range(1, 19))

    const r = plan({ mode: 'replace', key: [], deletes: {} })
    const held = (await start(r)).at
    await post(held, 1, rows(1, 2), { last: true })
    await post(held, 2, rows(2, 3), { last: true })
    expect(await complete(held)).toEqual(done(0))
    expect(await ids(r)).toEqual([2, 3])
  })

  it('counts what it read, over all its runs, for the next one to compare with', async () => {
    for (const p of [plan(), plan({ deletes: {} }), plan({ mode: 'replace', deletes: {} }), plan({ mode: 'append', deletes: {} })]) {
      const first = await start(p)
      expect(first.lastFull).toBeNull()
      await post(first.at, 1, rows(1, 2))
      const second = await start(p)
      await post(second.at, 1, rows(3), { last: true })
      expect((await start(p)).lastFull).toBeNull()
      const third = await start(p)
      await post(third.at, 1, rows(1, 2, 3, 4), { last: true })
      await complete(third.at)
      expect((await start(p)).lastFull).toBe(4)
      expect((await start({ ...p, scan: 'another' })).lastFull).toBeNull()
    }
  })

  it('survives its backend being killed, and a checkpoint of an older version', async () => {
    const p = plan()
    await scan(p, rows(...range(0, 30)))
    await db.query(`create function slow${tables}() returns trigger language plpgsql as 'begin perform pg_sleep(0.5); return new; end';
      create trigger slow before update on ${p.destination.table} for each row execute function slow${tables}()`)
    const { at } = await start(p)
    await post(at, 1, rows(...range(0, 28)), { last: true })
    const outcome = complete(at).then(() => null, (error: unknown) => error)
    let hit = 0
    for (let i = 0; i < 100 && hit === 0; i++) {
      await sleep(10)
      hit = (await db.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and query like 'update "public"%'`, [sessionName(at.streamKey)])).rows.length
    }
    expect(hit).toBe(1)
    expect(await outcome).toMatchObject({ type: 'Transient' })
    expect(await ids(p)).toHaveLength(30)
    expect(await complete(at)).toEqual(done(2))
    expect(await ids(p)).toEqual(range(0, 28))

    await db.query('alter table isthmus.checkpoints drop column ended, drop column scan_read, drop column full_read, drop column generation, drop column completed')
    expect(await destination.peek(p, at.streamKey)).toEqual({ position: null, since: null })
    expect((await scan(p, rows(...range(0, 29)))).result).toEqual(done(0))
  })

  it('whose keys are not all there any more deletes nothing', async () => {
    const p = plan()
    await scan(p, rows(...range(0, 10)))
    const { at } = await start(p)
    await post(at, 1, rows(...range(0, 9)), { last: true })
    const [{ relname }] = (await leftOver()) as [{ relname: string }]
    await db.query(`delete from isthmus.${relname} where id < 3`)
    expect(await complete(at)).toMatchObject({ removed: 0, note: expect.stringContaining('not all there') })
    expect(await ids(p)).toHaveLength(10)
  })
})

describe('an unusual share', () => {
  it.each([
    ['few rows of a small table', 8, 5, {}, null],
    ['nearly all of a small table', 6, 5, {}, null],
    ['all of a small table', 3, 3, {}, /no records.*3 of the 3 rows of public\.d\d+/],
    ['a share below the threshold', 100, 20, {}, null],
    ['a share above the threshold', 100, 21, {}, /21 of the 100 rows of public\.d\d+ \(21 %\).*more than 20 %/],
    ['a share above a threshold of its own', 1000, 6, { approveAbove: 0.005 }, /\(0\.6 %\).*more than 0\.5 %/],
    ['any share but all', 100, 99, { approveAbove: 1 }, null],
    ['all, whatever the threshold', 100, 100, { approveAbove: 1 }, /the source gave no records/],
  ] as const)('%s: %i rows, %i gone', async (_name, all, gone, options, asked) => {
    for (const mode of ['soft', 'hard', 'replace'] as const) {
      const p = plan({ mode: mode === 'replace' ? 'replace' : 'upsert', deletes: { ...options, mode: mode === 'replace' ? 'none' : mode } })
      await scan(p, rows(...range(0, all)))
      const { at, result } = await scan(p, rows(...range(gone, all)))
      if (asked === null) expect(result, mode).toEqual(done(gone))
      else {
        expect(result, mode).toMatchObject({ kind: 'approval', removed: gone, rows: all })
        if (mode !== 'replace') expect((result as { reason: string }).reason).toMatch(asked)
        expect(await ids(p), mode).toHaveLength(all)
        expect(await complete(at), mode).toEqual(result)
        expect(await complete(at, true), mode).toEqual(done(gone))
      }
      expect(await ids(p), mode).toEqual(range(gone, all))
    }
  })

  it('is asked for when another stream fills the same table, and when every record was left out', async () => {
    const p = plan()
    await scan(p, rows(...range(0, 10)))
    await destination.begin({ ...p, deletes: { ...p.deletes, mode: 'none' } }, 'sync/other', 'r')
    expect((await scan(p, rows(...range(1, 10)))).result).toMatchObject({ kind: 'approval', reason: expect.stringContaining('sync/other fills the same table') })
    const filtered = plan()
    await scan(filtered, rows(...range(0, 10)))
    const { at } = await start(filtered)
    const [request, path, signal] = await chunkOf([], { ...at, seq: 1, last: true })
    await destination.post({ ...request, rows: { ...request.rows, read: 7, filtered: 7 } }, path, signal)
    expect(await complete(at)).toMatchObject({ kind: 'approval', reason: expect.stringContaining('none of the 7 records read gives a row') })
  })

  it('deletes nothing of a table without rows, and takes an empty source for fine there', async () => {
    for (const mode of ['soft', 'hard'] as const) expect((await scan(plan({ deletes: { mode } }), [])).result).toEqual(done(0))
    expect((await scan(plan({ mode: 'replace', deletes: {} }), [])).result).toEqual(done(0))
  })
})

describe('rejected records', () => {
  const known = (id: number | string): RejectedKey => ({ cells: String(id), guessed: false })
  const guess = (id: number | string): RejectedKey => ({ cells: String(id), guessed: true })
  const cases: [string, (RejectedKey | null)[], number[] | null][] = [
    ['whose key is known keep their row', [known(1), known(77)], [1]],
    ['whose key is guessed keep it when there is such a row', [guess(1), guess(2)], [1, 2]],
    ['whose guess hits no row stop all deletes', [guess(1), guess(77)], null],
    ['whose key cannot be read stop all deletes', [known(1), null], null],
    ['whose key is none in PostgreSQL stop all deletes', [known('1e99')], null],
  ]
  it.each(cases)('%s', async (_name, rejected, kept) => {
    const p = plan()
    await scan(p, rows(...range(0, 12)))
    const { result } = await scan(p, rows(...range(4, 12)), rejected)
    if (kept === null) expect(result).toMatchObject({ kind: 'done', removed: 0, note: expect.stringMatching(/nothing was deleted: the key of \d rejected record/) })
    else expect(result).toEqual(done(4 - kept.length))
    expect(await ids(p)).toEqual(kept === null ? range(0, 12) : [...kept, ...range(4, 12)])
    // Mended, all is as it should be.
    expect((await scan(p, rows(...range(1, 12)))).result).toMatchObject({ kind: 'done' })
    expect(await ids(p)).toEqual(range(1, 12))
  })

  it('that PostgreSQL refused keep their row, refused by COPY or by the merge', async () => {
    const p = plan()
    await db.query(`create table ${p.destination.table} (id bigint primary key, name text unique check (name <> 'bad'))`)
    await scan(p, rows(...range(0, 12)))
    const { posted, result } = await scan(p, [[0, 'bad'], [1, 'n5'], ...rows(...range(3, 12))])
    expect(posted).toMatchObject({ refused: 2, unchanged: 9 })
    expect(result).toEqual(done(1))
    expect(await ids(p)).toEqual([0, 1, ...range(3, 12)])
  })
})

describe('the table', () => {
  it('gets the mark, and one that cannot hold it is refused', async () => {
    const grown = plan()
    await scan({ ...grown, deletes: { ...grown.deletes, mode: 'none' } }, rows(1, 2))
    await scan(grown, rows(1))
    expect(await ids(grown)).toEqual([1])
    for (const definition of ['date', 'timestamptz not null default now()', 'timestamptz default now()']) {
      const p = plan()
      await db.query(`create table ${p.destination.table} (id bigint primary key, name text, _deleted_at ${definition})`)
      await expect(destination.check(p)).rejects.toMatchObject({ type: 'DestinationMismatch', field: 'deletes.column' })
    }
    await expect(destination.check(plan({ deletes: { mode: 'soft', column: 'name' } }))).rejects.toMatchObject({ type: 'DestinationMismatch' })
  })

  it('whose rows are referred to tells so, and changes nothing', async () => {
    const p = plan({ deletes: { mode: 'hard' } })
    await scan(p, rows(...range(0, 10)))
    await db.query(`create table refers${tables} (id bigint references ${p.destination.table}); insert into refers${tables} values (0)`)
    const { at } = await start(p)
    await post(at, 1, rows(...range(2, 10)), { last: true })
    await expect(complete(at)).rejects.toMatchObject({ type: 'DestinationMismatch', field: 'deletes', cure: expect.stringContaining('soft') })
    expect(await ids(p)).toEqual(range(0, 10))
  })

  it('of 10,000 rows loses exactly the 50 that are gone, and quickly', async () => {
    const p = plan({ deletes: { mode: 'hard' } })
    await scan(p, rows(...range(0, 10_000)))
    const gone = new Set(range(0, 50).map((i) => i * 199))
    const { at } = await start(p)
    await post(at, 1, rows(...range(0, 10_000).filter((i) => !gone.has(i))), { last: true })
    const began = Date.now()
    expect(await complete(at)).toEqual(done(50))
    expect(Date.now() - began).toBeLessThan(5_000)
    expect(await ids(p)).toEqual(range(0, 10_000).filter((i) => !gone.has(i)))
  })
})
