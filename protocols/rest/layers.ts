import type { Stream } from '../../model/index.ts'
import type { ReadOptions } from './types.ts'

/** A stream without them: the pages of one query. */
export const NO_LAYERS: Pick<Stream, 'parent' | 'window' | 'job' | 'nested'> = { parent: null, window: null, job: null, nested: [] }

/** What is left of a call's budget while a layer goes through many passes. */
export interface Spending {
  /** Requests sent so far. */
  readonly requests: number
  count(requests: number): void
  /** Another pass may be begun, while others are under way. */
  may(underWay?: number): boolean
  /** The options for the next pass, with what is left. */
  rest(): ReadOptions
}

export function spend(options: ReadOptions): Spending {
  const { budget, now = Date.now } = options
  let requests = 0
  let bytes = 0
  return {
    get requests() {
      return requests
    },
    count(more) {
      requests += more
    },
    may: (underWay = 0) => now() < budget.untilMs && requests + underWay < budget.requests && bytes < budget.bytes,
    rest: () => ({
      ...options,
      budget: { get untilMs() { return budget.untilMs }, requests: Math.max(1, budget.requests - requests), bytes: Math.max(1, budget.bytes - bytes) },
      onPage: async (page) => {
        bytes += page.body.length
        await options.onPage(page)
      },
    }),
  }
}
