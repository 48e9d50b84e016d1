import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
import { Isthmus } from '../../client/index.ts'
import { makeProject, type CliResult, type Dev, type Project } from '../support/cli.ts'

const RECORDS = 2_000
const CUT = 0.05
const LOOKUP = "lookup: { path: '/sink/entries', query: { external_id: '{id}' }, records: 'data', match: { external_id: '{id}' }, settle: '1s' }"

const sync = (name: string, protection: string, more = ''): string => `import { cursor, defineSync, env, fields, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL') }).stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 500, sizeParam: 'limit' }) }),
  to: rest({ baseUrl: env('${name}_URL'), connection: '${name}', concurrency: 8${more} }).action('entry.create', { path: '/sink/entries', id: 'id', reason: 'error.message', ${protection} }),
  model: z.object({ id: z.string(), amount: t.decimal() }),
  map: fields({ id: 'id', amount: 'amount' }),
})
`

const connector = `import { defineConnector, env, t, z } from 'isthmus'
const create = { path: '/sink/contacts', id: 'id', reason: 'error.message', idempotency: { header: 'Idempotency-Key' } }
export default defineConnector('acme', {
  baseUrl: env('ACME_URL'), auth: { kind: 'none' }, concurrency: 4,
  actions: {
    'contact.create': { ...create, key: 'id' },
    'contact.checked': { ...create, path: '/sink/checked', key: 'id', model: z.object({ id: z.string(), email: z.email(), amount: t.decimal() }) },
    'payment.initiate': { ...create, path: '/sink/payments', key: 'id', approval: { above: 2 } },
  },
})
`
const query = `import { defineSync, fields, postgres, t, z } from 'isthmus'
import acme from '../connectors/acme.ts'
export default defineSync({
  from: postgres.query('select id, big, at, amount from dues where id > 0', { key: 'id', incremental: 'at' }),
  to: acme.action('due', { path: '/sink/dues', id: 'id', idempotency: { header: 'Idempotency-Key' } }),
  model: z.object({ id: z.string(), big: t.int64(), at: t.timestamp(), amount: t.decimal() }),
  map: fields({ id: 'id', big: 'big', at: 'at', amount: 'amount' }),
})
`

/** Posting to APIs that lose one answer in twenty, by a worker that is killed meanwhile. Oracle: what the APIs hold. */
describe('actions', () => {
  let project: Project
  let dev: Dev
  let source: Simulator
  const sinks: Record<string, Simulator> = {}
  const env = (): Record<string, string> => ({ SIM_URL: source.url, ...Object.fromEntries(Object.entries(sinks).map(([name, s]) => [`${name}_URL`, s.url])) })

  beforeAll(async () => {
    source = await startSimulator({ records: { transactions: RECORDS } })
    for (const [i, name] of ['KEY', 'LOOK', 'NONE'].entries()) sinks[name] = await startSimulator({ seed: i + 1, sinkCut: CUT, sinkIdempotency: name === 'KEY', latencyMs: 40 })
    project = await makeProject({
      'syncs/key.ts': sync('KEY', "idempotency: { header: 'Idempotency-Key' }"),
      'syncs/look.ts': sync('LOOK', LOOKUP),
      'syncs/none.ts': sync('NONE', ''),
    })
    dev = await project.dev()
  })
  afterAll(async () => {
    await project?.close()
    await Promise.all([source, ...Object.values(sinks)].map((s) => s?.close()))
  })

  const workerPid = (): number | null => {
    const file = JSON.parse(readFileSync(join(project.dir, '.isthmus/dev.json'), 'utf8')) as { children: { name: string; pid: number }[] }
    return file.children.find((c) => c.name === 'worker')?.pid ?? null
  }
  const writes = (): number => Math.min(...Object.values(sinks).map((s) => s.stats().sink.writes))

  /** Kills the worker each time that all sinks have got so many requests, so that answers are always under way. */
  async function killAt(marks: number[]): Promise<number> {
    let kills = 0
    for (const mark of marks) {
      for (const until = Date.now() + 60_000; writes() < mark && Date.now() < until; ) await sleep(10)
      const pid = workerPid()
      if (pid === null || writes() < mark) continue
      process.kill(pid, 'SIGKILL')
      kills += 1
    }
    return kills
  }

  it('says in the plan what holds a record from being sent twice', async () => {
    const lines = await Promise.all(['key', 'look', 'none'].map(async (id) => /^ *delivery +(.*)$/m.exec((await project.isthmus(['plan', id], env())).stdout)?.[1]))
    expect(lines).toEqual([expect.stringMatching(/^exactly once by idempotency key \(header Idempotency-Key\)/), expect.stringMatching(/^exactly once by look-up/), expect.stringMatching(/^at least once/)])
  })

  it('creates nothing twice with key or look-up, and counts what may be doubled with neither', async () => {
    const runs = ['key', 'look', 'none'].map((id) => project.isthmus(['run', id, '--json'], env()))
    const kills = await killAt([150, 700, 1_300])
    const [key, look, none] = (await Promise.all(runs)) as [CliResult, CliResult, CliResult]
    expect(kills).toBe(3)
    for (const result of [key, look, none]) expect(result.json).toMatchObject({ outcome: 'completed', total: { read: RECORDS, inserted: RECORDS } })
    for (const [name, sim] of Object.entries(sinks)) {
      const held = sim.sink('entries')
      expect(new Set(held.map((r) => r.business)).size).toBe(RECORDS)
      const byId = new Map(held.map((r) => [r.business, r]))
      for (let i = 0; i < RECORDS; i += 97) expect(byId.has((JSON.parse(source.record('transactions', i)!) as { id: string }).id)).toBe(true)
      const { cuts, duplicates, replays, lookups, keyMismatches } = sim.stats().sink
      expect(cuts).toBeGreaterThan(RECORDS * CUT * 0.5)
      expect(keyMismatches).toBe(0)
      if (name !== 'NONE') expect(duplicates).toBe(0)
      if (name === 'KEY') expect(replays).toBeGreaterThanOrEqual(cuts / 2)
      if (name === 'LOOK') expect(lookups).toBeGreaterThanOrEqual(cuts / 2)
    }
    const uncertain = Number((await dev.query<{ n: string }>("select sum(uncertain) as n from isthmus.deliveries where target = 'NONE/entry.create'"))[0]!.n)
    expect(sinks['NONE']!.stats().sink.duplicates).toBeGreaterThan(0)
    expect(sinks['NONE']!.stats().sink.duplicates).toBeLessThanOrEqual(uncertain)
    const told = (await project.isthmus(['logs', 'none'], env())).stdout
    const inLogs = [...told.matchAll(/uncertain: (\d+)/g)].reduce((sum, m) => sum + Number(m[1]), 0)
    expect(inLogs).toBeGreaterThanOrEqual(uncertain)
  }, 240_000)

  it('gets new tokens for the API, and waits as long as it says, while a chunk is posted', async () => {
    const api = await startSimulator({ auth: 'oauth', expireTokenAfterRequests: 600, throttleOnce: { atRequest: 900, retryAfterSeconds: 3 } })
    const auth = ", auth: { kind: 'oauth2ClientCredentials', tokenUrl: '/oauth/token', clientId: env('CLIENT'), clientSecret: env('SECRET') }"
    await project.write({ 'syncs/oauth.ts': sync('OAUTH', "idempotency: { header: 'Idempotency-Key' }", auth) })
    const result = await project.isthmus(['run', 'oauth', '--json'], { ...env(), OAUTH_URL: api.url, CLIENT: C.clientId, SECRET: C.clientSecret })
    const { sink, tokensIssued, unauthorized, throttled } = api.stats()
    await api.close()
    expect(result.json).toMatchObject({ outcome: 'completed', total: { read: RECORDS, inserted: RECORDS } })
    expect(sink).toMatchObject({ created: RECORDS, duplicates: 0 })
    expect(unauthorized).toBeGreaterThanOrEqual(3)
    expect(tokensIssued).toBeGreaterThanOrEqual(4)
    expect(throttled).toBeGreaterThan(0)
  }, 120_000)

  it('sends nothing again in a second run, and sets refused records aside', async () => {
    const before = sinks['KEY']!.stats().sink.writes
    expect((await project.isthmus(['run', 'key', '--json'], env())).json).toMatchObject({ outcome: 'completed', total: { read: RECORDS, unchanged: RECORDS } })
    expect(sinks['KEY']!.stats().sink.writes).toBe(before)
    const strict = await startSimulator({ sinkRefuseEvery: 100 })
    await project.write({ 'syncs/strict.ts': sync('STRICT', "idempotency: { header: 'Idempotency-Key' }, batch: { size: 50, records: 'items', results: 'results' }") })
    const result = await project.isthmus(['run', 'strict', '--json'], { ...env(), STRICT_URL: strict.url })
    const { refused } = strict.stats().sink
    const { rejected, inserted } = result.json.total as { rejected: number; inserted: number }
    expect(rejected).toBeGreaterThan(5)
    expect(rejected + inserted).toBe(RECORDS)
    // In their batch, and once more alone.
    expect(refused).toBe(rejected * 2)
    expect((await dev.query<{ reason: string }>("select reason from isthmus.rejects where sync = 'strict'")).every((r) => /is not accepted/.test(r.reason))).toBe(true)
    // The API takes them now: sent again without asking the source, each once.
    strict.configure({ sinkRefuseEvery: 0 })
    const asked = source.stats().dataRequests
    const retried = await project.isthmus(['rejects', 'retry', 'strict', '--json'], { ...env(), STRICT_URL: strict.url })
    const { created, duplicates } = strict.stats().sink
    await strict.close()
    expect(retried.json).toMatchObject({ tried: rejected, delivered: rejected, kept: 0 })
    expect(source.stats().dataRequests).toBe(asked)
    expect({ created, duplicates }).toEqual({ created: RECORDS, duplicates: 0 })
  }, 120_000)

  describe('records of files and rows of queries', () => {
    const ROWS = 300
    let api: Simulator
    let isthmus: Isthmus
    const lines = (n: number): string => Array.from({ length: n }, (_, i) => `${JSON.stringify({ id: `c${i + 1}`, nested: { big: i } })}\n`).join('')
    const file = (name: string): { file: string } => ({ file: join(project.dir, name) })

    beforeAll(async () => {
      api = await startSimulator({ sinkRefuseEvery: 50, sinkCut: 0.02 })
      await project.write({
        'connectors/acme.ts': connector, 'syncs/dues.ts': query, 'a.jsonl': `${lines(120)}{"id": "half\n`, 'p.jsonl': lines(5),
        'c.csv': 'id,email,amount\n1,a@example.com,1.50\n2,nobody,2\n3,"b@example.com",9007199254740993.10\n',
      })
      isthmus = new Isthmus({ projectDir: project.dir, env: { ...process.env, ACME_URL: api.url } })
    })
    afterAll(async () => {
      await isthmus?.close()
      await api?.close()
    })

    it('checks a file, sends each record once, and nothing when it is posted again', async () => {
      const post = (...more: string[]) => project.isthmus(['post', 'acme', 'contact.create', '--file', 'a.jsonl', '--json', ...more], { ACME_URL: api.url })
      const look = await post('--dry-run')
      expect(look).toMatchObject({ code: 3, json: { outcome: 'checked', records: 121, fits: 120, misfits: 1, samples: [{ record: 121, reason: expect.stringMatching(/^line 121 is no JSON/) }], delivery: expect.stringMatching(/^exactly once/) } })
      expect(api.sink('contacts')).toHaveLength(0)
      const first = await post('--yes')
      const { inserted, rejected } = first.json.total as { inserted: number; rejected: number }
      expect(first).toMatchObject({ code: 3, json: { outcome: 'completed', sync: 'post/acme/contact.create' } })
      expect([inserted + rejected, rejected > 1]).toEqual([121, true])
      expect(new Set(api.sink('contacts').map((r) => r.business)).size).toBe(inserted)
      expect(api.sink('contacts')).toHaveLength(inserted)
      const before = api.stats().sink.writes
      // What was refused is tried again; what was taken is not.
      expect(await isthmus.actions.post('acme', 'contact.create', file('a.jsonl'))).toMatchObject({ outcome: 'completed', total: { unchanged: inserted } })
      expect(api.stats().sink.writes - before).toBeLessThanOrEqual(3 * (121 - inserted))
      const { rejects } = await isthmus.rejects.list({ of: 'post/acme/contact.create' })
      expect(rejects.some((r) => r.reason.startsWith('line 121 is no JSON'))).toBe(true)
    }, 60_000)

    it('sets aside what a model refuses, and waits for approval where the action asks for it', async () => {
      expect(await isthmus.actions.post('acme', 'contact.checked', file('c.csv'))).toMatchObject({ outcome: 'completed', total: { read: 3 } })
      expect(api.sink('checked').map((r) => r.business)).not.toContain('2')
      const waiting = await isthmus.actions.post('acme', 'payment.initiate', file('p.jsonl'))
      expect(waiting).toMatchObject({ outcome: 'parked', streams: [{ error: { type: 'Implausible', field: 'to.approval', message: expect.stringMatching(/^5 records would be sent to payment.initiate of acme/) } }] })
      expect(api.sink('payments')).toHaveLength(0)
      // Other records do not take the place of those that wait.
      await expect(isthmus.actions.post('acme', 'payment.initiate', [{ id: 'x' }])).rejects.toMatchObject({ type: 'AlreadyRunning' })
      const run = await isthmus.syncs.get('post/acme/payment.initiate')
      await run.approve()
      expect((await run.result()).outcome).toBe('completed')
      expect(api.sink('payments').length).toBeGreaterThanOrEqual(4)
    }, 60_000)

    it('reads a query row by row into an action although the worker is killed, and only what changed the next time', async () => {
      await dev.query('create table dues (id bigint primary key, big bigint, at timestamptz, amount numeric)')
      await dev.query(`insert into dues select i, 9007199254740993 + i, timestamptz '2026-01-01 00:00:00.123456Z' + i * interval '1 second', i + 0.10 from generate_series(1, ${ROWS}) i`)
      const run = isthmus.syncs.run('dues')
      for (const until = Date.now() + 60_000; api.sink('dues').length < 60 && Date.now() < until; ) await sleep(10)
      process.kill(workerPid()!, 'SIGKILL')
      const { outcome, total } = await run
      expect([outcome, total.read, total.inserted + total.rejected]).toEqual(['completed', ROWS, ROWS])
      const held = api.sink('dues')
      expect(held).toHaveLength(total.inserted)
      expect(new Set(held.map((r) => r.business)).size).toBe(total.inserted)
      expect(JSON.stringify(held[0]!.body)).toMatch(/"big":900719925474\d+.*"at":"2026-01-01[T ]00:0\d:\d\d\.123456/)
      await dev.query('update dues set amount = 7, at = now() where id = 5')
      const next = await isthmus.syncs.run('dues')
      // The bound is inclusive: the newest of the last time comes once more.
      expect([next.outcome, next.total.read]).toEqual(['completed', 2])
    }, 90_000)
  })
})
