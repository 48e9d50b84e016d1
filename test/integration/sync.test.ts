import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator, type SimulatorOptions } from '../../simulator/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const RECORDS = 1_234
const SHAPES = {
  page: { path: '/page/transactions', records: 'data', page: "pageNumber({ param: 'page', size: 100, sizeParam: 'per_page', totalPages: 'total_pages' })" },
  offset: { path: '/offset/transactions', records: 'items', page: 'offset({ size: 100 })' },
  cursor: { path: '/cursor/transactions', records: 'result.records', page: "cursor({ send: 'after', next: 'meta.next_cursor', size: 100, sizeParam: 'limit' })" },
  link: { path: '/link/transactions', records: '', page: "link({ size: 100, sizeParam: 'limit' })" },
  nexturl: { path: '/nexturl/transactions', records: 'value', page: "nextUrl({ next: 'next', size: 100, sizeParam: 'limit' })" },
} as const

function syncFile(shape: keyof typeof SHAPES, o: { auth?: string; table?: string; extra?: string; model?: string; map?: string; source?: string } = {}): string {
  const s = SHAPES[shape]
  return `import * as i from 'isthmus'
const { apiKey, basic, bearer, cursor, defineSync, env, fields, link, nextUrl, oauth2ClientCredentials, oauth2RefreshToken, offset, pageNumber, postgres, rest, signedJwt, t, z } = i
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL')${o.auth ? `, auth: ${o.auth}` : ''}${o.source ?? ''} }).stream('transactions', { path: '${s.path}', records: '${s.records}', key: 'id', page: ${s.page} }),
  to: postgres.table('${o.table ?? shape}'),
  model: ${o.model ?? "z.object({ id: z.string(), ledger_no: t.int64(), amount: t.decimal(), status: z.enum(['booked', 'pending', 'reversed']), reconciled: z.boolean(), customer: z.string(), tags: z.array(z.string()), memo: z.string().nullable(), value_date: t.date(), entered_at: t.localTimestamp(), booked_at: t.timestamp(), updated_at: t.timestamp() })"},
  map: ${o.map ?? "fields({ id: 'id', ledger_no: 'ledgerNo', amount: 'amount', status: 'status', reconciled: 'reconciled', customer: 'customer.name', tags: 'tags', memo: 'memo', value_date: 'value_date', entered_at: 'entered_at', booked_at: 'booked_at', updated_at: 'updated_at' })"},
  ${o.extra ?? ''}
})
`
}

/** The source's own records, read by other means: plain fetch, page by page, numbers kept as text. */
async function sourceRecords(sim: Simulator): Promise<Map<string, { amount: string; ledgerNo: string; updated_at: string }>> {
  const found = new Map<string, { amount: string; ledgerNo: string; updated_at: string }>()
  for (let offset = 0; ; offset += 1000) {
    const text = await (await fetch(`${sim.url}/offset/transactions?limit=1000&offset=${offset}`, { headers: { 'x-api-key': C.apiKey } })).text()
    const records = [...text.matchAll(/\{"id":"(txn_\d+)","ledgerNo":(\d+),"status":"\w+","amount":([^,]+),.*?"updated_at":"([^"]+)"\}/g)]
    for (const [, id, ledgerNo, amount, updated] of records) found.set(id!, { ledgerNo: ledgerNo!, amount: amount!, updated_at: updated! })
    if (records.length === 0) return found
  }
}

describe('a sync, end to end', () => {
  let project: Project
  let dev: Dev
  let sim: Simulator | null = null

  beforeAll(async () => {
    project = await makeProject({ 'syncs/placeholder.ts': syncFile('page') })
    dev = await project.dev()
  })
  afterEach(async () => {
    await sim?.close()
    sim = null
  })
  afterAll(async () => {
    await project?.close()
  })

  async function simulate(options: SimulatorOptions = {}): Promise<Simulator> {
    sim = await startSimulator({ records: { transactions: RECORDS }, ...options })
    return sim
  }
  const run = (id: string, args: string[] = [], env: Record<string, string> = {}) => project.isthmus(['run', id, '--json', ...args], { SIM_URL: sim!.url, ...env })

  it.each(Object.keys(SHAPES) as (keyof typeof SHAPES)[])('reads %s paging: every record once, every digit kept', async (shape) => {
    const source = await simulate({ auth: 'api-key' })
    const expected = await sourceRecords(source)
    source.resetStats()
    await project.write({ [`syncs/${shape}.ts`]: syncFile(shape, { auth: "apiKey({ key: env('SIM_KEY') })" }) })
    const result = await run(shape, [], { SIM_KEY: C.apiKey })
    expect(result.stderr).not.toContain('error')
    expect(result).toMatchObject({ code: 0, json: { outcome: 'completed', total: { read: RECORDS, inserted: RECORDS, rejected: 0 } } })
    const rows = await dev.query<{ id: string; amount: string; ledger_no: string; updated: string }>(`select id, amount::text, ledger_no::text, to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') updated from "${shape}"`)
    expect(rows).toHaveLength(RECORDS)
    for (const row of rows) expect({ ledgerNo: row.ledger_no, amount: row.amount, updated_at: row.updated }).toEqual(expected.get(row.id))
    const stats = source.stats()
    expect(stats.duplicates).toBe(0)
  })

  it('asks for no page twice and changes nothing when run again', async () => {
    await simulate()
    await project.write({ 'syncs/again.ts': syncFile('offset', { table: 'again' }) })
    expect((await run('again')).json).toMatchObject({ outcome: 'completed', total: { inserted: RECORDS } })
    expect((await run('again')).json).toMatchObject({ outcome: 'completed', total: { inserted: 0, updated: 0, unchanged: RECORDS } })
    expect(await dev.query('select count(*)::int n from again')).toEqual([{ n: RECORDS }])
  })

  it('signs in with client credentials, exchanges expired tokens, waits out a 429', async () => {
    const source = await simulate({ auth: 'oauth', expireTokenAfterRequests: 5, throttleOnce: { atRequest: 7, retryAfterSeconds: 2 } })
    await project.write({ 'syncs/oauth.ts': syncFile('cursor', { table: 'oauth', auth: "oauth2ClientCredentials({ tokenUrl: '/oauth/token', clientId: env('SIM_ID'), clientSecret: env('SIM_SECRET') })" }) })
    const result = await run('oauth', [], { SIM_ID: C.clientId, SIM_SECRET: C.clientSecret })
    expect(result).toMatchObject({ code: 0, json: { outcome: 'completed', total: { read: RECORDS, inserted: RECORDS } } })
    expect(result.json.streams.transactions.tokenRefreshes).toBeGreaterThan(0)
    const stats = source.stats()
    expect(stats.statuses['429']).toBe(1)
    expect(stats.statuses['401']).toBeGreaterThan(0)
    expect(stats.requestsDuringRetryAfter).toBe(0)
    expect(await dev.query('select count(*)::int n, count(distinct id)::int d from oauth')).toEqual([{ n: RECORDS, d: RECORDS }])
  })

  it.each([
    ['basic', "basic({ username: env('A'), password: env('B') })", { A: C.username, B: C.password }],
    ['bearer', "bearer({ token: env('A') })", { A: C.bearerToken }],
    ['jwt', "signedJwt({ key: env('A'), claims: { iss: 'tests' } })", { A: C.jwtSecret }],
  ] as const)('signs in by %s', async (mode, auth, env) => {
    await simulate({ auth: mode })
    await project.write({ [`syncs/${mode}.ts`]: syncFile('page', { table: mode, auth }) })
    expect((await run(mode, [], env)).json).toMatchObject({ outcome: 'completed', total: { inserted: RECORDS } })
  })

  it('rotates single-use refresh tokens and never uses one twice', async () => {
    const source = await simulate({ auth: 'oauth', expireTokenAfterRequests: 4, refreshRotation: true })
    const auth = "oauth2RefreshToken({ tokenUrl: '/oauth/token', clientId: env('SIM_ID'), clientSecret: env('SIM_SECRET'), refreshToken: env('SIM_REFRESH') })"
    await project.write({ 'syncs/rotate.ts': syncFile('link', { table: 'rotate', auth }) })
    const env = { SIM_ID: C.clientId, SIM_SECRET: C.clientSecret, SIM_REFRESH: C.refreshToken }
    expect((await run('rotate', [], env)).json).toMatchObject({ outcome: 'completed', total: { inserted: RECORDS } })
    expect((await run('rotate', [], env)).json).toMatchObject({ outcome: 'completed', total: { unchanged: RECORDS } })
    expect(source.stats().refreshTokensUsedTwice).toBe(0)
  })

  it('survives 5xx, cut-off and garbage bodies without losing or doubling a record', async () => {
    const source = await simulate({ seed: 7, faults: { 'status:503': 0.08, cut: 0.05, 'garbage-html': 0.03, 'garbage-json': 0.03, reset: 0.05 } })
    await project.write({ 'syncs/faulty.ts': syncFile('page', { table: 'faulty' }) })
    const result = await run('faulty', ['--no-check'])
    expect(result.json).toMatchObject({ outcome: 'completed', total: { read: RECORDS, inserted: RECORDS } })
    expect(Object.values(source.stats().faults).reduce((a: number, b) => a + Number(b), 0)).toBeGreaterThan(0)
    expect(await dev.query('select count(*)::int n, count(distinct id)::int d from faulty')).toEqual([{ n: RECORDS, d: RECORDS }])
  })

  it('reads only what changed, with overlap, and keeps the watermark', async () => {
    const source = await simulate()
    const file = syncFile('cursor', { table: 'increments' }).replace("key: 'id',", "key: 'id', incremental: { field: 'updated_at', send: 'updated_since', overlap: '1m' },")
    await project.write({ 'syncs/increments.ts': file })
    expect((await run('increments')).json).toMatchObject({ outcome: 'completed', total: { read: RECORDS } })
    source.resetStats()
    const second = await run('increments')
    expect(second.json.outcome).toBe('completed')
    expect(second.json.total.read).toBeLessThan(RECORDS / 2)
    expect(second.json.total.read).toBe(second.json.total.unchanged)
    expect(source.stats().duplicates).toBe(0)
  })

  it('appends and replaces', async () => {
    await simulate()
    await project.write({ 'syncs/append.ts': syncFile('page', { table: 'appended', extra: "mode: 'append'," }), 'syncs/replace.ts': syncFile('page', { table: 'replaced', extra: "mode: 'replace'," }) })
    await run('append')
    await run('append')
    expect(await dev.query('select count(*)::int n from appended')).toEqual([{ n: 2 * RECORDS }])
    await run('replace')
    await dev.query("insert into replaced select * from jsonb_populate_record((select r from replaced r limit 1), '{\"id\": \"stale\"}')")
    expect((await run('replace')).json).toMatchObject({ outcome: 'completed', total: { read: RECORDS } })
    expect(await dev.query("select count(*)::int n, count(*) filter (where id = 'stale')::int stale from replaced")).toEqual([{ n: RECORDS, stale: 0 }])
  })

  it('sets bad records aside, tells it by the exit code, and loads the others', async () => {
    await simulate({ poisonEvery: 100 })
    await project.write({ 'syncs/poison.ts': syncFile('page', { table: 'poison' }) })
    const result = await run('poison')
    expect(result.json).toMatchObject({ outcome: 'completed', total: { read: RECORDS, inserted: RECORDS - 12, rejected: 12 } })
    expect(result.code).toBe(3)
    expect(await dev.query("select count(*)::int n from isthmus.rejects where reason like '%n/a%'")).toEqual([{ n: 12 }])
  })

  it('maps with a function, adds new columns to the table', async () => {
    await simulate()
    const map = "(r) => (r.status === 'pending' ? null : { id: r.id, amount: i.decimal(r.amount), big: r.amount > 1000 })"
    await project.write({ 'syncs/code.ts': syncFile('page', { table: 'code', model: 'z.object({ id: z.string(), amount: t.decimal(), big: z.boolean() })', map }) })
    const first = await run('code')
    expect(first.json.outcome).toBe('completed')
    expect(first.json.total.filtered).toBeGreaterThan(0)
    expect(first.json.total.inserted + first.json.total.filtered).toBe(RECORDS)
    await project.write({ 'syncs/code.ts': syncFile('page', { table: 'code', model: 'z.object({ id: z.string(), amount: t.decimal(), big: z.boolean(), currency: z.string().nullable() })', map: map.replace('big:', 'currency: r.currency, big:') }) })
    expect((await run('code')).json).toMatchObject({ outcome: 'completed', total: { updated: first.json.total.inserted } })
    expect(await dev.query('select count(*)::int n from code where currency is null')).toEqual([{ n: 0 }])
  })

  it('obeys the limits it is told before they are hit', async () => {
    const source = await simulate({ limits: [{ requests: 10, perMs: 1000 }], concurrency: 2 })
    await project.write({ 'syncs/paced.ts': syncFile('offset', { table: 'paced', source: ", limits: [{ requests: 10, per: '1s' }], concurrency: 2" }) })
    expect((await run('paced')).json).toMatchObject({ outcome: 'completed', total: { inserted: RECORDS } })
    expect(source.stats().statuses['429'] ?? 0).toBe(0)
  })

  it('shows runs, logs and status; cancels a run and goes on from there', async () => {
    // Slow enough that the run is still at work when the busy machine has done the rest.
    const source = await simulate({ latencyMs: 2_000 })
    await project.write({ 'syncs/slow.ts': syncFile('cursor', { table: 'slow' }) })
    const started = await run('slow', ['--detach'])
    expect(started.json).toMatchObject({ outcome: 'running' })
    const second = await run('slow')
    expect(second.code).toBe(2)
    expect(second.stderr).toContain('under way')
    await expect.poll(async () => (await dev.query<{ n: number }>("select count(*)::int n from information_schema.tables where table_name = 'slow'").catch(() => [{ n: 0 }]))[0]!.n, { timeout: 20_000 }).toBe(1)
    await expect.poll(async () => (await dev.query<{ n: number }>('select count(*)::int n from slow'))[0]!.n, { timeout: 20_000 }).toBeGreaterThan(0)
    expect((await project.isthmus(['cancel', 'slow', '--json'])).json).toMatchObject({ outcome: 'cancelled' })
    const [before] = await dev.query<{ n: number }>('select count(*)::int n from slow')
    expect(before!.n).toBeLessThan(RECORDS)
    source.resetStats()
    source.configure({ latencyMs: 0 })
    const rest = await run('slow')
    expect(rest.json).toMatchObject({ outcome: 'completed' })
    expect(rest.json.total.read).toBe(RECORDS - before!.n)
    expect(await dev.query('select count(*)::int n, count(distinct id)::int d from slow')).toEqual([{ n: RECORDS, d: RECORDS }])
    const list = await project.isthmus(['list', '--json'])
    expect(list.json.runs.filter((r: { sync: string }) => r.sync === 'slow').map((r: { outcome: string }) => r.outcome)).toEqual(['completed', 'cancelled'])
    expect((await project.isthmus(['status', 'slow'])).stdout).toContain('completed')
    expect((await project.isthmus(['logs', 'slow'])).stdout).toContain('goes on where an earlier run stopped')
  })
})
