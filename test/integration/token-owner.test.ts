import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once, setMaxListeners } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { TestWorkflowEnvironment } from '@temporalio/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sourceSchema, streamSchema, type Store } from '../../model/index.ts'
import type { FreshResult, TokenOwner } from '../../model/owner.ts'
import type { Plan } from '../../model/plan.ts'
import { openRest } from '../../protocols/rest/index.ts'
import { SIMULATOR_CREDENTIALS as C, startSimulator } from '../../simulator/index.ts'
import { loadVaultKey, openStore } from '../../store/index.ts'
import { createWorkers, installRuntime, loadBundle, temporalBinary } from '../../workers/index.ts'
import { connectionWorkflowId, tellReconnected, tokenOwner } from '../../workers/token-owner.ts'
import type { ConnectionState } from '../../workflows/types.ts'
import { fakeActivities } from '../support/fake-activities.ts'
import { newGrant } from '../support/grants.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { column, streamPlan } from '../support/stream-plan.ts'

const CHILD = fileURLToPath(new URL('../support/owner-process.mjs', import.meta.url))
/** Events after which the server suggests to continue as new. */
const SUGGEST_AT = 100

type Refresh = (request: { seen: number; ahead: boolean }, call: number) => Promise<FreshResult>
const fresh = (version: number, more: Partial<FreshResult & { kind: 'fresh' }> = {}): FreshResult => ({ kind: 'fresh', version, issuedAt: null, expiresAt: null, renewable: false, for: 'r/orders', ...more })
const inSeconds = (s: number) => new Date(Date.now() + s * 1_000).toISOString()
const ask = { sync: 's', run: 'r', plan: 'p', stream: 'orders', round: 0, of: 'source' as const }
const request = (seen: number) => ({ tokenKey: 'acme/print', seen, ask })
const { signal } = new AbortController()
setMaxListeners(0, signal)

/** The workflow that owns a connection's tokens, on a real server and with the worker's own queues. */
describe('the owner of tokens', () => {
  let real: TestWorkflowEnvironment
  let bundle: Awaited<ReturnType<typeof loadBundle>>
  beforeAll(async () => {
    await installRuntime()
    bundle = await loadBundle()
    real = await TestWorkflowEnvironment.createLocal({
      server: { executable: { type: 'existing-path', path: await temporalBinary() }, extraArgs: ['--log-level', 'never', '--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${SUGGEST_AT}`] },
    })
  })
  afterAll(() => real?.teardown())

  const handle = (connection: string) => real.client.workflow.getHandle(connectionWorkflowId(connection))

  /** Workers with these activities; `maxPages` steps that call sources at a time. */
  async function working(activities: object, body: () => Promise<void>, maxPages?: number): Promise<void> {
    const workers = await createWorkers({ connection: real.nativeConnection, namespace: 'default', activities, bundle, ...(maxPages && { maxPages }) })
    const running = workers.run()
    try {
      await body()
    } finally {
      workers.shutdown()
      await running
    }
  }

  /** The workflow with an activity that answers as `refresh` says; `calls` tells what it was asked. */
  async function owned(refresh: Refresh, body: (owner: TokenOwner, calls: { seen: number; ahead: boolean }[], connection: string) => Promise<void>): Promise<void> {
    const calls: { seen: number; ahead: boolean }[] = []
    const connection = `acme-${randomUUID()}`
    await working({ refresh: ({ seen, ahead }: { seen: number; ahead: boolean }) => refresh({ seen, ahead }, calls.push({ seen, ahead })) }, async () => {
      await body(tokenOwner(real.client, false), calls, connection)
      await handle(connection).terminate()
    })
  }

  it('refreshes once for 60 callers, and tells a version that was just got at once', async () => {
    await owned(
      async ({ seen }) => {
        await sleep(300)
        return fresh(seen + 1, { expiresAt: inSeconds(3_600) })
      },
      async (owner, calls, connection) => {
        const first = await Promise.all(Array.from({ length: 60 }, () => owner.ensureFresh(connection, request(0), signal)))
        expect(new Set(first.map((r) => r.kind === 'fresh' && r.version))).toEqual(new Set([1]))
        expect(await Promise.all([0, -1].map((seen) => owner.ensureFresh(connection, request(seen), signal)))).toMatchObject([{ version: 1 }, { version: 1 }])
        expect(calls).toHaveLength(1)
        expect(await owner.ensureFresh(connection, request(1), signal)).toMatchObject({ version: 2 })
        expect(calls.map((c) => c.seen)).toEqual([0, 1])
        expect((await handle(connection).query<ConnectionState>('health')).tokens['acme/print']).toMatchObject({ version: 2, reconnect: null, ask: { sync: 's' } })
      },
    )
  })

  it('has a place of its own to refresh while all places for steps that call sources are taken by those that wait for it', async () => {
    const { activities } = fakeActivities(() => ({ stop: { kind: 'done' } }))
    const owner = tokenOwner(real.client, false)
    const connection = `acme-${randomUUID()}`
    activities.authenticate = async ({ seen }) => {
      const result = await owner.ensureFresh(connection, request(seen), signal)
      return { version: result.kind === 'fresh' ? result.version : 0, expiresAt: null, refreshed: true }
    }
    activities.refresh = async () => {
      await sleep(200)
      return fresh(1)
    }
    await working(activities, async () => {
      const streams = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, connection, table: 'public.t', firstPage: null, anew: '' }))
      const run = real.client.workflow.execute('sync', { taskQueue: 'isthmus', workflowId: randomUUID(), args: [{ sync: 's', run: 'r', plan: 'p', searchAttributes: false, streams }] })
      expect(await Promise.race([run, sleep(20_000, 'nobody refreshes', { ref: false })])).toMatchObject({ outcome: 'completed' })
    }, 2)
  })

  it('tells at once that a person has to sign in again, and goes on when it is told so or sees a newer version', async () => {
    const error = { type: 'AuthFailed' as const, message: 'revoked', field: 'from.auth', cure: 'sign in' }
    await owned(
      async ({ seen }) => {
        if (seen === 7) await sleep(1_000)
        return seen < 4 || seen === 7 ? { kind: 'reconnect', error } : fresh(seen + 1)
      },
      async (owner, calls, connection) => {
        for (let i = 0; i < 5; i++) expect(await owner.ensureFresh(connection, request(3), signal)).toEqual({ kind: 'reconnect', error })
        expect(calls.map((c) => c.seen)).toEqual([3])
        // The store has version 4 of a new sign-in: the caller has seen it, and it has run out.
        expect(await owner.ensureFresh(connection, request(4), signal)).toMatchObject({ kind: 'fresh', version: 5 })
        // A refresh that began before a person signed in says nothing of what is now.
        const before = owner.ensureFresh(connection, request(7), signal)
        while (calls.length < 3) await sleep(20)
        await tellReconnected(real.client, connection)
        expect(await owner.ensureFresh(connection, request(8), signal)).toMatchObject({ kind: 'fresh', version: 9 })
        expect(await before).toMatchObject({ kind: 'reconnect' })
        expect((await handle(connection).query<ConnectionState>('health')).tokens['acme/print']).toMatchObject({ version: 9, reconnect: null })
      },
    )
  })

  it('renews a token that has a refresh token at half of its life, others not', async () => {
    // Half of the life of 122 s is over in a second.
    const life = { issuedAt: inSeconds(-60), expiresAt: inSeconds(62) }
    await owned(
      ({ seen, ahead }) => Promise.resolve(fresh(seen + 1, ahead ? { issuedAt: inSeconds(0), expiresAt: inSeconds(3_600), renewable: true } : { ...life, renewable: seen === 20 })),
      async (owner, calls, connection) => {
        await owner.ensureFresh(connection, { ...request(10), tokenKey: 'acme/client-credentials' }, signal)
        await owner.ensureFresh(connection, request(20), signal)
        for (let i = 0; i < 80 && calls.length < 3; i++) await sleep(50)
        await sleep(1_200)
        expect(calls).toEqual([{ seen: 10, ahead: false }, { seen: 20, ahead: false }, { seen: 21, ahead: true }])
        const timers = (await handle(connection).fetchHistory()).events!.flatMap((e) => Number(e.timerStartedEventAttributes?.startToFireTimeout?.seconds ?? 0))
        // The next is due after half an hour.
        expect(timers.at(-1)).toBeGreaterThan(1_700)
        expect(timers.at(-1)).toBeLessThanOrEqual(1_800)
      },
    )
  })

  it('loses nobody who asks while it ends, or continues as new', async () => {
    await owned(
      ({ seen }) => Promise.resolve(fresh(seen + 1)),
      async (owner, calls, connection) => {
        for (let round = 0; round < 10; round++) {
          // Idle for so long that it ends with its first step; somebody asks in between.
          const idle = await real.client.workflow.start('connection', {
            workflowId: connectionWorkflowId(connection), taskQueue: 'isthmus', workflowIdConflictPolicy: 'TERMINATE_EXISTING',
            args: [{ connection, searchAttributes: false, carried: { tokens: {}, askedAt: Date.now() - 3_600_000 } }],
          })
          await sleep(round * 4)
          expect(await owner.ensureFresh(connection, request(round), signal)).toMatchObject({ kind: 'fresh', version: round + 1 })
          if (round > 8) await idle.result().catch(() => undefined)
        }
        const from = 100
        for (let n = from; n < from + 40; n += 8) {
          const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => owner.ensureFresh(connection, { ...request(n + i), tokenKey: `acme/${i}` }, signal)))
          expect(answers.map((a) => a.kind === 'fresh' && a.version)).toEqual(Array.from({ length: 8 }, (_, i) => n + i + 1))
        }
        expect(calls).toHaveLength(10 + 40)
        const [first] = (await handle(connection).fetchHistory()).events!
        expect(first!.workflowExecutionStartedEventAttributes!.continuedExecutionRunId).not.toBe('')
      },
    )
  })

  describe('with a worker of its own, a provider that rotates, and PostgreSQL', () => {
    const key = randomBytes(32).toString('hex')
    const children = new Set<ChildProcess>()
    let database: TestDatabase
    let db: pg.Pool
    let store: Store
    let projectDir: string
    beforeAll(async () => {
      projectDir = await mkdtemp(join(tmpdir(), 'isthmus-owner-'))
      database = await testDatabase()
      store = await openStore(database.url, { key: await loadVaultKey({ env: { ISTHMUS_KEY: key }, projectDir }) })
      await store.migrate()
      db = new pg.Pool({ connectionString: database.url, max: 2 })
      db.on('error', () => {})
    })
    afterAll(async () => {
      children.forEach((c) => c.kill('SIGKILL'))
      await Promise.all([store?.close(), db?.end()])
      await database?.close()
      await rm(projectDir, { recursive: true, force: true })
    })

    async function worker(): Promise<ChildProcess> {
      const env = { ...process.env, ISTHMUS_PROJECT_DIR: projectDir, ISTHMUS_KEY: key, DATABASE_URL: database.url, TEMPORAL_ADDRESS: real.address, TEMPORAL_NAMESPACE: 'default' }
      const child = fork(CHILD, [], { env, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
      children.add(child)
      await once(child, 'message')
      return child
    }

    it('one request for 50 callers; killed in the middle of an exchange: nothing is presented twice, one alert, told at once, well again after a reconnect', async () => {
      const sim = await startSimulator({ auth: 'oauth', tokenTtl: 3_600, latencyMs: 200, records: { transactions: 1, invoices: 1, customers: 1 } })
      const source = sourceSchema.parse({ baseUrl: sim.url, auth: { kind: 'oauth2RefreshToken', tokenUrl: '/oauth/token', clientId: C.clientId, clientSecret: { env: 'SECRET' }, refreshToken: { env: 'REFRESH' } } })
      const values: Record<string, string> = { SECRET: C.clientSecret, REFRESH: C.refreshToken }
      const stream = { ...streamPlan({ table: 't', columns: [column('id')] }), connection: 'acme', source }
      await store.savePlan({ version: 1, id: 's', file: 'syncs/s.ts', streams: [stream], every: null, hash: 'p' } as Plan)
      await store.saveSettings('run/r', values)
      const reader = openRest({ source, stream: streamSchema.parse({ name: 'orders', path: '/orders' }), resolve: (v) => (typeof v === 'string' ? v : values[(v as { env: string }).env]!) })
      const tokenKey = `acme/${reader.fingerprint}`
      await reader.close()
      const owner = tokenOwner(real.client, true)
      const asked = () => sim.stats().perPath['/oauth/token'] ?? 0
      const callers = (n: number, seen: number) => Array.from({ length: n }, () => owner.ensureFresh('acme', { tokenKey, seen, ask }, signal))
      const alerts = async () => (await db.query(`select 1 from isthmus.run_log where message like 'reconnect needed%'`)).rowCount

      const first = await worker()
      expect(new Set((await Promise.all(callers(50, 0))).map((r) => r.kind === 'fresh' && r.version))).toEqual(new Set([1]))
      expect(asked()).toBe(1)

      sim.configure({ latencyMs: 1_500 })
      const cut = callers(20, 1)
      while ((await db.query(`select 1 from isthmus.tokens where use_id is not null`)).rowCount === 0 || asked() < 2) await sleep(10)
      first.kill('SIGKILL')
      await once(first, 'exit')
      sim.configure({ latencyMs: 0 })
      await worker()
      for (const result of await Promise.all(cut)) expect(result).toMatchObject({ kind: 'reconnect', error: { type: 'AuthFailed', cure: expect.stringContaining('REFRESH') as string } })
      const began = performance.now()
      await Promise.all(callers(5, 1))
      expect(performance.now() - began).toBeLessThan(1_000)
      expect([asked(), sim.stats().refreshTokensUsedTwice, await alerts()]).toEqual([2, 0, 1])
      expect(await store.connectionHealth('acme')).toMatchObject([{ state: 'needsReconnect', lastErrorType: 'AuthFailed' }])
      // Visibility follows a moment later.
      let found = 0
      for (let i = 0; i < 50 && found === 0; i++, await sleep(100)) found = (await real.client.workflow.count(`IsthmusConnection = 'acme' and IsthmusPhase = 'needsReconnect'`)).count
      expect(found).toBe(1)

      await store.putToken(tokenKey, { accessToken: 'canary-given', expiresAt: null, refreshToken: await newGrant(sim.url) })
      await tellReconnected(real.client, 'acme')
      expect(await owner.ensureFresh('acme', { tokenKey, seen: 2, ask }, signal)).toMatchObject({ kind: 'fresh', version: 3, renewable: true })
      expect(await store.connectionHealth('acme')).toMatchObject([{ state: 'ok', reason: '' }])
      expect([sim.stats().refreshTokensUsedTwice, await alerts()]).toEqual([0, 1])
      await handle('acme').terminate()
      await sim.close()
    })
  })
})
