import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../model/ports.ts'
import type { Counts, Outcome, RunReceipt } from '../model/run.ts'
import type { Finding, Findings } from '../model/watch/index.ts'
import { testDatabase, type TestDatabase } from '../test/support/postgres.ts'
import { loadVaultKey, openStore } from './index.ts'

const finding = (given: Partial<Finding> = {}): Finding => ({ fingerprint: 'stale a/b', kind: 'stale', severity: 'error', sync: 'a', stream: 'b', connection: null, what: 'late', cure: 'run it', since: new Date('2026-01-01'), ...given })
const found = (findings: Finding[], more: Partial<Findings> = {}): Findings => ({ findings, kinds: ['stale', 'stopped'], held: [], ...more })
const SINKS = [{ name: 'slack:A', severity: 'info' as const }, { name: 'http:B', severity: 'error' as const }]

describe('problems and alerts in the store', () => {
  let database: TestDatabase
  let stores: Store[]
  let pool: pg.Pool
  beforeAll(async () => {
    database = await testDatabase()
    const key = await loadVaultKey({ env: { ISTHMUS_KEY: randomBytes(32).toString('hex') }, projectDir: '/' })
    stores = await Promise.all([1, 2].map(() => openStore(database.url, { key })))
    await stores[0]!.migrate()
    pool = new pg.Pool({ connectionString: database.url, max: 2 })
  })
  afterAll(async () => {
    await pool?.end()
    for (const store of stores ?? []) await store.close()
    await database?.close()
  })
  beforeEach(() => pool.query('delete from isthmus.problems'))

  it('open once and resolve once, however many look and however often, with one alert for each sink that wants it', async () => {
    const [one, two] = stores as [Store, Store]
    const warning = finding({ fingerprint: 'stopped a/b', kind: 'stopped', severity: 'warning' })
    const results = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? one : two).applyFindings(found([finding({ what: `late for ${i}` }), warning]), SINKS)))
    expect(results.flatMap((r) => r.opened)).toHaveLength(2)
    expect((await one.alerts({ limit: 99 })).map((a) => `${a.event} ${a.sink} ${a.problem.kind}`).sort()).toEqual(['opened http:B stale', 'opened slack:A stale', 'opened slack:A stopped'])
    // Neither there nor gone; and what was not looked at.
    expect((await one.applyFindings(found([finding()], { held: ['stopped a/b'] }), SINKS)).resolved).toEqual([])
    expect((await one.applyFindings(found([], { kinds: [] }), SINKS)).resolved).toEqual([])
    expect((await Promise.all([one, two].map((s) => s.applyFindings(found([]), SINKS)))).flatMap((r) => r.resolved)).toHaveLength(2)
    expect(await one.problems({ open: true, limit: 9 })).toEqual([])
    expect((await two.applyFindings(found([finding()]), SINKS)).opened).toHaveLength(1)
  })

  it('gives each alert to one sender at a time, in order, and again when that one dies', async () => {
    const [one, two] = stores as [Store, Store]
    await one.applyFindings(found([finding()]), SINKS.slice(0, 1))
    await one.applyFindings(found([]), SINKS.slice(0, 1))
    const claims = await Promise.all([one, two, one, two].map((s) => s.claimAlerts(60_000, 10)))
    const [alert, ...others] = claims.flat()
    expect(others).toEqual([])
    expect(alert).toMatchObject({ event: 'opened', tries: 0, problem: { what: 'late', since: new Date('2026-01-01') } })
    // The lease of whoever died is over.
    await pool.query("update isthmus.alerts set next_at = now() where id = $1", [alert!.id])
    expect(await two.claimAlerts(60_000, 10)).toMatchObject([{ id: alert!.id, tries: 1 }])
    await two.alertFailed(alert!.id, 'it did not answer', 0)
    expect((await one.claimAlerts(60_000, 10)).map((a) => a.id)).toEqual([alert!.id])
    await one.alertSent(alert!.id)
    const [resolved] = await one.claimAlerts(60_000, 10)
    expect(resolved).toMatchObject({ event: 'resolved' })
    await one.alertFailed(resolved!.id, 'for good', null)
    expect(await one.alerts({ limit: 9 })).toMatchObject([{ state: 'given up', error: 'for good' }, { state: 'sent', tries: 3, error: '' }])
    expect(await one.alertsPending()).toEqual({ n: 0, since: null })
  })

  it('gives the turn to look to one', async () => {
    await pool.query("update isthmus.watch_turn set next_at = '-infinity'")
    expect((await Promise.all([...stores, ...stores].map((s) => s.takeWatchTurn(60_000)))).filter(Boolean)).toHaveLength(1)
    await pool.query("update isthmus.watch_turn set next_at = now()")
    expect(await stores[1]!.takeWatchTurn(60_000)).toBe(true)
  })

  it('knows how streams stand: success, stops, volume and the form of records', async () => {
    const [store] = stores as [Store, Store]
    const receipt = (run: string, read: number, outcome: Outcome = 'completed'): RunReceipt => {
      const counts: Counts = { read, inserted: read, updated: 0, unchanged: 0, deleted: 0, filtered: 0, rejected: 0, removed: 0, pages: 1, requests: 1, chunks: 1, bytes: 1 }
      return { sync: 's', run, outcome, total: counts, streams: [{ stream: 'b', outcome, resumed: false, counts, waits: { count: 0, ms: 0, reasons: {} }, tokenRefreshes: 0, error: outcome === 'failed' ? { type: 'Contract', message: 'Bearer abcdefghijklmnop123 was refused', field: '', cure: 'look' } : null }] }
    }
    const end = async (r: RunReceipt): Promise<void> => {
      await store.startRun({ run: r.run, sync: 's', plan: 'p', workflowId: 'sync/s' })
      await store.noteStream({ kind: 'started', sync: 's', stream: 'b', run: r.run, connection: 'c', targetMs: 5 })
      await store.noteReceipt(r)
      await store.finishRun(r, null)
    }
    const now = async () => (await store.streamWatches())[0]!
    const records = (fields: Record<string, unknown>) => ({ n: 30, fields: Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, { n: 30, types: [String(type)] }])) })
    for (let i = 0; i < 5; i++) await end(receipt(`r${i}`, 1_000))
    await store.noteShape({ sync: 's', stream: 'b', run: 'r4' }, records({ id: 'number' }))
    expect(await now()).toMatchObject({ state: 'completed', connection: 'c', targetMs: 5, volume: '', errorType: null, lastSuccessAt: expect.any(Date) })
    await Promise.all(Array.from({ length: 4 }, () => store.noteShape({ sync: 's', stream: 'b', run: 'r5' }, records({ id: 'string' }))))
    await end(receipt('r5', 10))
    expect(await now()).toMatchObject({ volume: expect.stringContaining('usual are 1000'), drift: 'a field changed its type: id (was number, is string)', driftAt: expect.any(Date) })
    const success = (await now()).lastSuccessAt
    await store.noteStream({ kind: 'parked', sync: 's', stream: 'b', run: 'r6', error: { type: 'AuthFailed', message: 'no', cure: '' } })
    await store.noteStream({ kind: 'started', sync: 's', stream: 'b', run: 'r6', connection: 'c', targetMs: null })
    expect(await now()).toMatchObject({ state: 'running', errorType: 'AuthFailed', targetMs: null })
    await end(receipt('r6', 0, 'failed'))
    expect(await now()).toMatchObject({ state: 'failed', errorType: 'Contract', lastSuccessAt: success })
    expect((await now()).message).not.toContain('abcdefghijklmnop123')
    await end(receipt('r7', 1_000))
    expect(await now()).toMatchObject({ state: 'completed', errorType: null, volume: '', message: '' })
  })

  it('forgets the streams of a tenant that was let go', async () => {
    const [store] = stores as [Store, Store]
    for (const [sync, connection] of [['t', 'acme'], ['t@north', 'acme@north'], ['t@south', 'acme@south']] as const) await store.noteStream({ kind: 'started', sync, stream: 'b', run: 'r', connection, targetMs: 5 })
    await store.removeConnection('acme@north')
    await store.removeConnection('acme')
    expect((await store.streamWatches()).map((s) => s.sync).filter((s) => s.startsWith('t'))).toEqual(['t', 't@south'])
  })
})
