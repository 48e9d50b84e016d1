import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TablePlan } from '../../model/table-name.ts'
import type { RowDestination } from '../../model/ports.ts'
import type { RemapFiles } from '../../model/remap.ts'
import type { RefusedRow } from '../../model/run.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { cell, chunkOf, column, streamPlan, type PlanOptions } from '../../test/support/stream-plan.ts'
import { postgresDestination } from './index.ts'

let database: TestDatabase
let destination: RowDestination
let db: pg.Pool
let folder: string
const signal = new AbortController().signal
beforeAll(async () => {
  database = await testDatabase()
  destination = postgresDestination(database.url)
  db = new pg.Pool({ connectionString: database.url })
  db.on('error', () => {})
  folder = await mkdtemp(join(tmpdir(), 'isthmus-apply-'))
})
afterAll(async () => {
  await destination?.close()
  await db?.end()
  await database?.close()
})

let made = 0
const COLUMNS = [column('id', 'integer'), column('name', 'text', true), column('at', 'timestamp', true)]
const plan = (options: Partial<PlanOptions> = {}): TablePlan => streamPlan({ table: `a${(made += 1)}`, columns: COLUMNS, ...options })
const all = async (p: TablePlan) => (await db.query({ text: `select id, name, to_char(at at time zone 'UTC', 'YYYY-MM-DD') from ${p.destination.table} order by 1, 2`, rowMode: 'array' })).rows as unknown[][]
async function file(rows: unknown[][]): Promise<string> {
  const path = join(folder, `${(made += 1)}.copy`)
  await writeFile(path, rows.map((row) => `${row.map(cell).join('\t')}\n`).join(''))
  return path
}
/** A table with rows, as a run leaves it. */
async function filled(p: TablePlan, rows: unknown[][]): Promise<string> {
  const key = `sync/${p.destination.table}`
  const { epoch } = await destination.begin(p, key, `run ${(made += 1)}`)
  await destination.post(...(await chunkOf(rows, { plan: p, streamKey: key, epoch, seq: 1, last: true })))
  await destination.complete(p, key, epoch, true, signal)
  return key
}

describe('apply', () => {
  it('merges by key, leaves out what is older than the row there, and changes nothing when dry', async () => {
    const p = plan()
    await filled(p, [[1, 'one', '2026-01-05T00:00:00Z'], [2, 'two', '2026-01-05T00:00:00Z'], [3, 'three', null]])
    const rows = [[1, 'older', '2026-01-04T00:00:00Z'], [2, 'newer', '2026-01-06T00:00:00Z'], [3, 'known now', '2026-01-01T00:00:00Z'], [4, 'new', null], [2, 'same time', '2026-01-06T00:00:00Z']]
    const request = { plan: p, rows: { rows: rows.length }, newest: 'at', once: null }
    const before = await all(p)
    const dry = await destination.apply({ ...request, dry: true }, await file(rows), signal)
    expect(dry).toMatchObject({ inserted: 1, updated: 3, unchanged: 0, refused: 0, older: [1] })
    expect(dry.samples.map((s) => [s.key['id'], s.before?.['name'], s.after['name']])).toEqual([['3', 'three', 'known now'], ['2', 'two', 'same time'], ['4', undefined, 'new']])
    expect(await all(p)).toEqual(before)
    expect(await destination.apply({ ...request, dry: false }, await file(rows), signal)).toMatchObject({ inserted: 1, updated: 3, older: [1] })
    const after = [['1', 'one', '2026-01-05'], ['2', 'same time', '2026-01-06'], ['3', 'known now', '2026-01-01'], ['4', 'new', null]]
    expect(await all(p)).toEqual(after)
    expect(await destination.apply({ ...request, dry: false }, await file(rows), signal)).toMatchObject({ inserted: 0, unchanged: 3, older: [1] })
    expect(await all(p)).toEqual(after)
  })

  it('tells lines right, with refused rows among older ones', async () => {
    const p = plan()
    await filled(p, [[1, 'one', '2026-01-05T00:00:00Z'], [5, 'five', '2026-01-05T00:00:00Z']])
    await db.query(`alter table ${p.destination.table} add check (name <> 'bad')`)
    const rows = [[8, 'bad', null], [1, 'older', '2026-01-04T00:00:00Z'], [9, 'bad', null], [5, 'older', '2026-01-04T00:00:00Z'], [6, 'new', null]]
    const refused: RefusedRow[] = []
    const result = await destination.apply({ plan: p, rows: { rows: 5 }, dry: false, newest: 'at', once: null }, await file(rows), signal, async (r) => void refused.push(...r))
    expect(result).toMatchObject({ inserted: 1, updated: 0, refused: 2, older: [2, 4] })
    expect(refused.map((r) => r.line)).toEqual([1, 3])
    expect((await all(p)).map((r) => r[1])).toEqual(['one', 'five', 'new'])
  })

  it('appends each name once, and again what was refused', async () => {
    const p = plan({ mode: 'append' })
    await filled(p, [[1, 'one', null]])
    await db.query(`alter table ${p.destination.table} add constraint no_bad check (name <> 'bad')`)
    const rows = [[1, 'again', null], [2, 'bad', null], [3, 'three', null]]
    const request = { plan: p, rows: { rows: 3 }, dry: false, newest: null, once: ['x', 'y', 'z'] }
    expect(await destination.apply({ ...request, dry: true }, await file(rows), signal)).toMatchObject({ inserted: 2, refused: 1 })
    expect(await destination.apply(request, await file(rows), signal)).toMatchObject({ inserted: 2, unchanged: 0, refused: 1 })
    await db.query(`alter table ${p.destination.table} drop constraint no_bad`)
    for (const inserted of [1, 0]) expect(await destination.apply(request, await file(rows), signal)).toMatchObject({ inserted, unchanged: 3 - inserted, refused: 0 })
    expect((await all(p)).map((r) => r[1])).toEqual(['again', 'one', 'bad', 'three'])
  })
})

describe('remap', () => {
  const files = async (rows: unknown[][], keys: unknown[][] = []): Promise<RemapFiles> => ({ rows: await file(rows), rowCount: rows.length, keys: await file(keys), keyCount: keys.length })

  it('brings the newest version of each key, over chunks, like a map does; dry and applied tell the same', async () => {
    const version = fc.record({ id: fc.integer({ min: 1, max: 6 }), what: fc.constantFrom('row', 'row', 'f', 'r'), name: fc.option(fc.constantFrom('a', 'b')) })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(version, { maxLength: 6 }), { minLength: 1, maxLength: 4 }), fc.uniqueArray(fc.integer({ min: 1, max: 6 })), async (chunks, there) => {
        const p = plan()
        const streamKey = await filled(p, there.map((id) => [id, 'old', null]))
        const expected = new Map<number, string | null>(there.map((id) => [id, 'old']))
        const last = new Map<number, { what: string; name: string | null }>()
        let n = 0
        const staged: RemapFiles[] = []
        for (const chunk of chunks) {
          const numbered = chunk.map((v) => ({ ...v, n: (n += 1) }))
          for (const v of numbered) last.set(v.id, v)
          staged.push(await files(numbered.filter((v) => v.what === 'row').map((v) => [v.n, v.id, v.name, null]), numbered.filter((v) => v.what !== 'row').map((v) => [v.n, v.what, v.id])))
        }
        const counts = { inserted: 0, changed: 0, unchanged: 0, filteredStays: 0, rejectedStays: 0 }
        for (const [id, { what, name }] of last) {
          if (what === 'row') {
            counts[!expected.has(id) ? 'inserted' : expected.get(id) === name ? 'unchanged' : 'changed'] += 1
            expected.set(id, name)
          } else if (expected.has(id)) counts[what === 'f' ? 'filteredStays' : 'rejectedStays'] += 1
        }
        const request = { plan: p, streamKey, mark: await destination.mark(streamKey), files: staged }
        const before = await all(p)
        const dry = await destination.remap({ ...request, apply: false }, signal)
        expect(dry).toMatchObject(counts)
        expect(await all(p)).toEqual(before)
        expect(await destination.remap({ ...request, apply: true }, signal)).toEqual(dry)
        expect(await all(p)).toEqual([...expected].sort(([a], [b]) => a - b).map(([id, name]) => [String(id), name, null]))
        await db.query(`drop table ${p.destination.table}`)
      }),
      { numRuns: 20, seed: 12 },
    )
  })

  it('adds new columns, and tells them before it does', async () => {
    const p = plan()
    const streamKey = await filled(p, [[1, 'one', null], [2, 'two', null]])
    const wider: TablePlan = { ...p, columns: [...COLUMNS, column('extra', 'text', true)] }
    const request = { plan: wider, streamKey, mark: await destination.mark(streamKey), files: [await files([[1, 1, 'one', null, 'x'], [2, 2, 'two', null, null]])] }
    const dry = await destination.remap({ ...request, apply: false }, signal)
    expect(dry).toMatchObject({ changed: 1, unchanged: 1, columns: { extra: 1 }, samples: [{ key: { id: '1' }, before: { extra: null }, after: { extra: 'x' } }] })
    expect((await db.query(`select column_name from information_schema.columns where table_name = $1`, [p.destination.table])).rowCount).toBe(3)
    await destination.remap({ ...request, apply: true }, signal)
    expect((await db.query(`select extra from ${p.destination.table} order by id`)).rows).toEqual([{ extra: 'x' }, { extra: null }])
  })

  it('makes a table of mode replace anew, with and without a key', async () => {
    for (const key of [['id'], []]) {
      const p = plan({ mode: 'replace', key })
      const streamKey = await filled(p, [[1, 'one', null], [2, 'two', null], [9, 'gone', null]])
      const request = { plan: p, streamKey, mark: await destination.mark(streamKey), files: [await files([[1, 1, 'one', null], [2, 2, 'zwei', null], [3, 3, 'new', null]])] }
      const expected = key.length ? { inserted: 1, changed: 1, unchanged: 1, removed: 1 } : { inserted: 3, removed: 3 }
      expect(await destination.remap({ ...request, apply: false }, signal)).toMatchObject(expected)
      expect(await destination.remap({ ...request, apply: true }, signal)).toMatchObject(expected)
      expect((await all(p)).map((r) => r[1])).toEqual(['one', 'zwei', 'new'])
    }
  })

  it('brings no row back in a stream that removes rows', async () => {
    const p: TablePlan = { ...plan(), deletes: { mode: 'hard', column: '_deleted_at', approveAbove: 1 } }
    const streamKey = await filled(p, [[1, 'one', null]])
    const request = { plan: p, streamKey, mark: await destination.mark(streamKey), files: [await files([[1, 1, 'eins', null], [2, 2, 'removed', null]])], apply: true }
    expect(await destination.remap(request, signal)).toMatchObject({ changed: 1, inserted: 0, absent: 1 })
    expect((await all(p)).map((r) => r[1])).toEqual(['eins'])
  })

  it('changes nothing when a run went on meanwhile, or rows are refused', async () => {
    const p = plan()
    const streamKey = await filled(p, [[1, 'one', null]])
    const request = { plan: p, streamKey, mark: await destination.mark(streamKey), files: [await files([[1, 1, 'eins', null]])], apply: true }
    await filled(p, [[1, 'newer', null]])
    await expect(destination.remap(request, signal)).rejects.toMatchObject({ type: 'AlreadyRunning' })
    expect((await all(p)).map((r) => r[1])).toEqual(['newer'])
    const again = { ...request, mark: await destination.mark(streamKey), files: [await files([[1, 1, 'eins', 'no time'], [2, 2, 'zwei', null]])] }
    expect(await destination.remap({ ...again, apply: false }, signal)).toMatchObject({ inserted: 1, refused: { count: 1 } })
    await expect(destination.remap(again, signal)).rejects.toMatchObject({ type: 'Contract' })
    expect((await all(p)).map((r) => r[1])).toEqual(['newer'])
  })
})

describe('post beside other writers', () => {
  it('leaves a row that is newer, also one that another transaction is about to commit', async () => {
    const p = plan()
    await filled(p, [[1, 'live', '2026-01-05T00:00:00Z'], [2, 'live', '2026-01-05T00:00:00Z'], [3, 'no time', null]])
    const key = `sync/${p.destination.table}/window`
    const { epoch } = await destination.begin(p, key, 'b')
    const [request, path] = await chunkOf([[1, 'old', '2026-01-04T00:00:00Z'], [2, 'same', '2026-01-05T00:00:00Z'], [3, 'known', '2026-01-01T00:00:00Z'], [4, 'new', '2020-01-01T00:00:00Z']], { plan: p, streamKey: key, epoch, seq: 1, last: true })
    // A run holds row 2 while the window is loaded, and makes it newer.
    const run = await db.connect()
    await run.query(`begin; update ${p.destination.table} set name = 'newest', at = '2026-02-01' where id = 2`)
    const posted = destination.post({ ...request, newest: 'at' }, path, signal)
    await expect.poll(async () => (await db.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)).rowCount).toBe(1)
    await run.query('commit')
    run.release()
    expect(await posted).toMatchObject({ inserted: 1, updated: 1, unchanged: 2, refused: 0 })
    expect(await all(p)).toEqual([['1', 'live', '2026-01-05'], ['2', 'newest', '2026-02-01'], ['3', 'known', '2026-01-01'], ['4', 'new', '2020-01-01']])
    await destination.forget(key)
    expect((await db.query('select 1 from isthmus.checkpoints where stream_key like $1', [`sync/${p.destination.table}%`])).rowCount).toBe(1)
  })
})
