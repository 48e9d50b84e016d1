import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../model/ports.ts'
import type { Finding } from '../model/watch/index.ts'
import type { AlertSink } from '../project/index.ts'
import { loadVaultKey, openStore } from '../store/index.ts'
import { testDatabase, type TestDatabase } from '../test/support/postgres.ts'
import { deliverAlerts } from './index.ts'

const MANY = 60
const finding = (i: number): Finding => ({ fingerprint: `stale s${i}/x`, kind: 'stale', severity: 'error', sync: `s${i}`, stream: 'x', connection: null, what: `late ${i}`, cure: 'run it', since: new Date('2026-01-01') })
const sink = (name: string): AlertSink => ({ kind: 'http', name: null, url: { env: name }, secret: null, headers: {}, severity: 'info', privateNetwork: true }) as unknown as AlertSink

describe('delivery of alerts', () => {
  let database: TestDatabase
  let store: Store
  let pool: pg.Pool
  let server: Server
  let environment: Record<string, string>
  const got: Record<string, number> = {}

  beforeAll(async () => {
    database = await testDatabase()
    store = await openStore(database.url, { key: await loadVaultKey({ env: { ISTHMUS_KEY: randomBytes(32).toString('hex') }, projectDir: '/' }) })
    await store.migrate()
    pool = new pg.Pool({ connectionString: database.url, max: 1 })
    // `/hangs` takes the connection and never answers.
    server = createServer((request, response) => {
      got[request.url!] = (got[request.url!] ?? 0) + 1
      request.resume()
      if (request.url !== '/hangs') response.writeHead(200).end('ok')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    environment = { HANGS: `${origin}/hangs`, GOOD: `${origin}/good` }
  })
  afterAll(async () => {
    server?.closeAllConnections()
    server?.close()
    await pool?.end()
    await store?.close()
    await database?.close()
  })
  beforeEach(() => pool.query('delete from isthmus.problems'))

  it('to one receiver waits for no other one, and what was not tried costs no try', async () => {
    const sinks = [sink('HANGS'), sink('GOOD')]
    await store.applyFindings({ findings: Array.from({ length: MANY }, (_, i) => finding(i)), kinds: ['stale'], held: [] }, [{ name: 'http:HANGS', severity: 'info' }, { name: 'http:GOOD', severity: 'info' }])
    const stop = new AbortController()
    const working = deliverAlerts(store, sinks, environment, stop.signal, { begunMs: 4_000 })
    await expect.poll(async () => (await pool.query<{ n: number }>("select count(*)::int n from isthmus.alerts where sink = 'http:GOOD' and state = 'sent'")).rows[0]!.n, { timeout: 8_000 }).toBe(MANY)
    expect(got['/good']).toBe(MANY)
    // It ends although there is more to send: its caller has other things to do.
    expect(await working).toEqual({ sent: MANY, failed: 1 })
    expect(got['/hangs']).toBe(1)
    const { rows } = await pool.query<{ tries: number; n: number; late: boolean }>("select tries, count(*)::int n, bool_or(next_at > now() + interval '15 s') late from isthmus.alerts where sink = 'http:HANGS' group by 1 order by 1")
    expect(rows).toEqual([{ tries: 0, n: MANY - 1, late: false }, { tries: 1, n: 1, late: false }])
  }, 40_000)
})
