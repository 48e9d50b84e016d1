import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MockActivityEnvironment } from '@temporalio/testing'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createActivities, openDeps, type Activities, type ActivityDeps } from '../../activities/index.ts'
import { pageNumber, rest } from '../../connectors/index.ts'
import { fields, t } from '../../model/mapping/index.ts'
import type { Position } from '../../model/run.ts'
import { compileSync, defineSync, postgres } from '../../project/index.ts'
import { json, testServer, type TestServer } from '../../protocols/testing/server.ts'
import { z } from 'zod'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'

const RECORDS = 60
const PAGE = 7
const FIELDS = ['count', 'note', 'info', 'amount'] as const
type Field = (typeof FIELDS)[number]
type Kind = 'added' | 'dropped' | 'renamed' | 'text' | 'word' | 'list' | 'object' | 'null'
interface Change {
  /** Record from which on the source's shape is another. */
  from: number
  field: Field
  kind: Kind
}
type Record_ = { id: number } & Partial<Record<string, unknown>>

/** The source's record `i` after the changes that hold by then. */
function sourceRecord(i: number, changes: Change[]): Record_ {
  const record: Record_ = { id: i, count: i * 3, note: `note ${i}`, info: { a: i, b: [1, 2] }, amount: i + 0.25 }
  for (const { from, field, kind } of changes) {
    if (i < from || (!(field in record) && kind !== 'added')) continue
    const value = record[field]
    if (kind === 'added') record[`${field}_extra`] = { of: i }
    if (kind === 'dropped' || kind === 'renamed') delete record[field]
    if (kind === 'renamed') record[`${field}_new`] = value
    if (kind === 'text') record[field] = typeof value === 'object' ? JSON.stringify(value) : String(value)
    if (kind === 'word') record[field] = 'n/a'
    if (kind === 'list') record[field] = [value]
    if (kind === 'object') record[field] = { value }
    if (kind === 'null') record[field] = null
  }
  return record
}

type Row = { id: string; count: string; note: string | null; info: unknown; amount: string | null }

/** A plain loader of the same model, written without Isthmus: a row, or the column that cannot be filled. */
function reference(r: Record_): Row | Field {
  const missing = (v: unknown): boolean => v === undefined || v === null
  const numeric = (v: unknown): boolean => typeof v === 'number' || (typeof v === 'string' && /^-?\d+(\.\d+)?$/.test(v))
  if (missing(r['count']) || !numeric(r['count'])) return 'count'
  if (!missing(r['note']) && typeof r['note'] === 'object') return 'note'
  if (!missing(r['amount']) && !numeric(r['amount'])) return 'amount'
  return { id: String(r.id), count: String(r['count']), note: missing(r['note']) ? null : String(r['note']), info: r['info'] ?? null, amount: missing(r['amount']) ? null : Number(r['amount']).toFixed(2) }
}

let database: TestDatabase
let db: pg.Pool
let dir: string
let server: TestServer
let deps: ActivityDeps
let activities: Activities
const schedules: Change[][] = []

beforeAll(async () => {
  database = await testDatabase()
  db = new pg.Pool({ connectionString: database.url })
  dir = await mkdtemp(join(tmpdir(), 'isthmus-schema-'))
  server = await testServer(({ path, query }, res) => {
    const changes = schedules[Number(path.split('/').at(-1))]!
    const from = (Number(query.get('page')) - 1) * PAGE
    json(res, { data: Array.from({ length: Math.max(0, Math.min(PAGE, RECORDS - from)) }, (_, i) => sourceRecord(from + i, changes)) })
  })
  deps = await openDeps({ databaseUrl: database.url, projectDir: dir })
  activities = createActivities(deps)
})
afterAll(async () => {
  await deps?.close()
  await server?.close()
  await db?.end()
  await database?.close()
  await rm(dir, { recursive: true, force: true })
})

/** One run by the real steps, in turn, three pages a chunk. */
async function load(n: number): Promise<string> {
  const run = `run-${n}`
  const definition = defineSync({
    from: rest({ baseUrl: server.url }).stream('items', { path: `/items/${n}`, records: 'data', key: 'id', page: pageNumber({ size: PAGE }) }),
    to: postgres.table(`s${n}`),
    model: z.object({ id: z.int(), count: z.int(), note: z.string().nullable(), info: t.json().nullable(), amount: t.decimal({ precision: 12, scale: 2 }).nullable() }),
    map: fields({ id: 'id', count: 'count', note: 'note', info: 'info', amount: 'amount' }),
  })
  const plan = compileSync(definition, { id: `s${n}`, file: `syncs/s${n}.ts`, text: '' })
  await deps.store.savePlan(plan)
  const target = { sync: plan.id, run, plan: plan.hash, stream: 'items', round: 0 }
  const env = new MockActivityEnvironment()
  const step = <R>(body: () => Promise<R>): Promise<R> => env.run(body)
  const { epoch } = await step(() => activities.prepare({ ...target, anew: '', committed: 0, used: 0 }))
  const none = { read: 0, inserted: 0, updated: 0, unchanged: 0, deleted: 0, filtered: 0, rejected: 0, removed: 0, pages: 0, requests: 0, chunks: 0, bytes: 0 }
  let position: Position | null = null
  for (let seq = 1; ; seq++) {
    const read = await step(() => activities.page({ ...target, seq, position, since: null, budget: { ms: 60_000, bytes: 1e9, requests: 3 }, adopt: false, before: { pages: 0, records: 0, requests: 0 } }))
    expect(['more', 'done']).toContain(read.stop.kind)
    position = read.position
    const pages = read.chunk ?? { run, stream: 'items', seq, segments: [], pages: 0, records: 0, bytes: 0 }
    const rows = await step(() => activities.map({ ...target, pages, since: null }))
    const posted = await step(() => activities.post({ ...target, epoch, rows, position, last: read.stop.kind === 'done', before: none }))
    expect(rows.read).toBe(posted.inserted + posted.updated + posted.unchanged + rows.filtered + rows.rejected + posted.refused)
    if (read.stop.kind === 'done') return run
  }
}

/** Matrix row R12. */
it('a schema that changes while it is read gives what a plain loader gives, or a reject: never a silent null', async () => {
  const change = fc.record({ from: fc.integer({ min: 1, max: RECORDS - 1 }), field: fc.constantFrom(...FIELDS), kind: fc.constantFrom<Kind>('added', 'dropped', 'renamed', 'text', 'word', 'list', 'object', 'null') })
  let changed = 0
  let set = 0
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const n = schedules.push(changes) - 1
      const run = await load(n)
      const expected = Array.from({ length: RECORDS }, (_, i) => reference(sourceRecord(i, changes)))
      const rows = (await db.query<Row>(`select id::text, count::text, note, info, amount::text from s${n} order by s${n}.id`)).rows
      expect(rows).toEqual(expected.filter((r) => typeof r !== 'string'))
      const rejects = (await db.query<{ id: number; field: string }>(`select (raw::json->>'id')::int as id, field from isthmus.rejects where run = $1 order by 1`, [run])).rows
      expect(rejects).toEqual(expected.flatMap((r, id) => (typeof r === 'string' ? [{ id, field: r }] : [])))
      changed += 1
      set += rejects.length
      await db.query(`drop table s${n}`)
    }),
    { numRuns: 50, seed: 20_261_125 },
  )
  expect(changed).toBeGreaterThanOrEqual(50)
  // The schedules did hurt: some records could not be taken.
  expect(set).toBeGreaterThan(100)
}, 120_000)
