import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { openStore } from '../index.ts'
import { startCaller } from './testing/callers.ts'
import { startJudge, type Judge } from './testing/judge.ts'

/** Processes against an API that keeps its limits strictly. Oracle: the API's own log of arrivals. */
let database: TestDatabase
let db: pg.Pool
let judge: Judge | null = null
let accounts = 0
beforeAll(async () => {
  database = await testDatabase()
  const store = await openStore(database.url, { key: { id: '0123456789abcdef', secret: Buffer.alloc(32, 1) } })
  await store.migrate()
  await store.close()
  db = new pg.Pool({ connectionString: database.url, max: 2 })
  db.on('error', () => {})
})
afterEach(async () => {
  await judge?.close()
  judge = null
})
afterAll(async () => {
  await db?.end()
  await database?.close()
})

const account = (): string => `account ${++accounts}`
const percentile = (list: number[], p: number): number => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))] ?? 0

/** Arrivals let in, from the first on, as a share of what the window allows in that time. */
function used(j: Judge, { requests, ms }: { requests: number; ms: number }, forMs: number): number {
  const let_in = j.arrivals.filter((a) => a.status !== 429)
  const begin = let_in[0]!.atMs
  return let_in.filter((a) => a.atMs < begin + forMs).length / (requests * (forMs / ms))
}

describe('rate windows over processes', () => {
  it('20 a second and 4 at a time: none too many, at least 90 % used, interactive calls within 2 s', async () => {
    judge = await startJudge({ limits: [{ requests: 20, ms: 1_000 }], cap: 4, latencyMs: 60 })
    const common = { databaseUrl: database.url, url: judge.url, account: account(), limits: [{ requests: 20, ms: 1_000 }], concurrency: 4, callers: 25, forMs: 15_000 }
    const callers = [startCaller({ ...common, interactiveEveryMs: 0 }), startCaller({ ...common, interactiveEveryMs: 400 })]
    const results = await Promise.all(callers.map((c) => c.result))
    const share = used(judge, { requests: 20, ms: 1_000 }, 14_000)
    const interactive = results[1]!.interactive
    const split = results.map((r) => r!.sent)
    console.log(`20/s, 4 at a time: ${(share * 100).toFixed(1)} % used, ${judge.over().length} too many, at most ${Math.max(...judge.arrivals.map((a) => a.underWay))} under way; interactive p95 ${percentile(interactive, 0.95).toFixed(0)} ms of ${interactive.length}; by process ${split.join(' and ')}, cpu ${results.map((r) => r!.cpuMs).join(' and ')} ms`)
    expect(judge.over()).toEqual([])
    expect(share).toBeGreaterThanOrEqual(0.9)
    expect(interactive.length).toBeGreaterThan(20)
    expect(percentile(interactive, 0.95)).toBeLessThan(2_000)
    expect(Math.min(...split) / Math.max(...split)).toBeGreaterThan(0.6)
  }, 60_000)
})
