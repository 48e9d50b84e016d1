import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signIn } from '../../activities/sign-in.ts'
import { sourceSchema, streamSchema, type Store } from '../../model/index.ts'
import { openRest } from '../../protocols/rest/index.ts'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
import { loadVaultKey, openStore } from '../../store/index.ts'
import { newGrant } from '../support/grants.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'

const CHILD = fileURLToPath(new URL('../support/token-process.mjs', import.meta.url))
const SILENCE_MS = 2_000
const KEY = randomBytes(32).toString('hex')

let database: TestDatabase
let db: pg.Pool
let store: Store
beforeAll(async () => {
  database = await testDatabase()
  store = await openStore(database.url, { key: await loadVaultKey({ env: { ISTHMUS_KEY: KEY }, projectDir: '/' }), silenceMs: SILENCE_MS })
  await store.migrate()
  db = new pg.Pool({ connectionString: database.url, max: 2 })
  db.on('error', () => {})
})
afterAll(async () => {
  await Promise.all([store?.close(), db?.end()])
  await database?.close()
})

const children = new Set<ChildProcess>()
afterAll(() => children.forEach((c) => c.kill('SIGKILL')))

/** Starts a process of test/support/token-process.mjs. */
function start(source: { baseUrl: string; tokenUrl: string; clientId: string; clientSecret: string }, task: Record<string, unknown>): ChildProcess {
  const settings = JSON.stringify({ databaseUrl: database.url, key: KEY, silenceMs: SILENCE_MS, ...source, task })
  const child = fork(CHILD, [settings], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}
const alerts = async (since: number) => (await db.query<{ message: string }>(`select message from isthmus.run_log where id > $1 and message like 'reconnect needed%'`, [since])).rows.map((r) => r.message)
const lastLine = async () => Number((await db.query(`select coalesce(max(id), 0) as id from isthmus.run_log`)).rows[0].id)
const simulated = (sim: Simulator) => ({ baseUrl: sim.url, tokenUrl: '/oauth/token', clientId: C.clientId, clientSecret: C.clientSecret })

/** The connection to a simulator with a refresh token in the environment, in this process. */
function connection(sim: Simulator, refreshToken: string) {
  const reader = openRest({
    source: sourceSchema.parse({ baseUrl: sim.url, auth: { kind: 'oauth2RefreshToken', tokenUrl: '/oauth/token', clientId: C.clientId, clientSecret: { env: 'SECRET' }, refreshToken: { env: 'REFRESH' } } }),
    stream: streamSchema.parse({ name: 'all', path: '/', records: 'data', key: 'id' }),
    resolve: (v) => (typeof v === 'string' ? v : (v as { env: string }).env === 'SECRET' ? C.clientSecret : refreshToken),
  })
  return { reader, tokenKey: `tokens/${reader.fingerprint}`, owned: null }
}
const attempt = (one: ReturnType<typeof connection>, seen: number) => signIn(store, one, seen, { run: 'later', stream: 'all' }, new AbortController().signal)

/** Oracle of all: what the authorization server counted. */
describe('refresh tokens that may be used once', () => {
  it('200 callers in 4 processes, tokens of 1 s, processes killed at random and in the middle of an exchange', async () => {
    const sim = await startSimulator({ auth: 'oauth', tokenTtl: 1, latencyMs: 30, records: { transactions: 10, invoices: 10, customers: 10 } })
    const since = await lastLine()
    const grants = [C.refreshToken as string]
    const asked = new Map<string, Promise<void>>()
    const cures = new Set<string>()
    const errors: string[] = []
    let restarted = 0
    let highestRss = 0
    let kills = 0
    const running = new Set<ChildProcess>()
    const reconnect = async (): Promise<void> => {
      grants.push(await newGrant(sim.url))
      for (const child of running) if (child.connected) child.send({ refreshToken: grants.at(-1) })
    }
    const run = (): void => {
      const child = start(simulated(sim), { name: 'drive', refreshToken: grants.at(-1), callers: 50, path: '/page/transactions', pauseMs: 600 })
      running.add(child)
      child.on('message', (message: { reconnect?: string; cure?: string; count?: { errors: string[]; rss: number } }) => {
        if (message.reconnect !== undefined) {
          cures.add(message.cure!)
          // A process that was started meanwhile may not have heard yet.
          if (message.reconnect !== grants.at(-1)) child.send({ refreshToken: grants.at(-1) })
          else if (!asked.has(message.reconnect)) asked.set(message.reconnect, reconnect())
        }
        if (message.count) {
          errors.push(...message.count.errors.slice(0, 5))
          highestRss = Math.max(highestRss, message.count.rss)
        }
      })
      child.once('exit', () => {
        running.delete(child)
        if (!over) {
          restarted += 1
          run()
        }
      })
    }
    let over = false
    for (let i = 0; i < 4; i++) run()
    await Promise.all([...running].map((c) => once(c, 'message')))
    let highestSessions = 0
    const began = performance.now()
    for (let n = 1; performance.now() - began < 20_000; n++) {
      await sleep(1_800)
      let victim = [...running].filter((c) => c.connected)[n % 4]
      // Each third time the one that is just exchanging a token.
      for (let tries = 0; n % 3 === 2 && tries < 300; tries++) {
        const [use] = (await db.query<{ pid: number }>(`select split_part(use_by, ' ', 2)::int as pid from isthmus.tokens where use_id is not null and reconnect_since is null`)).rows
        victim = [...running].find((c) => c.pid === use?.pid) ?? victim
        if (use) break
        await sleep(5)
      }
      if (victim?.kill('SIGKILL')) kills += 1
      const sessions = (await db.query(`select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'isthmus store'`)).rows[0].n as number
      highestSessions = Math.max(highestSessions, sessions)
    }
    // And it goes on.
    const served = sim.stats().recordsServed
    for (let i = 0; i < 300 && sim.stats().recordsServed < served + 300; i++) await sleep(100)
    const progress = sim.stats().recordsServed - served
    over = true
    await Promise.all([...running].map(async (c) => {
      c.kill('SIGKILL')
      await once(c, 'exit')
    }))
    const stats = sim.stats()
    const told = await alerts(since)
    console.log(`kills ${kills}, restarted ${restarted}, refresh requests ${stats.perPath['/oauth/token']}, calls answered ${stats.statuses['200']}, 401 ${stats.unauthorized}, grants ${grants.length}, alerts ${told.length}, sessions ${highestSessions}, RSS ${Math.round(highestRss / 1e6)} MB`)
    expect(kills).toBeGreaterThanOrEqual(7)
    // The fault fired: some exchange was cut in the middle, and ended as reconnect needed.
    expect(grants.length).toBeGreaterThan(1)
    expect(stats.refreshTokensUsedTwice).toBe(0)
    // One alert for each lost answer; one may be told that nobody has asked about any more.
    expect(told.length - (grants.length - 1)).toBeGreaterThanOrEqual(0)
    expect(told.length - (grants.length - 1)).toBeLessThanOrEqual(1)
    expect([...cures]).toEqual(['sign in again and put the new refresh token into the environment variable REFRESH'])
    expect(errors).toEqual([])
    expect(served).toBeGreaterThan(0)
    expect(progress).toBeGreaterThanOrEqual(300)
    // Ten connections a process: those of one just killed may still be closing.
    expect(highestSessions).toBeLessThanOrEqual(50)
    await sim.close()
  }, 240_000)

  it('10 kills between note and request, 10 between answer and store: all end as reconnect needed, with one alert each', async () => {
    const sim = await startSimulator({ auth: 'oauth', tokenTtl: 3_600, records: { transactions: 10, invoices: 10, customers: 10 } })
    const since = await lastLine()
    const pairs = await Promise.all(Array.from({ length: 10 }, async () => ({ beforeSend: await newGrant(sim.url), beforeStore: await newGrant(sim.url) })))
    const issued = sim.stats().tokensIssued
    for (let i = 0; i < pairs.length; i += 5) {
      const ended = await Promise.all(pairs.slice(i, i + 5).map((pair) => once(start(simulated(sim), { name: 'fail', ...pair }), 'exit')))
      expect(ended.map(([, signal]) => signal as string)).toEqual(Array(5).fill('SIGKILL'))
    }
    // The answers of the second kind had come.
    expect(sim.stats().tokensIssued - issued).toBe(10)
    const opened = pairs.flatMap((p) => [connection(sim, p.beforeSend), connection(sim, p.beforeStore)])
    for (let round = 0; round < 3; round++) {
      const results = await Promise.allSettled(opened.map((o) => attempt(o, -1)))
      for (const result of results) {
        expect(result).toMatchObject({ status: 'rejected', reason: { type: 'AuthFailed', field: 'from.auth.refreshToken', message: expect.stringContaining('not sent again') } })
      }
    }
    expect(sim.stats()).toMatchObject({ refreshTokensUsedTwice: 0, tokensIssued: issued + 10 })
    expect(await alerts(since)).toHaveLength(20)
    // Consent given anew starts anew.
    const anew = connection(sim, await newGrant(sim.url))
    expect((await attempt(anew, -1)).refreshed).toBe(true)
    await Promise.all([...opened, anew].map((o) => o.reader.close()))
    await sim.close()
  }, 240_000)

  it.each(['reset', 'status:503', 'garbage-html', 'cut'] as const)('an answer that goes wrong (%s) costs a person only where the provider rotates', async (fault) => {
    for (const refreshRotation of [true, false]) {
      const sim = await startSimulator({ auth: 'oauth', refreshRotation, tokenFaultAt: { 2: fault }, records: { transactions: 10, invoices: 10, customers: 10 } })
      const since = await lastLine()
      const one = connection(sim, C.refreshToken)
      expect((await attempt(one, -1)).token.version).toBe(1)
      await expect(attempt(one, 1)).rejects.toMatchObject({ type: refreshRotation ? 'AuthFailed' : expect.stringMatching(/Transient|Contract/) })
      const again = attempt(one, 1)
      if (refreshRotation) await expect(again).rejects.toMatchObject({ type: 'AuthFailed', cure: expect.stringContaining('REFRESH') })
      else expect((await again).token.version).toBe(2)
      expect(sim.stats()).toMatchObject({ faults: { [fault]: 1 }, refreshTokensUsedTwice: 0, perPath: { '/oauth/token': refreshRotation ? 2 : 3 } })
      expect(await alerts(since)).toHaveLength(refreshRotation ? 1 : 0)
      await one.reader.close()
      await sim.close()
    }
  })
})

/** A server of others, with rotation and reuse detection: the certified OpenID provider `oidc-provider`. */
describe('against oidc-provider', () => {
  const READERS = 8
  const PAGES = 12
  const CALLS_A_TOKEN = 7
  let server: Server

  afterAll(() => new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  }))

  it(`${READERS} readers in each of 2 processes, a token for every ${CALLS_A_TOKEN} calls: one refresh at a time, no grant revoked, every page read`, async () => {
    const { default: Provider } = (await import('oidc-provider' as string)) as { default: new (issuer: string, options: unknown) => any }
    server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const provider = new Provider(issuer, {
      clients: [{ client_id: 'app', client_secret: 'canary-secret', grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [`${issuer}/callback`] }],
      features: { devInteractions: { enabled: false } },
      findAccount: (_ctx: unknown, id: string) => ({ accountId: id, claims: async () => ({ sub: id }) }),
      rotateRefreshToken: true,
      scopes: ['openid', 'offline_access'],
      ttl: { AccessToken: 600, RefreshToken: 3_600, Grant: 3_600 },
    })
    const grant = new provider.Grant({ accountId: 'person', clientId: 'app' })
    grant.addOIDCScope('openid offline_access')
    const refreshToken = (await new provider.RefreshToken({ accountId: 'person', client: await provider.Client.find('app'), grantId: await grant.save(), gty: 'authorization_code', scope: 'openid offline_access' }).save()) as string

    let revoked = 0
    let underWay = 0
    let highest = 0
    let refreshes = 0
    let unauthorized = 0
    const uses = new Map<string, number>()
    const served: string[] = []
    provider.on('grant.revoked', () => (revoked += 1))
    provider.on('grant.success', () => (refreshes += 1))
    const oauth = provider.callback()
    server.on('request', (req, res) => {
      if (req.url!.startsWith('/token')) {
        underWay += 1
        highest = Math.max(highest, underWay)
        res.once('close', () => (underWay -= 1))
        return void setTimeout(() => oauth(req, res), 20)
      }
      if (!req.url!.startsWith('/pages/')) return void oauth(req, res)
      const value = req.headers.authorization!.slice('Bearer '.length)
      void provider.AccessToken.find(value).then((live: unknown) => {
        const used = (uses.get(value) ?? 0) + 1
        uses.set(value, used)
        if (live && used <= CALLS_A_TOKEN) served.push(req.url!)
        else unauthorized += 1
        res.writeHead(live && used <= CALLS_A_TOKEN ? 200 : 401).end('{}')
      })
    })
    const since = await lastLine()
    const source = { baseUrl: issuer, tokenUrl: '/token', clientId: 'app', clientSecret: 'canary-secret' }
    const ended = await Promise.all([0, 1].map((p) => once(start(source, { name: 'read', refreshToken, readers: Array.from({ length: READERS }, (_, r) => p * READERS + r), pages: PAGES }), 'exit')))
    console.log(`refreshes ${refreshes}, at a time ${highest}, 401 ${unauthorized}, revoked ${revoked}`)
    expect(ended.map(([code]) => code as number)).toEqual([0, 0])
    expect(served.sort()).toEqual(Array.from({ length: 2 * READERS }, (_, r) => Array.from({ length: PAGES }, (_x, p) => `/pages/${r}/${p + 1}`)).flat().sort())
    expect(refreshes).toBeGreaterThanOrEqual(Math.ceil((2 * READERS * PAGES) / CALLS_A_TOKEN))
    expect([highest, revoked]).toEqual([1, 0])
    // One refresh answers at most all readers that were refused together.
    expect(unauthorized).toBeLessThanOrEqual(refreshes * 2 * READERS)
    expect(await alerts(since)).toEqual([])
  }, 240_000)
})
