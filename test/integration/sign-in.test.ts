import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator, type SimulatorOptions } from '../../simulator/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'
import { newGrant } from '../support/grants.ts'

const STREAMS = ['transactions', 'invoices', 'customers'] as const
const RECORDS = { transactions: 1_500, invoices: 1_200, customers: 900 }
const syncFile = (prefix: string): string => `import { cursor, defineSync, env, fields, flow, oauth2RefreshToken, postgres, rest, z } from 'isthmus'
const api = rest({ baseUrl: env('SIM_URL'), auth: oauth2RefreshToken({ tokenUrl: '/oauth/token', clientId: env('SIM_ID'), clientSecret: env('SIM_SECRET'), refreshToken: env('SIM_REFRESH') }) })
const page = cursor({ send: 'after', next: 'meta.next_cursor', size: 50, sizeParam: 'limit' })
const one = (name: string) => flow({ from: api.stream(name, { path: '/cursor/' + name, records: 'result.records', key: 'id', page }), to: postgres.table('${prefix}_' + name), model: z.object({ id: z.string() }), map: (r: any) => ({ id: String(r.id) }) })
export default defineSync({ streams: [${STREAMS.map((s) => `one('${s}')`).join(', ')}] })
`

/** Signing in while a sync runs, through the command line. Oracle: what the API counted, and the rows. */
describe('sign-in while a sync runs', () => {
  let project: Project
  let dev: Dev
  let sim: Simulator

  beforeAll(async () => {
    project = await makeProject()
    dev = await project.dev()
  })
  afterEach(async () => {
    await sim?.close()
  })
  afterAll(async () => {
    await project?.close()
  })
  const simulate = async (options: SimulatorOptions): Promise<Simulator> => (sim = await startSimulator({ auth: 'oauth', latencyMs: 120, records: RECORDS, ...options }))
  const run = (id: string, refreshToken: string) => project.isthmus(['run', id, '--json'], { SIM_URL: sim.url, SIM_ID: C.clientId, SIM_SECRET: C.clientSecret, SIM_REFRESH: refreshToken })
  async function exact(prefix: string): Promise<void> {
    for (const stream of STREAMS) {
      expect(await dev.query(`select count(*)::int n, count(distinct id)::int d from "${prefix}_${stream}"`)).toEqual([{ n: RECORDS[stream], d: RECORDS[stream] }])
    }
  }

  it('a refresh token revoked in the middle: one refresh call, then silence; new credentials go on at the cursor', async () => {
    await simulate({})
    await project.write({ 'syncs/revoked.ts': syncFile('revoked') })
    const running = run('revoked', C.refreshToken)
    let early = false
    void running.then(() => (early = true))
    while (!early && sim.stats().recordsServed < 1_000) await sleep(20)
    expect(early).toBe(false)
    const before = sim.stats()
    const at = Date.now()
    await fetch(`${sim.url}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ token: C.refreshToken, client_id: C.clientId, client_secret: C.clientSecret }) })
    const first = await running
    expect(first).toMatchObject({ code: 4, json: { outcome: 'parked' } })
    for (const stream of STREAMS) {
      if (first.json.streams[stream].outcome === 'completed') continue
      expect(first.json.streams[stream].error).toMatchObject({ type: 'AuthFailed', field: 'from.auth.refreshToken', cure: expect.stringContaining('SIM_REFRESH') })
    }
    const stopped = sim.stats()
    expect(stopped.perPath['/oauth/token']! - before.perPath['/oauth/token']!).toBe(1)
    // Each stream found out for itself, once: the page under way and the one ahead of it.
    expect(stopped.unauthorized).toBeLessThanOrEqual(2 * STREAMS.length)
    const told = await dev.query<{ at: Date }>(`select at from isthmus.run_log where message like 'reconnect needed%'`)
    expect(told).toHaveLength(1)
    expect(told[0]!.at.getTime() - at).toBeLessThan(5_000)

    await sleep(500)
    expect(sim.stats().requests).toBe(stopped.requests)
    expect(await dev.query('select state, last_error_type from isthmus.connection_health')).toMatchObject([{ state: 'needsReconnect', last_error_type: 'AuthFailed' }])
    // The same credentials: one look with the access token that was left, no refresh call.
    expect(await run('revoked', C.refreshToken)).toMatchObject({ code: 2, json: { error: { type: 'AuthFailed' } } })
    expect(sim.stats().requests - stopped.requests).toBeLessThanOrEqual(1)
    expect(sim.stats().perPath['/oauth/token']).toBe(stopped.perPath['/oauth/token'])

    const second = await run('revoked', await newGrant(sim.url))
    expect(second).toMatchObject({ code: 0, json: { outcome: 'completed', run: first.json.run } })
    await exact('revoked')
    // Nothing that was committed is asked for again; the looks before the second try took one page each.
    expect(sim.stats().duplicates).toBeLessThanOrEqual(2 * STREAMS.length)
    expect(sim.stats().refreshTokensUsedTwice).toBe(0)
  }, 240_000)

  it('tokens that are used up after 7 calls, 8 streams at once: nobody takes that for wrong credentials', async () => {
    await simulate({ expireTokenAfterRequests: 7, latencyMs: 40, records: { transactions: 500, invoices: 10, customers: 10 } })
    await project.write({
      'syncs/counted.ts': syncFile('counted').replace(/const one = [^]*/, `const one = (n: number) => flow({ from: api.stream('t' + n, { path: '/cursor/transactions', records: 'result.records', key: 'id', page, query: { reader: String(n) } }), to: postgres.table('counted_' + n), model: z.object({ id: z.string() }), map: (r: any) => ({ id: String(r.id) }) })
export default defineSync({ streams: [1, 2, 3, 4, 5, 6, 7, 8].map(one) })
`),
    })
    const { code, json, stderr } = await run('counted', C.refreshToken)
    expect([code, json.outcome, code === 0 ? '' : stderr]).toEqual([0, 'completed', ''])
    for (let n = 1; n <= 8; n++) expect(await dev.query(`select count(*)::int n, count(distinct id)::int d from counted_${n}`)).toEqual([{ n: 500, d: 500 }])
    const stats = sim.stats()
    console.log(`tokens ${stats.tokensIssued}, 401 ${stats.unauthorized}, data requests ${stats.dataRequests}`)
    expect(stats.tokensIssued).toBeGreaterThanOrEqual(80 / 7)
    expect(stats.unauthorized).toBeGreaterThan(0)
    expect(stats.refreshTokensUsedTwice).toBe(0)
  }, 240_000)

  it('tokens that live a second are exchanged inside the reading steps, once for all streams, and counted', async () => {
    await simulate({ tokenTtl: 1 })
    await project.write({ 'syncs/short.ts': syncFile('short') })
    const { code, json, stderr } = await run('short', C.refreshToken)
    expect([code, json.outcome, code === 0 ? '' : stderr]).toEqual([0, 'completed', ''])
    await exact('short')
    const stats = sim.stats()
    const counted = STREAMS.reduce((sum, stream) => sum + (json.streams[stream].tokenRefreshes as number), 0)
    expect(stats.tokensIssued).toBeGreaterThan(3)
    expect(stats.refreshTokensUsedTwice).toBe(0)
    // Each exchange stands in one receipt, but for those of the look before the run.
    expect(stats.tokensIssued - counted).toBeGreaterThanOrEqual(1)
    expect(stats.tokensIssued - counted).toBeLessThanOrEqual(3)
    // Not by 401 and a step of its own each time.
    expect(stats.unauthorized).toBeLessThanOrEqual(stats.tokensIssued)
  }, 240_000)
})
