import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
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
    const api = await startSimulator({ auth: 'oauth', expireTokenAfterRequests: 600, limits: [{ requests: 700, perMs: 4_000 }] })
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
})
