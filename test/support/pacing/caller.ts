/** A process that sends requests through pacers, for tests: takes jobs as messages from its parent, answers each with what it counted. */
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Permit } from '../../../model/pacer.ts'
import { heardLimits } from '../../../protocols/http/rate-limits.ts'
import { parseRetryAfter } from '../../../protocols/http/retry-after.ts'
import { openStore } from '../../../store/index.ts'
import type { CallerResult } from './callers.ts'

export interface CallerOptions {
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

const store = await openStore(process.argv[2]!, { key: { id: '0123456789abcdef', secret: Buffer.alloc(32, 1) } })
const agent = new Agent({ connections: 64 })

async function run(o: CallerOptions): Promise<CallerResult> {
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  const counts = { sent: 0, sentAway: 0, errors: 0 }
  const interactive: number[] = []

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

  async function loop(stream: string, priority: 'bulk' | 'interactive', one: boolean): Promise<void> {
    const pacer = store.pacer({ account: o.account, limits: o.limits, concurrency: o.concurrency, stream, priority })
    const began = performance.now()
    while (!stop.signal.aborted) {
      const entry = await pacer.enter(stop.signal).catch((error: Error) => {
        if (error.name === 'AbortError') return null
        throw error
      })
      if (entry === null) return
      if ('release' in entry) {
        await call(entry, stream)
        if (one) return void interactive.push(performance.now() - began)
      } else {
        counts.sentAway++
        await sleep(Math.max(0, entry.untilMs - Date.now()), undefined, { signal: stop.signal }).catch(() => undefined)
      }
    }
  }

  setTimeout(() => stop.abort(), o.forMs)
  const all = Array.from({ length: o.callers }, (_, i) => loop(`${process.pid}-${i}`, 'bulk', false))
  const timer = o.interactiveEveryMs > 0 ? setInterval(() => all.push(loop('interactive', 'interactive', true)), o.interactiveEveryMs) : undefined
  stop.signal.addEventListener('abort', () => clearInterval(timer))
  await sleep(o.forMs)
  await Promise.all(all)
  return { ...counts, interactive }
}

process.on('message', ({ id, options }: { id: number; options: CallerOptions }) => {
  void run(options).then((result) => process.send!({ id, result }), (error: Error) => process.send!({ id, error: error.stack }))
})
process.on('disconnect', () => process.exit(0))
process.send!({ id: 0 })
