import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Closed, Pacer, PacerOptions, Permit } from '../../model/pacer.ts'
import type { Store } from '../../model/ports.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { openStore, outageKey } from '../index.ts'

let database: TestDatabase
let db: pg.Pool
const stores: Store[] = []
const open = async (): Promise<Store> => {
  const store = await openStore(database.url, { key: { id: '0123456789abcdef', secret: Buffer.alloc(32, 1) } })
  stores.push(store)
  return store
}
beforeAll(async () => {
  database = await testDatabase()
  await (await open()).migrate()
  db = new pg.Pool({ connectionString: database.url, max: 2 })
  db.on('error', () => {})
})
afterAll(async () => {
  await Promise.all([...stores.map((s) => s.close().catch(() => undefined)), db?.end()])
  await database?.close()
})

const { signal } = new AbortController()
setMaxListeners(0, signal)
const MINUTE = 60_000
const HOUR = 3_600_000
const pacer = (store: Store, account: string, more: Partial<PacerOptions> = {}): Pacer => store.pacer({ account, limits: [], concurrency: 4, stream: 's', priority: 'bulk', ...more })
const isPermit = (entry: Permit | Closed): entry is Permit => 'release' in entry

/** Sends requests that are answered at once, until the account lets none through; gives how many and what it said then. */
async function drain(p: Pacer, most = 1_000): Promise<{ sent: number; closed: Closed | null }> {
  for (let sent = 0; sent < most; sent++) {
    const entry = await p.enter(signal)
    if (!isPermit(entry)) return { sent, closed: entry }
    entry.sent()
    await entry.release({ kind: 'ok' })
  }
  return { sent: most, closed: null }
}
/** Lets time go by for an account. */
const later = (account: string, ms: number) => db.query(`update isthmus.account_places set at = at - make_interval(secs => $2 / 1000.0) where account = $1`, [account, ms])

it('keeps a minute and an hour at once, a share of them for interactive calls, over restarts of the process', async () => {
  const account = randomUUID()
  const limits = [{ requests: 40, ms: MINUTE }, { requests: 100, ms: HOUR }]
  const first = await open()
  const bulk = await drain(pacer(first, account, { limits }))
  expect(bulk).toMatchObject({ sent: 38, closed: { kind: 'throttled', reason: 'the allowance of this account' } })
  expect(bulk.closed!.untilMs - Date.now()).toBeGreaterThan(MINUTE - 5_000)
  expect(bulk.closed!.untilMs - Date.now()).toBeLessThan(MINUTE + 2_000)
  await first.close()

  const second = await open()
  expect((await drain(pacer(second, account, { limits }))).sent).toBe(0)
  expect((await drain(pacer(second, account, { limits, priority: 'interactive' }))).sent).toBe(2)
  await later(account, MINUTE - 1_000)
  // Not a moment too soon: the window and its margin.
  expect((await drain(pacer(second, account, { limits }), 1)).sent).toBe(1)
  expect((await db.query(`select min(x.at) - min(y.at) > interval '1 min' as whole from isthmus.account_places x, isthmus.account_places y where x.account = $1 and y.account = $1 and x.n > 40`, [account])).rows[0].whole).toBe(true)
  await later(account, 2 * MINUTE)
  expect((await drain(pacer(second, account, { limits }))).sent).toBe(38)
  await later(account, 2 * MINUTE)
  // 79 and 2 interactive ones are gone of the hour; 5 are kept for interactive calls.
  const end = await drain(pacer(second, account, { limits }))
  expect(end.sent).toBe(100 - 5 - 79)
  expect(end.closed!.untilMs - Date.now()).toBeGreaterThan(HOUR - 6 * MINUTE)
})

it('gives the wait for a daily quota back at once', async () => {
  const account = randomUUID()
  const p = pacer(await open(), account, { limits: [{ requests: 3, ms: 24 * HOUR }] })
  expect((await drain(p)).sent).toBe(2)
  const asked = performance.now()
  const many = await Promise.all(Array.from({ length: 20 }, () => p.enter(signal)))
  expect(performance.now() - asked).toBeLessThan(2_000)
  for (const entry of many) expect((entry as Closed).untilMs - Date.now()).toBeGreaterThan(24 * HOUR - MINUTE)
})

it('an answer says nothing of calls that came after its question', async () => {
  const account = randomUUID()
  const p = pacer(await open(), account, { limits: [{ requests: 3, ms: 24 * HOUR }] })
  const [first, last] = [await p.enter(signal) as Permit, await p.enter(signal) as Permit]
  await first.release({ kind: 'ok' })
  // Told at once: the question is under way when the calls come.
  const told = last.release({ kind: 'failed', type: 'Transient', reason: 'HTTP 500' })
  await immediate()
  await immediate()
  const many = await Promise.all(Array.from({ length: 20 }, () => p.enter(signal)))
  await told
  for (const entry of many) expect((entry as Closed).untilMs - Date.now()).toBeGreaterThan(24 * HOUR - MINUTE)
})

it('holds every process to what any sync declares, and forgets places that are over', async () => {
  const account = randomUUID()
  const declares = await open()
  const other = await open()
  expect((await drain(pacer(declares, account, { limits: [{ requests: 5, ms: HOUR }] }), 2)).sent).toBe(2)
  expect((await drain(pacer(other, account))).sent).toBe(2)
  const quick = { limits: [{ requests: 500, ms: 100 }] }
  expect((await drain(pacer(declares, `${account} quick`, quick), 300)).sent).toBe(300)
  await later(`${account} quick`, 10_000)
  await drain(pacer(declares, `${account} quick`, quick), 70)
  expect((await db.query('select count(*)::int as n from isthmus.account_places where account = $1', [`${account} quick`])).rows[0].n).toBeLessThan(150)
  // What their sessions have counted is told when they end, and not into the next test.
  await declares.close()
  await other.close()
})

it('asks the database rarely when nothing but concurrency is limited, and gives slots back', async () => {
  const account = randomUUID()
  const store = await open()
  const p = pacer(store, account)
  await drain(p, 1)
  const { rows } = await db.query<{ n: number }>(`select coalesce(sum(n_tup_upd + n_tup_ins), 0)::int as n from pg_stat_user_tables where relname = 'account_processes'`)
  const began = performance.now()
  expect((await drain(p, 20_000)).sent).toBe(20_000)
  const each = (performance.now() - began) / 20_000
  console.log(`without windows: ${(each * 1_000).toFixed(1)} microseconds a request`)
  expect(each).toBeLessThan(0.2)
  await sleep(700)
  expect((await db.query('select * from isthmus.account_processes where account = $1', [account])).rows).toEqual([])
  await sleep(500)
  const after = await db.query<{ n: number }>(`select coalesce(sum(n_tup_upd + n_tup_ins), 0)::int as n from pg_stat_user_tables where relname = 'account_processes'`)
  expect(after.rows[0]!.n - rows[0]!.n).toBeLessThan(200)
})

it('serves the streams of an account in turn, and interactive calls first', async () => {
  const account = randomUUID()
  const store = await open()
  const holder = (await pacer(store, account, { concurrency: 1 }).enter(signal)) as Permit
  const order: string[] = []
  const wait = async (stream: string, priority: 'bulk' | 'interactive' = 'bulk'): Promise<void> => {
    const permit = (await pacer(store, account, { concurrency: 1, stream, priority }).enter(signal)) as Permit
    order.push(stream)
    await permit.release({ kind: 'ok' })
  }
  const all = [wait('a'), wait('a'), wait('a'), wait('b'), wait('b'), wait('c'), wait('you', 'interactive')]
  const gone = new AbortController()
  const aborted = pacer(store, account, { concurrency: 1, stream: 'gone' }).enter(gone.signal)
  gone.abort()
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
  await sleep(50)
  await holder.release({ kind: 'ok' })
  await Promise.all(all)
  expect(order).toEqual(['you', 'a', 'b', 'c', 'a', 'b', 'a'])
})

it('tells each run of an outage once, and of its end', async () => {
  const account = randomUUID()
  const store = await open()
  const p = pacer(store, account, { concurrency: 8 })
  const permits = (await Promise.all(Array.from({ length: 6 }, () => p.enter(signal)))) as Permit[]
  await Promise.all(permits.slice(0, 5).map((permit) => permit.release({ kind: 'failed', type: 'Unreachable', reason: 'x:443 refuses connections' })))
  expect(p.closed()).toMatchObject({ kind: 'down', type: 'Unreachable', opening: 1, reason: expect.stringMatching(/has not answered since \d\d:\d\d:\d\d UTC: x:443 refuses connections/) })
  for (const run of ['r1', 'r2', 'r1', 'r1']) await store.logOnce(outageKey(account, 1), { run: `${account} ${run}`, stream: 's', level: 'warn', message: 'down' })
  // The answer of a request that was under way ends it too.
  await permits[5]!.release({ kind: 'ok' })
  expect(p.closed()).toBeNull()
  await sleep(100)
  for (const run of ['r1', 'r2']) expect((await store.logs(`${account} ${run}`, 0)).map((l) => l.message)).toEqual(['down', expect.stringMatching(/answers again, after \d+ s/)])
})

it('waits for a database that comes back, and fails with what is wrong when it does not', async () => {
  const account = randomUUID()
  const store = await open()
  const p = pacer(store, account, { limits: [{ requests: 50, ms: 1_000 }] })
  await drain(p, 3)
  await db.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'isthmus%'`)
  expect((await drain(p, 5)).sent).toBe(5)
  await store.close()
  await expect(p.enter(signal)).rejects.toMatchObject({ type: 'Transient' })
})

it('lets backfills have what runs leave: one at a time less, behind all others, spaced, and never nothing', async () => {
  const account = randomUUID()
  const store = await open()
  const run = pacer(store, account)
  const background = pacer(store, account, { priority: 'background', stream: 'b' })
  const enter = async (p: Pacer): Promise<Permit> => {
    const entry = await p.enter(signal)
    if (!isPermit(entry)) throw new Error(entry.reason)
    entry.sent()
    return entry
  }
  const held = await Promise.all([1, 2, 3].map(() => enter(background)))
  const order: string[] = []
  const fourth = enter(background).then((permit) => (order.push('background'), permit))
  // The fourth place is for a run, and runs that wait for more come before it.
  const runs = [await enter(run)]
  const waiting = enter(run).then((permit) => (order.push('run'), permit))
  await sleep(300)
  expect(order).toEqual([])
  await held[0]!.release({ kind: 'ok' })
  runs.push(await waiting)
  expect(order).toEqual(['run'])
  await Promise.all([...held.slice(1), ...runs].map((p) => p.release({ kind: 'ok' })))
  await (await fourth).release({ kind: 'ok' })

  // 20 a second: of these a backfill takes 16, evenly.
  const paced = { account: randomUUID(), limits: [{ requests: 20, ms: 1_000 }], concurrency: 4, stream: 'b' }
  const slow = store.pacer({ ...paced, priority: 'background' })
  await (await enter(slow)).release({ kind: 'ok' })
  const began = performance.now()
  for (let i = 0; i < 16; i += 1) await (await enter(slow)).release({ kind: 'ok' })
  expect(performance.now() - began).toBeGreaterThan(850)

  // Runs that never stop asking: it is its turn all the same.
  const busy = store.pacer({ ...paced, account, limits: [], concurrency: 1, stream: 'r', priority: 'bulk' })
  let over = false
  const readers = Array.from({ length: 3 }, async () => {
    while (!over) {
      const permit = await enter(busy)
      await sleep(5)
      await permit.release({ kind: 'ok' })
    }
  })
  const aged = await enter(store.pacer({ ...paced, account, limits: [], concurrency: 1, priority: 'background' }))
  await aged.release({ kind: 'ok' })
  over = true
  await Promise.all(readers)
})
