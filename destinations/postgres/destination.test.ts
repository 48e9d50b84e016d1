import { fileURLToPath } from 'node:url'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import pg from 'pg'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TablePlan } from '../../model/table-name.ts'
import type { RowDestination } from '../../model/ports.ts'
import type { RefusedRow } from '../../model/run.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { chunkOf, column, streamPlan, type PlanOptions } from '../../test/support/stream-plan.ts'
import { postgresDestination } from './index.ts'
import { pgName, quoted } from './names.ts'
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
  streamPlan({ table: `t${(tables += 1)}`, columns: [column('id', 'integer'), column('name', 'text', true), column('amount', { kind: 'decimal', precision: 10, scale: 2 }, true)], ...options })
const all = async (p: TablePlan) =>
  (await db.query({ text: `select * from ${quoted(p.destination.schema)}.${quoted(p.destination.table)} order by 1, 2`, rowMode: 'array' })).rows as unknown[][]
const start = async (p: TablePlan, run: string = randomUUID(), streamKey = `sync/${p.destination.table}`) => {
  await destination.check(p)
  const from = await destination.begin(p, streamKey, run)
  return { ...from, at: { plan: p, streamKey, epoch: from.epoch } }
}
const complete = (at: { plan: TablePlan; streamKey: string; epoch: number }, approved = true) => destination.complete(at.plan, at.streamKey, at.epoch, approved, new AbortController().signal)
const counts = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, refused: 0, repeated: false, stop: null }

describe('loading', () => {
  it('appends', async () => {
    const p = plan({ mode: 'append' })
    const { at } = await start(p)
    const rows = [[1, 'a\tb\n\\', null], [1, null, '1.10']]
    expect(await destination.post(...(await chunkOf(rows, { ...at, seq: 1 })))).toEqual({ ...counts, inserted: 2 })
    expect(await all(p)).toEqual([['1', 'a\tb\n\\', null], ['1', null, '1.10']])
  })

  it('upserts with exact counts, nulls and duplicates included', async () => {
    const p = plan()
    const { at } = await start(p)
    expect(await destination.post(...(await chunkOf([[1, 'a', '1.00'], [2, null, null]], { ...at, seq: 1 })))).toEqual({ ...counts, inserted: 2 })
    const second = [[2, null, null], [1, 'a', '1.5'], [3, 'x', null], [3, 'y', null], [4, null, '2']]
    expect(await destination.post(...(await chunkOf(second, { ...at, seq: 2 })))).toEqual({ ...counts, inserted: 2, updated: 2, unchanged: 1 })
    expect(await destination.post(...(await chunkOf([[2, null, '0'], [3, null, null], [4, null, '2.00']], { ...at, seq: 3, last: true })))).toEqual({ ...counts, updated: 2, unchanged: 1 })
    expect(await all(p)).toEqual([['1', 'a', '1.50'], ['2', null, '0.00'], ['3', null, null], ['4', null, '2.00']])
  })

  it('upserts any chunks like a map does, and every row is counted once', async () => {
    const row = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.option(fc.constantFrom('a', 'A', '', '\\N', 'b')), fc.option(fc.constantFrom('1', '1.00', '2', '1e99')))
    const property = fc.asyncProperty(fc.constantFrom('upsert' as const, 'replace' as const), fc.array(fc.array(row, { maxLength: 12 }), { minLength: 1, maxLength: 5 }), async (mode, chunks) => {
      const p = plan({ mode })
      const { at } = await start(p)
      const model = new Map<number, unknown[]>()
      for (const [i, rows] of chunks.entries()) {
        const before = model.size
        // Of each key: rows that the next one of the chunk differs from, and the last when it differs from what was there.
        let updated = 0
        const seen = new Map<number, unknown[]>()
        const had = new Map(model)
        for (const [id, name, amount] of rows) {
          if (amount === '1e99') continue
          const now = [String(id), name, amount === null ? null : Number(amount).toFixed(2)]
          if (seen.has(id) && JSON.stringify(seen.get(id)) !== JSON.stringify(now)) updated += 1
          seen.set(id, now)
          model.set(id, now)
        }
        for (const [id, now] of seen) if (had.has(id) && JSON.stringify(had.get(id)) !== JSON.stringify(now)) updated += 1
        const result = await destination.post(...(await chunkOf(rows, { ...at, seq: i + 1, last: i === chunks.length - 1 })))
        expect(result.inserted + result.updated + result.unchanged + result.refused).toBe(rows.length)
        expect(result.refused).toBe(rows.filter((r) => r[2] === '1e99').length)
        expect(result.inserted).toBe(model.size - before)
        expect(result.updated).toBe(updated)
      }
      await complete(at)
      expect(await all(p)).toEqual([...model.values()].sort((a, b) => Number(a[0]) - Number(b[0])))
      await db.query(`drop table ${p.destination.table}`)
    })
    await fc.assert(property, { numRuns: 40 })
  })

  it('upserts rows that are nothing but key, and into a partitioned table', async () => {
    const p = plan({ columns: [column('id', 'integer'), column('part')], key: ['id', 'part'] })
    const { at } = await start(p)
    for (const seq of [1, 2]) {
      const result = await destination.post(...(await chunkOf([[1, 'a'], [1, 'b'], [1, 'a']], { ...at, seq })))
      expect(result).toEqual({ ...counts, ...(seq === 1 ? { inserted: 2, unchanged: 1 } : { unchanged: 3 }) })
    }
    const q = plan()
    await db.query(`create table ${q.destination.table} (id bigint primary key, name text, amount numeric(10,2)) partition by range (id);
      create table ${q.destination.table}_a partition of ${q.destination.table} for values from (0) to (1000)`)
    const held = await start(q)
    await destination.post(...(await chunkOf([[1, 'a', null], [2, 'b', null]], { ...held.at, seq: 1 })))
    expect(await destination.post(...(await chunkOf([[1, 'a', null], [2, 'c', null], [3, 'd', null]], { ...held.at, seq: 2 })))).toEqual({ ...counts, inserted: 1, updated: 1, unchanged: 1 })
  })

  it('replaces in one moment, when the scan is completed', async () => {
    const p = plan({ mode: 'replace' })
    const first = await start(p)
    await destination.post(...(await chunkOf([[1, 'old', null], [9, 'old', null]], { ...first.at, seq: 1, last: true })))
    expect(await complete(first.at, false)).toEqual({ kind: 'done', removed: 0 })
    await db.query(`create view v_${p.destination.table} as select * from ${p.destination.table}`)
    const second = await start(p)
    await destination.post(...(await chunkOf([[1, 'new', null], [2, 'new', null]], { ...second.at, seq: 1 })))
    expect((await all(p)).map((r) => r[1])).toEqual(['old', 'old'])
    expect(await destination.post(...(await chunkOf([[2, 'newer', null], [3, 'new', null]], { ...second.at, seq: 2, last: true })))).toEqual({ ...counts, inserted: 1, updated: 1 })
    expect((await all(p)).map((r) => r[1])).toEqual(['old', 'old'])
    // 9 is gone; asked again, the answer is the same.
    for (let i = 0; i < 2; i++) expect(await complete(second.at, false)).toEqual({ kind: 'done', removed: 1 })
    expect((await all(p)).map((r) => [r[0], r[1]])).toEqual([['1', 'new'], ['2', 'newer'], ['3', 'new']])
    const third = await start(p)
    await destination.post(...(await chunkOf([], { ...third.at, seq: 1, last: true })))
    expect(await complete(third.at, false)).toMatchObject({ kind: 'approval', removed: 3, rows: 3, reason: expect.stringContaining('the source gave no records') })
    expect(await all(p)).toHaveLength(3)
    expect(await complete(third.at)).toEqual({ kind: 'done', removed: 3 })
    expect(await all(p)).toEqual([])
    expect((await db.query(`select relname from pg_class where relname like '${p.destination.table}\\_\\_isthmus%'`)).rows).toEqual([])
  })

  it('sets rows aside that PostgreSQL refuses, in every mode', async () => {
    for (const mode of ['append', 'upsert', 'replace'] as const) {
      const p = plan({ mode })
      await db.query(`create table ${p.destination.table} (id bigint, name text check (name <> 'bad'), amount numeric(10,2)${mode === 'append' ? '' : ', primary key (id)'})`)
      const { at } = await start(p)
      const rows = Array.from({ length: 300 }, (_, i) => [i, i === 7 ? 'bad' : `n${i}`, i === 120 ? '1e99' : i === 121 ? 'x,y' : '1'])
      let refused: RefusedRow[] = []
      const [request, path, signal] = await chunkOf(rows, { ...at, seq: 1, last: true })
      const result = await destination.post(request, path, signal, async (r) => {
        refused = r
      })
      expect(result, mode).toEqual({ ...counts, inserted: 297, refused: 3 })
      expect(refused.map((r) => [r.line, r.field])).toEqual([[8, ''], [121, 'amount'], [122, 'amount']])
      expect(JSON.parse(refused[2]!.row)).toEqual({ id: '121', name: 'n121', amount: 'x,y' })
      await complete(at)
      expect(await all(p)).toHaveLength(297)
      expect(await destination.post(request, path, signal)).toEqual({ ...result, repeated: true })
    }
  })

  it('sets rows aside that only the merge can refuse', async () => {
    const p = plan()
    await db.query(`create table ${p.destination.table} (id bigint primary key, name text unique, amount numeric(10,2))`)
    const { at } = await start(p)
    await destination.post(...(await chunkOf([[1, 'a', null], [2, 'b', null]], { ...at, seq: 1 })))
    let refused: RefusedRow[] = []
    const [request, path, signal] = await chunkOf([[1, 'a', '2'], [3, 'b', null], [4, 'd', 'no'], [5, 'e', null]], { ...at, seq: 2 })
    const result = await destination.post(request, path, signal, async (r) => {
      refused = r
    })
    expect(result).toEqual({ ...counts, inserted: 1, updated: 1, refused: 2 })
    expect(refused.map((r) => r.line)).toEqual([2, 3])
  })

  it('stops when too many rows are refused, and when the staged rows are not all there', async () => {
    const p = plan()
    const { at } = await start(p)
    await expect(destination.post(...(await chunkOf(Array.from({ length: 1100 }, (_, i) => [`x${i}`, null, null]), { ...at, seq: 1 })))).rejects.toMatchObject({ type: 'Contract' })
    const [request, path, signal] = await chunkOf([[1, 'a', null]], { ...at, seq: 1 })
    await expect(destination.post({ ...request, rows: { ...request.rows, rows: 2 } }, path, signal)).rejects.toMatchObject({ type: 'StageLost' })
    await rm(path)
    await expect(destination.post(request, path, signal)).rejects.toMatchObject({ type: 'StageLost' })
    expect(await all(p)).toEqual([])
  })

  it('gives every column type the right type and value', async () => {
    const p = plan({
      columns: [
        column('id', 'uuid'), column('int', 'integer'), column('dec', 'decimal'), column('f', 'float'), column('b', 'boolean'), column('d', 'date'), column('ts', 'timestamp'),
        column('lts', 'localTimestamp'), column('t', 'time'), column('j', 'json'), column('e', { kind: 'enum', values: ['x'] }),
      ],
    })
    const { at } = await start(p)
    const id = randomUUID()
    const row = [id, '9007199254740993', '0.1000000000000000000001', '1.5', 't', '2024-02-29', '2024-01-01T00:00:00.123456+02:00', '2024-01-01 00:00:00.123456', '23:59:59.999999', '{"n":12345678901234567890.10}', 'x']
    await destination.post(...(await chunkOf([row], { ...at, seq: 1 })))
    expect((await destination.post(...(await chunkOf([row], { ...at, seq: 2 })))).unchanged).toBe(1)
    const shown = p.columns.map(({ name }) => (name === 'ts' ? `("ts" at time zone 'UTC')::text` : `"${name}"::text`))
    const text = (await db.query({ text: `select ${shown.join(', ')} from ${p.destination.table}`, rowMode: 'array' })).rows[0]
    expect(text).toEqual([id, '9007199254740993', '0.1000000000000000000001', '1.5', 'true', '2024-02-29', '2023-12-31 22:00:00.123456', '2024-01-01 00:00:00.123456', '23:59:59.999999', '{"n": 12345678901234567890.10}', 'x'])
  })
})

describe('fencing', () => {
  it('lets one epoch write, once for each chunk', async () => {
    const p = plan()
    const zombie = await start(p, 'run-1')
    expect((await start(p, 'run-1')).epoch).toBe(zombie.epoch)
    const stale = await chunkOf([[1, 'stale', null]], { ...zombie.at, seq: 1 })
    const owner = await start(p, 'run-2')
    expect(owner.epoch).toBe(zombie.epoch + 1)
    await expect(destination.post(...stale)).rejects.toMatchObject({ type: 'Fenced' })
    const fresh = await chunkOf([[1, 'fresh', null]], { ...owner.at, seq: 1 })
    const both = await Promise.all([destination.post(...fresh), destination.post(...fresh)])
    expect(both.map((r) => r.repeated).sort()).toEqual([false, true])
    expect(both.map((r) => r.inserted)).toEqual([1, 1])
    await expect(destination.post(...stale)).rejects.toMatchObject({ type: 'Fenced' })
    expect(await all(p)).toEqual([['1', 'fresh', null]])
    await expect(destination.post(...(await chunkOf([], { ...owner.at, seq: 3 })))).rejects.toMatchObject({ type: 'ReceiptMismatch' })
    expect(await start(p, 'run-2')).toMatchObject({ seq: 1, position: { kind: 'page', page: 1 } })
  })

  it('takes the stream from an attempt that was stopped in its transaction', async () => {
    const p = plan()
    const { at } = await start(p, 'run-1')
    const frozen = new pg.Client({ connectionString: database.url })
    frozen.on('error', () => {})
    await frozen.connect()
    await frozen.query(`begin; set local application_name = '${sessionName(at.streamKey)}'; select * from isthmus.checkpoints for update; lock table ${p.destination.table}`)
    const begun = Date.now()
    await start(p, 'run-2')
    expect(Date.now() - begun).toBeLessThan(30_000)
    await expect(frozen.query('commit')).rejects.toThrow()
  })

  it('loses nothing when its backend is killed in the middle', async () => {
    const p = plan()
    const { at } = await start(p)
    const [request, path, signal] = await chunkOf(Array.from({ length: 200_000 }, (_, i) => [i, `name ${i}`, '1.25']), { ...at, seq: 1 })
    const killed = destination.post(request, path, signal)
    const outcome = killed.then(() => null, (error: unknown) => error)
    let hit = 0
    for (let i = 0; i < 500 && hit === 0; i++) {
      hit = (await db.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and query like 'copy %'`, [sessionName(at.streamKey)])).rows.length
      await new Promise((r) => setTimeout(r, 2))
    }
    expect(hit).toBe(1)
    expect(await outcome).toMatchObject({ type: 'Transient' })
    expect(await all(p)).toEqual([])
    expect(await destination.post(request, path, signal)).toMatchObject({ inserted: 200_000, repeated: false })
  })

  it('stops at once when it is cancelled', async () => {
    const p = plan()
    const { at } = await start(p)
    const [request, path] = await chunkOf(Array.from({ length: 200_000 }, (_, i) => [i, `name ${i}`, null]), { ...at, seq: 1 })
    const cancel = new AbortController()
    const outcome = destination.post(request, path, cancel.signal).then(() => null, (error: unknown) => error)
    setTimeout(() => cancel.abort(), 60)
    expect(await outcome).toMatchObject({ name: 'AbortError' })
    await expect.poll(async () => (await db.query('select 1 from pg_stat_activity where application_name = $1', [sessionName(at.streamKey)])).rows.length).toBe(0)
    expect(await all(p)).toEqual([])
    expect((await destination.post(request, path, new AbortController().signal)).inserted).toBe(200_000)
  })
})

describe('scans', () => {
  it('goes on with an interrupted scan of the same identity only', async () => {
    for (const mode of ['upsert', 'replace'] as const) {
      const p = plan({ mode, incremental: { field: 'at', start: '2020-01-01' } })
      const since = mode === 'replace' ? null : '2020-01-01'
      const first = await start(p)
      expect(first).toMatchObject({ seq: 0, position: null, resumed: false, since })
      await destination.post(...(await chunkOf([[1, 'a', null]], { ...first.at, seq: 1, page: 7 })))
      expect(await destination.peek(p, first.at.streamKey)).toEqual({ position: { kind: 'page', page: 7 }, since })
      const second = await start(p)
      expect(second).toMatchObject({ seq: 0, position: { kind: 'page', page: 7 }, resumed: true, since })
      await destination.post(...(await chunkOf([[2, 'b', null]], { ...second.at, seq: 1, page: 8 })))
      const other = await start({ ...p, scan: 'another' })
      expect(other).toMatchObject({ position: null, resumed: false })
      await destination.post(...(await chunkOf([[3, 'c', null]], { plan: { ...p, scan: 'another' }, streamKey: other.at.streamKey, epoch: other.epoch, seq: 1, last: true })))
      await complete({ ...other.at, plan: { ...p, scan: 'another' } })
      expect((await all(p)).map((r) => r[0])).toEqual(mode === 'replace' ? ['3'] : ['1', '2', '3'])
      expect(await start({ ...p, scan: 'another' })).toMatchObject({ position: null, resumed: false })
    }
  })

  it('keeps the rows of an interrupted replace, and not those of another shape', async () => {
    const p = plan({ mode: 'replace' })
    const first = await start(p)
    await destination.post(...(await chunkOf([[1, 'a', null]], { ...first.at, seq: 1 })))
    const second = await start(p)
    await destination.post(...(await chunkOf([[2, 'b', null]], { ...second.at, seq: 1, last: true })))
    await complete(second.at)
    expect((await all(p)).map((r) => r[0])).toEqual(['1', '2'])
    const third = await start(p)
    await destination.post(...(await chunkOf([[1, 'a', null]], { ...third.at, seq: 1 })))
    expect(await start({ ...p, mode: 'upsert' }, 'r4', third.at.streamKey)).toMatchObject({ resumed: false })
  })

  it('moves the watermark by chunk when ascending, else at the end, to the microsecond', async () => {
    for (const order of ['ascending', 'none'] as const) {
      const p = plan({ incremental: { field: 'at', order, overlap: '10m' } })
      const { at } = await start(p)
      const mark = async (key: string) => (await db.query('select watermark from isthmus.checkpoints where stream_key = $1', [key])).rows[0].watermark
      await destination.post(...(await chunkOf([], { ...at, seq: 1, watermark: '2024-03-01T10:00:00.123457Z' })))
      await destination.post(...(await chunkOf([], { ...at, seq: 2, watermark: '2024-03-01T11:00:00.123456+01:00' })))
      expect(await mark(at.streamKey)).toBe(order === 'ascending' ? '2024-03-01T10:00:00.123457Z' : null)
      await destination.post(...(await chunkOf([], { ...at, seq: 3, last: true })))
      expect(await mark(at.streamKey)).toBe('2024-03-01T10:00:00.123457Z')
      expect((await start(p)).since).toBe('2024-03-01T09:50:00.123457Z')
    }
  })
})

describe('tables', () => {
  it('adds what is missing and changes nothing while it checks', async () => {
    const p = plan({ schema: 'New Schema', columns: [column('id', 'integer'), column('name')] })
    await destination.check(p)
    expect((await db.query(`select 1 from pg_namespace where nspname = 'New Schema'`)).rows).toEqual([])
    const { at } = await start(p)
    await destination.post(...(await chunkOf([[1, 'a']], { ...at, seq: 1 })))
    const wider = { ...p, columns: [...p.columns, column('more', 'date')] }
    const next = await start(wider)
    await destination.post(...(await chunkOf([[1, 'a', '2024-01-01'], [2, 'b', '2024-01-02']], { ...next.at, seq: 1 })))
    expect(await all(p)).toHaveLength(2)
  })

  it('names table, column, both types and the cure', async () => {
    const cases: [string, RegExp, RegExp][] = [
      ['(id bigint primary key, name text, amount double precision)', /public\.t\d+: column "amount" is double precision, the model's decimal\(10, 2\) needs numeric\(10, 2\)/, /alter table "public"\."t\d+" alter column "amount" type numeric\(10, 2\)/],
      ['(id integer primary key, name text, amount numeric)', /"id" is integer, the model's integer needs bigint/, /type bigint/],
      ['(id bigint primary key, name text not null, amount numeric)', /"name" \(text\) is not null/, /drop not null/],
      ['(id bigint primary key, name text, amount numeric, extra int not null)', /"extra" \(integer\) is not null and has no default/, /drop not null/],
      ['(id bigint, name text, amount numeric)', /no unique constraint on the key \(id\)/, /add unique \("id"\)/],
      ['(id bigint primary key, name text generated always as (1::text) stored, amount numeric)', /generated/, /leave it out/],
    ]
    for (const [definition, message, cure] of cases) {
      const p = plan()
      await db.query(`create table ${p.destination.table} ${definition}`)
      const error = await destination.check(p).catch((e: unknown) => e)
      expect(error).toMatchObject({ type: 'DestinationMismatch', message: expect.stringMatching(message), cure: expect.stringMatching(cure) })
      await expect(destination.begin(p, 'k', 'r')).rejects.toMatchObject({ type: 'DestinationMismatch' })
    }
    const fine = plan({ columns: [column('id', 'uuid'), column('name'), column('amount', 'decimal'), column('j', 'json', true), column('e', { kind: 'enum', values: ['a'] })] })
    await db.query(`create domain d${tables} as numeric; create type e${tables} as enum ('a', 'b');
      create table ${fine.destination.table} (id varchar(36) unique, name varchar(50), amount d${tables}, j json, e e${tables}, at timestamptz not null default now(), n bigint generated always as identity)`)
    const { at } = await start(fine)
    const row = ['k', 'x', '1.5', '{"a": 1}', 'a']
    for (const seq of [1, 2]) await destination.post(...(await chunkOf([row], { ...at, seq })))
    expect(await all(fine)).toHaveLength(1)
    await db.query(`create view v${tables} as select 1 as id`)
    await expect(destination.check(plan({ table: `v${tables}` }))).rejects.toMatchObject({ type: 'DestinationMismatch' })
  })

  it('says what is wrong with the address, and never the password', async () => {
    const url = new URL(database.url)
    const tries: [string, string][] = []
    url.password = 'sup3rsecret'
    tries.push([url.href, 'InvalidInput'])
    const missing = new URL(database.url)
    missing.pathname = '/nowhere'
    tries.push([missing.href, 'InvalidInput'], ['postgresql://u:sup3rsecret@127.0.0.1:1/x', 'Unreachable'], ['mysql://u:sup3rsecret@h/x', 'InvalidInput'], ['sup3rsecret', 'InvalidInput'], ['postgresql://u:sup3rsecret@h:99999/x', 'InvalidInput'])
    for (const [address, type] of tries) {
      const error: unknown = await (async () => {
        const d = postgresDestination(address)
        await d.check(plan()).finally(() => d.close())
      })().catch((e: unknown) => e)
      expect(error, address).toMatchObject({ type, message: expect.not.stringContaining('sup3rsecret') })
    }
  })
})

describe('names', () => {
  const file = fileURLToPath(new URL('../../../shared/vectors/naughty-strings/blns.json', import.meta.url))
  const naughty: string[] = [...new Set(existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as string[]) : [])].concat(['', 'x'.repeat(63), 'x'.repeat(64), 'é'.repeat(40), 'a"b', 'a; drop table x', '\ud800', '\udfff'])

  it('are injective and fit', () => {
    const seen = new Map<string, string>()
    const check = (name: string) => {
      if (name.includes('\0')) return
      const mapped = pgName(name)
      expect(Buffer.byteLength(mapped)).toBeLessThanOrEqual(63)
      expect(mapped.length).toBeGreaterThan(0)
      expect(seen.get(mapped) ?? name).toBe(name)
      seen.set(mapped, name)
    }
    for (const name of naughty) check(name)
    for (const name of [...seen.values()]) check(pgName(name) === name ? name : `${pgName(name)}`)
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 80 }), check), { numRuns: 2_000 })
    expect(() => pgName('a\0b')).toThrowError(/NUL/)
  })

  it('of any kind work as tables and columns', async () => {
    const names = [...new Set(naughty)].filter((n) => !n.includes('\0'))
    const wide = plan({ table: `'"; drop schema isthmus cascade; --`, columns: [column('id', 'integer'), ...names.slice(0, 400).filter((n) => n !== 'id').map((n) => column(n, 'text', true))] })
    const { at } = await start(wide)
    for (const seq of [1, 2]) {
      const result = await destination.post(...(await chunkOf([[1, ...wide.columns.slice(1).map((_, i) => `v${i}`)]], { ...at, seq })))
      expect(result).toMatchObject(seq === 1 ? { inserted: 1 } : { unchanged: 1 })
    }
    expect((await all(wide))[0]).toEqual(['1', ...wide.columns.slice(1).map((_, i) => `v${i}`)])
    for (const table of names.filter((_, i) => i % 25 === 0)) {
      const p = plan({ table, schema: 'naughty' })
      const held = await start(p, 'r', `naughty ${names.indexOf(table)}`)
      await destination.post(...(await chunkOf([[1, table.slice(0, 3).replace(/\p{Surrogate}/gu, ''), null]], { ...held.at, seq: 1 })))
      expect(await all(p)).toHaveLength(1)
    }
  }, 120_000)
})
