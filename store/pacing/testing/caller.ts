/** A process that sends requests through the pacer of an account, for tests: `node --import jiti/register caller.ts '<json>'`. Ends with one JSON line. */
import { Agent, request } from 'undici'
import type { Permit } from '../../../model/pacer.ts'
import { heardLimits } from '../../../protocols/http/rate-limits.ts'
import { parseRetryAfter } from '../../../protocols/http/retry-after.ts'
import { openStore } from '../../index.ts'

export interface CallerOptions {
  databaseUrl: string
  url: string
  account: string
  limits: { requests: number; ms: number }[]
  concurrency: number
  /** Bulk callers, each a stream of its own that asks again and again. */
  callers: number
  /** One interactive call about every so many ms; 0 for none. */
  interactiveEveryMs: number
  forMs: number
}

const o = JSON.parse(process.argv[2]!) as CallerOptions
const store = await openStore(o.databaseUrl, { key: { id: '0123456789abcdef', secret: Buffer.alloc(32, 1) } })
const agent = new Agent({ connections: 64 })
const stop = new AbortController()
const counts = { sent: 0, sentAway: 0, errors: 0 }
const interactive: number[] = []
const closedReasons: Record<string, number> = {}

async function call(permit: Permit, who: string): Promise<void> {
  permit.sent()
  counts.sent++
  try {
    const res = await request(`${o.url}/?who=${who}`, { dispatcher: agent })
    await res.body.dump()
    const headers = res.headers as Record<string, string>
    const heard = heardLimits(headers, Date.now())
    if (res.statusCode === 429) await permit.release({ kind: 'throttled', untilMs: parseRetryAfter(headers['retry-after'], Date.now()), reason: 'HTTP 429' }, heard)
    else if (res.statusCode >= 500) await permit.release({ kind: 'failed', type: 'Transient', reason: `HTTP ${res.statusCode}` }, heard)
    else await permit.release({ kind: 'ok' }, heard)
  } catch (error) {
    counts.errors++
    await permit.release({ kind: 'failed', type: 'Unreachable', reason: (error as Error).message })
  }
}

async function loop(stream: string, priority: 'bulk' | 'interactive', once: boolean): Promise<void> {
  const pacer = store.pacer({ account: o.account, limits: o.limits, concurrency: o.concurrency, stream, priority })
  const began = performance.now()
  while (!stop.signal.aborted) {
    try {
      const entry = await pacer.enter(stop.signal)
      if ('release' in entry) {
        await call(entry, stream)
        if (once) return void interactive.push(performance.now() - began)
      } else {
        counts.sentAway++
        closedReasons[entry.reason] = (closedReasons[entry.reason] ?? 0) + 1
        await new Promise((done) => {
          const timer = setTimeout(done, entry.untilMs - Date.now())
          stop.signal.addEventListener('abort', () => (clearTimeout(timer), done(null)), { once: true })
        })
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error
    }
  }
}

const cpu = process.cpuUsage()
setTimeout(() => stop.abort(), o.forMs)
process.stdout.write('ready\n')
const all = Array.from({ length: o.callers }, (_, i) => loop(`${process.pid}-${i}`, 'bulk', false))
if (o.interactiveEveryMs > 0) {
  const timer = setInterval(() => void loop('interactive', 'interactive', true).catch(() => undefined), o.interactiveEveryMs)
  stop.signal.addEventListener('abort', () => clearInterval(timer))
}
await Promise.all(all)
await store.close()
await agent.close()
process.stdout.write(`${JSON.stringify({ ...counts, interactive, closedReasons, cpuMs: Math.round((process.cpuUsage(cpu).user + process.cpuUsage(cpu).system) / 1000) })}\n`)
