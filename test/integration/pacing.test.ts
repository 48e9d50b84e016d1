import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { openStore } from '../../store/index.ts'
import { startCaller, type Caller, type CallerResult } from '../support/pacing/callers.ts'
import { startJudge, type Judge, type JudgeOptions } from '../support/pacing/judge.ts'

/** Processes against an API that keeps its limits strictly. Oracle: the API's own log of arrivals. */
let database: TestDatabase
let db: pg.Pool
let callers: Caller[] = []
const judges: Judge[] = []
beforeAll(async () => {
  database = await testDatabase()
  const store = await openStore(database.url, { key: { id: '0123456789abcdef', secret: Buffer.alloc(32, 1) } })
  await store.migrate()
  await store.close()
  db = new pg.Pool({ connectionString: database.url, max: 2 })
  db.on('error', () => {})
  callers = await Promise.all([1, 2, 3].map(() => startCaller(database.url)))
})
afterAll(async () => {
  await Promise.all([...judges.map((j) => j.close()), ...callers.map((c) => c.kill())])
  await db?.end()
  await database?.close()
})

let accounts = 0
interface Scene {
  judge: Judge
  account: string
  /** Runs the same in both processes. */
  both(callers: [number, number], forMs: number, interactiveEveryMs?: number): Promise<CallerResult[]>
  one(caller: Caller, count: number, forMs: number, interactiveEveryMs?: number): Promise<CallerResult>
}

/** An API with its account; `declared` limits are what the callers know. */
async function scene(options: JudgeOptions, declared: JudgeOptions['limits'] = options.limits ?? [], concurrency = 4): Promise<Scene> {
  const judge = await startJudge(options)
  judges.push(judge)
  const account = `account ${++accounts}`
  const one: Scene['one'] = (caller, count, forMs, interactiveEveryMs = 0) => caller.run({ url: judge.url, account, limits: declared, concurrency, callers: count, interactiveEveryMs, forMs })
  return { judge, account, one, both: (count, forMs, every) => Promise.all([one(callers[0]!, count[0], forMs), one(callers[1]!, count[1], forMs, every)]) }
}

const percentile = (list: number[], p: number): number => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))] ?? 0

/** Arrivals let in, from the first on, as a share of what the window allows in that time. */
function used(j: Judge, { requests, ms }: { requests: number; ms: number }, forMs: number): number {
  const let_in = j.arrivals.filter((a) => a.status !== 429)
  const begin = let_in[0]!.atMs
  return let_in.filter((a) => a.atMs < begin + forMs).length / (requests * (forMs / ms))
}

const once = { retry: 1, timeout: 60_000 }

describe('windows and slots over processes', () => {
  it('20 a second and 4 at a time: none too many, at least 90 % used, interactive calls within 2 s', once, async () => {
    const limits = [{ requests: 20, ms: 1_000 }]
    const { judge, both } = await scene({ limits, cap: 4, latencyMs: 60 })
    const results = await both([25, 25], 11_000, 400)
    const share = used(judge, limits[0]!, 10_000)
    const { interactive } = results[1]!
    const split = results.map((r) => r.sent)
    console.log(`20/s, 4 at a time: ${(share * 100).toFixed(1)} % used, ${judge.over().length} too many, at most ${Math.max(...judge.arrivals.map((a) => a.underWay))} under way; interactive p95 ${percentile(interactive, 0.95).toFixed(0)} ms of ${interactive.length}; by process ${split.join(' and ')}`)
    expect(judge.over()).toEqual([])
    expect(share).toBeGreaterThanOrEqual(0.9)
    expect(interactive.length).toBeGreaterThan(20)
    expect(percentile(interactive, 0.95)).toBeLessThan(2_000)
    expect(Math.min(...split) / Math.max(...split)).toBeGreaterThan(0.6)
  })
})

describe.concurrent('with many accounts at once', () => {
  it('7 a second at an API that answers at once: none too many, at least 90 % used', once, async () => {
    const limits = [{ requests: 7, ms: 1_000 }]
    const { judge, both } = await scene({ limits, latencyMs: 0 }, limits, 8)
    await both([3, 12], 10_000)
    const share = used(judge, limits[0]!, 9_000)
    console.log(`7/s: ${(share * 100).toFixed(1)} % used, ${judge.over().length} too many`)
    expect(judge.over()).toEqual([])
    expect(share).toBeGreaterThanOrEqual(0.9)
  })

  it('a process that is killed frees its slots, and its requests stay counted', once, async () => {
    const limits = [{ requests: 12, ms: 1_000 }]
    const { judge, one } = await scene({ limits, cap: 4, latencyMs: 300 })
    const dies = callers[2]!
    const lives = callers[0]!
    const [dead, lived] = [one(dies, 4, 9_000).catch((error: Error) => error.message), one(lives, 4, 9_000)]
    await sleep(2_500)
    const of = (c: Caller, from = 0) => judge.arrivals.filter((a) => a.atMs > from && a.who.startsWith(`${c.pid}-`))
    expect([of(dies).length, of(lives).length].every((n) => n > 3)).toBe(true)
    await dies.kill()
    const killed = performance.now()
    callers[2] = await startCaller(database.url)
    expect(await dead).toBe('the caller is gone')
    await lived
    const first = of(lives, killed).find((a) => a.underWay === 4)
    console.log(`killed: all slots in use again after ${((first?.atMs ?? NaN) - killed).toFixed(0)} ms`)
    expect(first!.atMs - killed).toBeLessThan(4_000)
    expect(judge.over()).toEqual([])
  })

  it('limits nobody declared are learnt from headers, with the first answers', once, async () => {
    const limit = { requests: 10, ms: 1_000 }
    const { judge, both } = await scene({
      limits: [limit], latencyMs: 20,
      answer: (_req, res, usedIn) => {
        res.writeHead(200, { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': String(10 - usedIn(1_000)), 'x-ratelimit-reset': '1' }).end('{}')
        return true
      },
    }, [])
    await both([6, 6], 9_000)
    const begin = judge.arrivals[0]!.atMs
    const share = used(judge, limit, 8_000)
    console.log(`learnt 10/s: ${(share * 100).toFixed(1)} % used, ${judge.over().length} too many`)
    expect(judge.over().filter((a) => a.atMs > begin + 1_000)).toEqual([])
    expect(judge.over().length).toBeLessThanOrEqual(4)
    expect(share).toBeGreaterThan(0.7)
  })

  it('a pause that one process was told is kept by all, to its end', once, async () => {
    const closed: [number, number][] = []
    const { judge, both } = await scene({
      latencyMs: 10,
      answer: (_req, res) => {
        if (judge.arrivals.length < 40 * (closed.length + 1) || closed.length >= 2) return false
        closed.push([performance.now(), performance.now() + 2_000])
        res.writeHead(429, { 'retry-after': '2' }).end('{}')
        return true
      },
    })
    await both([5, 5], 9_000)
    // What was on its way, or already let through, when the answer went out.
    const during = closed.map(([a, b]) => judge.arrivals.filter((x) => x.atMs > a + 200 && x.atMs < b).length)
    const after = closed.map(([, b]) => (judge.arrivals.find((x) => x.atMs >= b)?.atMs ?? NaN) - b)
    console.log(`pauses: ${during.join(' and ')} requests inside, the next ${after.map((ms) => ms.toFixed(0)).join(' and ')} ms after the end`)
    expect(closed).toHaveLength(2)
    expect(during).toEqual([0, 0])
    expect(after[0]!).toBeLessThan(500)
  })

  it('refusals without a word lead to pauses that grow', once, async () => {
    const { judge, both } = await scene({ latencyMs: 5, answer: (_req, res) => (res.writeHead(429).end('{}'), true) })
    await both([4, 4], 9_000)
    const at = judge.arrivals.map((a) => a.atMs)
    const gaps = at.slice(1).map((t, i) => t - at[i]!).filter((g) => g > 500)
    console.log(`silent 429s: ${at.length} requests, pauses of ${gaps.map((g) => g.toFixed(0)).join(', ')} ms`)
    expect(at.length).toBeLessThanOrEqual(4 * (gaps.length + 1))
    expect(gaps.length).toBeGreaterThanOrEqual(2)
    expect(gaps[1]!).toBeGreaterThan(gaps[0]!)
  })

  it('an outage opens the breaker once: nothing is sent but a probe at a time, and all go on when one is answered', once, async () => {
    let broken = true
    const { judge, account, both } = await scene({ latencyMs: 20, answer: (_req, res) => broken && (res.writeHead(503).end('{}'), true) })
    const running = both([5, 5], 12_000)
    await sleep(5_000)
    broken = false
    const healed = performance.now()
    await running
    const bad = judge.arrivals.filter((a) => a.status === 503)
    const good = judge.arrivals.filter((a) => a.status === 200)
    const probes = bad.filter((a) => a.atMs > bad[0]!.atMs + 1_500)
    const { rows } = await db.query('select opening::int, open_until, failures from isthmus.accounts where account = $1', [account])
    console.log(`outage: ${bad.length} requests failed, ${probes.length} of them probes; answers again ${(good[0]!.atMs - healed).toFixed(0)} ms after the end, then ${good.length} more`)
    expect(rows[0]).toEqual({ opening: 1, open_until: null, failures: 0 })
    // Five that open it, and what was under way then.
    expect(bad.length - probes.length).toBeLessThanOrEqual(5 + 4)
    expect(probes.length).toBeGreaterThanOrEqual(1)
    expect(probes.length).toBeLessThanOrEqual(3)
    expect(probes.every((a) => a.underWay === 1)).toBe(true)
    expect(good[0]!.underWay).toBe(1)
    expect(good.length).toBeGreaterThan(50)
  })
})
