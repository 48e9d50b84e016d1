import { randomBytes } from 'node:crypto'
import pg from 'pg'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Plan } from '../model/plan.ts'
import type { Store } from '../model/ports.ts'
import type { RunReceipt } from '../model/run.ts'
import { testDatabase, type TestDatabase } from '../test/support/postgres.ts'
import { loadVaultKey, openStore, type VaultKey } from './index.ts'
import { migrate } from './migrate.ts'
import { MIGRATIONS } from './migrations/index.ts'

let database: TestDatabase
let key: VaultKey
let store: Store
/** As another process would: own pool, own memory. */
let other: Store
let db: pg.Pool
beforeAll(async () => {
  database = await testDatabase()
  key = await loadVaultKey({ env: { ISTHMUS_KEY: randomBytes(32).toString('hex') }, projectDir: '/' })
  ;[store, other] = await Promise.all([openStore(database.url, { key }), openStore(database.url, { key })])
  await Promise.all([store, other, store, other].map((s) => s.migrate()))
  db = new pg.Pool({ connectionString: database.url })
  db.on('error', () => {})
})
afterAll(async () => {
  await Promise.all([store?.close(), other?.close(), db?.end()])
  await database?.close()
})

const zero = { read: 0, inserted: 0, updated: 0, unchanged: 0, deleted: 0, filtered: 0, rejected: 0, removed: 0, pages: 0, requests: 0, chunks: 0, bytes: 0 }

it('migrates once, and takes later migrations', async () => {
  const more = [...MIGRATIONS, { id: 9_999, name: 'later', sql: 'create table isthmus.later (x int)' }]
  await Promise.all([migrate(db, more), migrate(db, more), migrate(db)])
  expect((await db.query('select id from isthmus.migrations order by id')).rows.map((r) => r.id)).toEqual(more.map((m) => m.id))
})

it('refuses another key and overwrites nothing', async () => {
  const wrong = await loadVaultKey({ env: { ISTHMUS_KEY: randomBytes(32).toString('hex') }, projectDir: '/' })
  await store.saveSettings('c', { A: 'x' })
  await expect(openStore(database.url, { key: wrong })).rejects.toMatchObject({ type: 'VaultKey' })
  expect(await (await openStore(database.url, { key })).getSettings('c')).toEqual({ A: 'x' })
})

it('keeps runs, live view, log and rejects', async () => {
  await store.savePlan({ hash: 'h', id: 's', nul: '\0\ud800' } as unknown as Plan)
  expect(await other.getPlan('h')).toEqual({ hash: 'h', id: 's', nul: '\0\ud800' })
  await expect(store.getPlan('none')).rejects.toMatchObject({ type: 'NotFound' })
  for (const run of ['r1', 'r2']) await store.startRun({ run, sync: 's', plan: 'h', workflowId: 'w' })
  await store.setTemporalRun('r1', 't')
  const receipt = { sync: 's', run: 'r1', outcome: 'completed', streams: [], total: zero } as RunReceipt
  await store.finishRun(receipt, null)
  expect(await other.getRun('r1')).toMatchObject({ run: 'r1', outcome: 'completed', temporalRunId: 't', receipt, error: null, finishedAt: expect.any(Date) })
  expect(await store.getRun('none')).toBeNull()
  expect((await store.listRuns({ limit: 1 })).map((r) => r.run)).toEqual(['r2'])
  expect(await store.listRuns({ sync: 'x', limit: 5 })).toEqual([])

  await store.saveProgress('r1', { stream: 'a', phase: 'reading', counts: { pages: 2 }, wait: { reason: 'x\0', until: 'now' } })
  expect(await store.progress('r1')).toMatchObject([{ stream: 'a', wait: { reason: 'x\u2400' }, counts: { ...zero, pages: 2 } }])
  await store.saveProgress('r1', { stream: 'a', counts: { updated: 1 } })
  expect(await store.progress('r1')).toMatchObject([{ phase: 'reading', wait: { until: 'now' }, counts: { ...zero, pages: 2, updated: 1 } }])
  await store.saveProgress('r1', { stream: 'a', phase: 'posting', counts: { inserted: 5 } })
  expect(await store.progress('r1')).toMatchObject([{ phase: 'posting', wait: null, counts: { ...zero, pages: 2, updated: 1, inserted: 5 }, at: expect.any(Date) }])

  await store.log({ run: 'r1', stream: 'a', level: 'info', message: 'm'.repeat(5_000) })
  await store.log({ run: 'r1', stream: 'a', level: 'warn', message: 'nul \0' })
  const lines = await store.logs('r1', 0)
  expect(lines.map((l) => [l.level, l.message.length])).toEqual([['info', 2_000], ['warn', 5]])
  expect(await store.logs('r1', lines[0]!.id)).toHaveLength(1)

  const rejects = Array.from({ length: 2_500 }, (_, index) => ({ index, reason: 'r', field: 'f', raw: index === 3 ? 'a\0b' : '{}' }))
  const chunk = { run: 'r1', stream: 'a', seq: 1 }
  for (const s of [store, other]) await s.saveRejects(chunk, 's', rejects)
  expect((await db.query('select count(*)::int as n, count(*) filter (where nul_replaced)::int as nul from isthmus.rejects')).rows[0]).toEqual({ n: 2_500, nul: 1 })
  await store.deleteRun('r1')
  expect([await store.getRun('r1'), await store.progress('r1'), await store.logs('r1', 0)]).toEqual([null, [], []])
})

describe('reserve', () => {
  it('never puts more than N slots into any window, from parallel callers', async () => {
    const limit = fc.record({ requests: fc.integer({ min: 1, max: 20 }), ms: fc.integer({ min: 50, max: 60_000 }) })
    let n = 0
    await fc.assert(
      fc.asyncProperty(fc.array(limit, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 120 }), async (limits, calls) => {
        const account = `account ${(n += 1)}`
        await Promise.all(Array.from({ length: calls }, (_, i) => (i % 2 ? store : other).reserve(account, limits)))
        const { rows } = await db.query('select extract(epoch from at) * 1000 as at from isthmus.budget_slots where account = $1 order by n', [account])
        const at = rows.map((r) => Number(r.at))
        for (const { requests, ms } of limits) {
          for (let i = requests; i < at.length; i++) expect(at[i]! - at[i - requests]!).toBeGreaterThanOrEqual(ms)
        }
      }),
      { numRuns: 25 },
    )
  })

  it('gives moments of this clock, keeps its table small and is quick', async () => {
    const limits = [{ requests: 20, ms: 1_000 }]
    const begun = Date.now()
    const slots: number[] = []
    for (let i = 0; i < 300; i++) slots.push((await store.reserve('busy', limits)).getTime())
    const each = (Date.now() - begun) / 300
    console.log(`reserve: ${each.toFixed(2)} ms a call`)
    expect(slots[0]! - begun).toBeLessThan(50)
    expect(slots[299]! - slots[0]!).toBeGreaterThanOrEqual(14 * 1_020 - 50)
    expect(slots[299]! - slots[0]!).toBeLessThan(14 * 1_020 + 500)
    expect((await db.query(`select count(*)::int as n from isthmus.budget_slots where account = 'busy'`)).rows[0].n).toBeLessThan(100)
    expect((await store.reserve('free', [])).getTime()).toBeLessThanOrEqual(Date.now())
  })
})
