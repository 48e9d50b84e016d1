import type { SimulatorConfig } from '../options.ts'
import { Times } from '../rate.ts'

/** One budget and the times of the requests that were let through, the last `requests` of them. */
interface Window {
  requests: number
  perMs: number
  times: Times
}

/** The budgets of the account: exact sliding windows and a cap on what is under way. */
export class Limits {
  readonly #config: SimulatorConfig
  #windows: Window[] = []
  #source: SimulatorConfig['limits'] | null = null

  constructor(config: SimulatorConfig) {
    this.#config = config
  }

  /**
   * Takes one request out of every budget, or none.
   * @param now milliseconds of a clock that never goes back; @param underWay data requests under way, this one included
   * @returns 0 when it may pass, else milliseconds until it could
   */
  take(now: number, underWay: number): number {
    const windows = this.#current()
    let wait = 0
    for (const w of windows) {
      if (w.times.size < w.requests) continue
      wait = Math.max(wait, w.times.fromEnd(w.requests - 1) + w.perMs - now)
    }
    // Nobody knows when a slot gets free: a second is what most APIs say.
    if (this.#config.concurrency > 0 && underWay > this.#config.concurrency) wait = Math.max(wait, 1000)
    if (wait > 0) return wait
    for (const w of windows) w.times.push(now)
    return 0
  }

  /** `X-RateLimit-*` of the tightest budget; empty without budgets. */
  headers(now: number): Record<string, string> {
    let tightest: { limit: number; remaining: number; reset: number } | null = null
    for (const w of this.#current()) {
      let used = 0
      while (used < w.times.size && w.times.fromEnd(used) > now - w.perMs) used++
      const remaining = w.requests - used
      if (tightest && tightest.remaining <= remaining) continue
      tightest = { limit: w.requests, remaining, reset: used === 0 ? 0 : Math.ceil((w.times.fromEnd(used - 1) + w.perMs - now) / 1000) }
    }
    if (!tightest) return {}
    return { 'X-RateLimit-Limit': `${tightest.limit}`, 'X-RateLimit-Remaining': `${tightest.remaining}`, 'X-RateLimit-Reset': `${tightest.reset}` }
  }

  #current(): Window[] {
    if (this.#source !== this.#config.limits) {
      this.#source = this.#config.limits
      this.#windows = this.#source.map((limit) => ({ ...limit, times: new Times(limit.requests) }))
    }
    return this.#windows
  }
}

/**
 * Retry-After for a wait, and how long it announces in milliseconds: rounded up, because whole seconds are all both forms can say.
 * @param wallMs the wall clock, for the date form
 */
export function retryAfter(form: SimulatorConfig['retryAfter'], waitMs: number, wallMs: number): { headers: Record<string, string>; announcedMs: number } {
  if (form === 'none') return { headers: {}, announcedMs: 0 }
  if (form === 'seconds') {
    const seconds = Math.ceil(waitMs / 1000)
    return { headers: { 'Retry-After': `${seconds}` }, announcedMs: seconds * 1000 }
  }
  const until = Math.ceil((wallMs + waitMs) / 1000) * 1000
  return { headers: { 'Retry-After': new Date(until).toUTCString() }, announcedMs: until - wallMs }
}
