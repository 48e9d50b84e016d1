import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sourceSchema, streamSchema } from '../../model/index.ts'
import type { PageRead, Position } from '../../model/index.ts'
import { postgresQuery, type QueryOptions } from '../../connectors/query.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import type { ReadResult } from '../rest/index.ts'
import { openSource } from '../source/index.ts'
import { boundStatement } from './text.ts'

let database: TestDatabase
let db: pg.Pool
beforeAll(async () => {
  database = await testDatabase()
  db = new pg.Pool({ connectionString: database.url, max: 2 })
  await db.query(`create table orders (shop text, n int, total numeric, big bigint, at timestamptz, local timestamp, ok boolean, doc jsonb, primary key (shop, n));
    insert into orders select case when i % 2 = 0 then 'ä b' else 'Z''; drop table orders; --' end, i, i + 0.10, 9007199254740993 + i, timestamptz '2026-01-01 00:00:00.123456+02' + i * interval '1 second', '2026-01-01 10:00', i % 3 = 0, '{"a":12345678901234567890}' from generate_series(1, 5000) i`)
})
afterAll(async () => {
  await db?.end()
  await database?.close()
})

function reader(text: string, options: QueryOptions) {
  const { source, stream } = postgresQuery(null, text, options)
  return openSource({ source: sourceSchema.parse(source), stream: streamSchema.parse(stream), resolve: String, databaseUrl: database.url, projectDir: '.' })
}
async function read(text: string, options: QueryOptions, { position = null, since = null, requests = Infinity, signal = new AbortController().signal }: { position?: Position | null; since?: string | null; requests?: number; signal?: AbortSignal } = {}): Promise<ReadResult & { pages: PageRead[]; rows: Record<string, unknown>[] }> {
  const pages: PageRead[] = []
  const result = await reader(text, options).read({ position, since, budget: { untilMs: Infinity, bytes: Infinity, requests }, token: async () => null, pacer: null, signal, onPage: async (p) => void pages.push(p) })
  return { ...result, pages, rows: pages.flatMap((p) => JSON.parse(p.body.toString()) as Record<string, unknown>[]) }
}

describe('rows of a query', () => {
  it('are read once each over any number of calls, with all digits of their values', async () => {
    const seen: unknown[] = []
    let position: Position | null = null
    let first = ''
    for (let calls = 0; calls < 20; calls++) {
      const got = await read('select * from orders -- all of them;', { key: ['shop', 'n'] }, { position, requests: 2 })
      first ||= got.pages[0]!.body.toString().split('\n')[0]!
      seen.push(...got.rows.map((r) => r['n']))
      position = got.position
      if (got.stop.kind === 'done') break
      expect(position).toMatchObject({ kind: 'row' })
    }
    expect(seen).toHaveLength(5_000)
    expect(new Set(seen).size).toBe(5_000)
    const { n } = JSON.parse(first.replace(/^\[|,$/g, '')) as { n: number }
    const { rows } = await db.query<Record<string, string>>("select big::text, total::text, to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as at from orders where n = $1", [n])
    expect(first).toContain(`"total":"${rows[0]!['total']}","big":"${rows[0]!['big']}","at":"${rows[0]!['at']}","local":"2026-01-01T10:00:00"`)
    expect(first).toContain('"doc":{"a": 12345678901234567890}')
  })

  it('asks for changes with a bind parameter, around the query or where it stands in it', async () => {
    const since = '2025-12-31T23:23:20.123456Z'
    expect((await read('select n, at from orders', { key: 'n', incremental: 'at' }, { since })).rows).toHaveLength(1)
    expect((await read('select n, at from orders where {since}::timestamptz is null or at >= {since}::timestamptz', { key: 'n', incremental: 'at' }, { since })).rows).toHaveLength(1)
    const evil = boundStatement({ text: 'select 1 as "a""b"', key: ['a"b'], timeout: '1m' }, 'x', "'; drop table orders; --", ["'; --"])
    expect(evil).toEqual({ text: 'select * from (\nselect 1 as "a""b"\n) as q where q."x" >= $1 and (q."a""b") > ($2) order by q."a""b"', values: ["'; drop table orders; --", "'; --"] })
  })

  it.each<[string, string, QueryOptions, RegExp, string]>([
    ['a key that is no column', 'select n from orders', { key: 'id' }, /q.id does not exist/, 'from.query.key'],
    ['a key with null', 'select nullif(n, 7) as n from orders', { key: 'n' }, /null/, 'from.query.key'],
    ['a key that two rows have', 'select shop from orders', { key: 'shop' }, /two rows/, 'from.query.key'],
    ['a mistake', 'select n from orderz', { key: 'n' }, /orderz.*character/, 'from.query'],
    ['a write', 'with w as (insert into orders (shop, n) values (1, 1) returning n) select n from w', { key: 'n' }, /data-modifying|read-only/, 'from.query'],
    ['a time limit', 'select 1 as n, pg_sleep(30)', { key: 'n', timeout: '1s' }, /timeout/, 'from.query.timeout'],
  ])('%s is refused', async (_name, text, options, reason, field) => {
    const { stop } = await read(text, options)
    expect(stop).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason), field })
  })

  it('is cancelled at the server', async () => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 300)
    await expect(read('select 1 as n, pg_sleep(60)', { key: 'n' }, { signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' })
    const { rows } = await db.query("select 1 from pg_stat_activity where application_name = 'isthmus query' and state = 'active'")
    expect(rows).toEqual([])
  })
})
