import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
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
  expect((await db.query('select id from isthmus.migrations order by id')).rows.map((r) => r.id)).toEqual([...MIGRATIONS.map((m) => m.id), 9_999])
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

it('lists, settles, drops and purges rejects, once for each retry', async () => {
  const reject = (index: number, raw = '{}') => ({ index, reason: `reason ${index}`, field: index % 2 ? 'a' : 'b', raw })
  await store.saveRejects({ run: 'q1', stream: 'x', seq: 1 }, 'q', [reject(0), reject(1), { ...reject(-1), kind: 'row' as const }])
  await store.saveRejects({ run: 'q2', stream: 'y', seq: 1 }, 'q', [{ ...reject(0, '[1'), cut: true }])
  const { rejects, total } = await other.listRejects({ of: 'q', limit: 10 })
  expect(total).toBe(4)
  expect(rejects.map((r) => [r.run, r.index, r.kind, r.cut, r.state])).toEqual([['q2', 0, 'record', true, 'open'], ['q1', -1, 'row', false, 'open'], ['q1', 1, 'record', false, 'open'], ['q1', 0, 'record', false, 'open']])
  const ids = rejects.map((r) => r.id).reverse()
  expect((await store.listRejects({ of: 'q1', field: 'b', limit: 1 })).total).toBe(1)
  expect((await store.listRejects({ of: 'nothing', limit: 1 })).total).toBe(0)
  expect(await store.getReject(ids[3]!)).toMatchObject({ raw: '[1', sync: 'q', seq: 1, reason: 'reason 0', tries: 0 })
  expect([await store.getReject('r999999'), await store.getReject("r1'; drop"), await store.getReject('17')]).toEqual([null, null, null])
  expect((await store.openRejects({ sync: 'q', stream: 'x' }, '')).map((r) => r.id)).toEqual(ids.slice(0, 3))
  expect((await store.openRejects({ sync: 'q', ids: [ids[1]!, ids[3]!] }, ids[1]!)).map((r) => r.id)).toEqual([ids[3]])
  for (const s of [store, other]) await s.settleRejects('retry 1', [{ id: ids[0]!, state: 'delivered', reason: '', field: '' }, { id: ids[1]!, state: 'open', reason: 'still bad', field: 'c' }])
  await store.settleRejects('retry 2', [{ id: ids[0]!, state: 'open', reason: 'late', field: '' }, { id: ids[1]!, state: 'open', reason: '', field: '' }])
  // A chunk that is posted again opens nothing that was settled.
  await store.saveRejects({ run: 'q1', stream: 'x', seq: 1 }, 'q', [reject(0), reject(1)])
  expect(await store.getReject(ids[0]!)).toMatchObject({ state: 'delivered', tries: 1, reason: 'reason 0', changedAt: expect.any(Date) })
  expect(await store.getReject(ids[1]!)).toMatchObject({ state: 'open', tries: 2, reason: 'still bad', field: 'c' })
  expect(await store.dropRejects({ ids: [ids[0]!, ids[2]!] }, 'no use')).toEqual([ids[2]])
  expect(await store.getReject(ids[2]!)).toMatchObject({ state: 'dropped', note: 'no use' })
  await store.purgeRejects(60_000)
  expect((await store.listRejects({ of: 'q', all: true, limit: 10 })).total).toBe(4)
  await store.purgeRejects(-60_000)
  expect((await store.listRejects({ of: 'q', all: true, limit: 10 })).rejects.map((r) => r.state)).toEqual(['open', 'open'])

  await store.saveRejects({ run: 'big', stream: 'x', seq: 1 }, 'big', Array.from({ length: 6 }, (_, i) => reject(i, 'x'.repeat(4_000_000))))
  expect(await store.openRejects({ sync: 'big' }, '')).toHaveLength(5)
})
