import type { IncomingMessage } from 'node:http'
import type { Answer } from './http/answer.ts'
import { errorAnswer } from './http/answer.ts'
import { refuse } from './http/auth.ts'
import type { Limits } from './http/limits.ts'
import { retryAfter } from './http/limits.ts'
import type { OAuthDeps } from './oauth/endpoint.ts'
import type { SimulatorConfig } from './options.ts'

/** A refusal at the door, and how long its Retry-After says in milliseconds. */
export interface Denied {
  answer: Answer
  announcedMs: number
}

/** Decides whether a data request may pass: first who asks, then the one forced 429, then the budgets. */
export class Gate {
  readonly #deps: OAuthDeps
  readonly #limits: Limits
  #fired: SimulatorConfig['throttleOnce'] = null

  constructor(deps: OAuthDeps, limits: Limits) {
    this.#deps = deps
    this.#limits = limits
  }

  /** @param number of the data request; @param now when it arrived; @param underWay admitted requests that are not answered yet */
  async check(req: IncomingMessage, params: URLSearchParams, number: number, now: number, underWay: () => number): Promise<Denied | null> {
    const refused = await refuse(req, params, this.#deps)
    if (refused) return { answer: refused, announcedMs: 0 }
    const { config } = this.#deps
    const once = config.throttleOnce
    if (once && once !== this.#fired && number >= once.atRequest) {
      this.#fired = once
      return tooMany(config, once.retryAfterSeconds * 1000, {})
    }
    const wait = this.#limits.take(now, underWay() + 1)
    return wait > 0 ? tooMany(config, wait, config.rateLimitHeaders ? this.#limits.headers(now) : {}) : null
  }
}

function tooMany(config: SimulatorConfig, waitMs: number, more: Record<string, string>): Denied {
  const { headers, announcedMs } = retryAfter(config.retryAfter, waitMs, Date.now())
  return { answer: errorAnswer(429, 'too_many_requests', 'the budget of this account is used up', { ...headers, ...more }), announcedMs }
}
