import type { HeardLimits, RequestEnd } from '../../model/pacer.ts'
import type { Use } from './permit.ts'
import type { Costs } from './wire.ts'

const REMEMBERED = 1_000
/** A dearer query of a stream (its parents, the rest of a list) is remembered for a while. */
const FADES = 0.9

/** What requests of an account cost, where answers tell that (GraphQL), and what the database has not been told of it yet. */
export class Points {
  /** The account has a bucket. */
  #known = false
  readonly #each = new Map<string, number>()
  #heard: { cost: NonNullable<HeardLimits['cost']>; at: number } | null = null
  #ended: [number, number][] = []

  get pending(): boolean {
    return this.#heard !== null || this.#ended.length > 0
  }

  /** The database says that there is a bucket. */
  know(): void {
    this.#known = true
  }

  /** Notes the end of a request. Gives whether the database should hear of it at once: the bucket is news to it. */
  add({ n, stream, endedAt }: Use, end: RequestEnd, heard: HeardLimits | null): boolean {
    const cost = heard?.cost
    if (cost) {
      this.#heard = { cost, at: endedAt }
      this.#each.set(stream, Math.max(cost.requested, (this.#each.get(stream) ?? 0) * FADES))
      const oldest = this.#each.keys().next().value
      if (this.#each.size > REMEMBERED && oldest !== undefined) this.#each.delete(oldest)
    }
    const news = cost !== undefined && !this.#known
    if (cost) this.#known = true
    // What came of a request without an answer is not known: its points count as taken.
    const took = end.kind === 'unused' || end.kind === 'throttled' ? 0 : end.kind === 'ok' ? cost?.actual : undefined
    if (this.#known && n !== null && took !== undefined) this.#ended.push([n, took])
    return news
  }

  /** The most that one of these streams needs; undefined when that of one is not known. */
  cost(streams: Iterable<string>): number | undefined {
    let most: number | undefined
    for (const stream of streams) {
      const one = this.#each.get(stream)
      if (one === undefined) return undefined
      most = Math.max(most ?? 0, one)
    }
    return most
  }

  /** What is to be told now; `back` puts it back when nobody heard it. */
  take(): { costs: Costs | undefined; back(): void } {
    const heard = this.#heard
    const ended = this.#ended
    this.#heard = null
    this.#ended = []
    if (heard === null && ended.length === 0) return { costs: undefined, back: () => {} }
    const cost = heard?.cost
    return {
      costs: {
        ...(cost && { max: cost.max, rate: cost.rate, need: cost.requested, available: Math.min(cost.max, cost.available + ((performance.now() - heard!.at) / 1000) * cost.rate) }),
        ...(ended.length > 0 && { ended }),
      },
      back: () => {
        this.#heard ??= heard
        this.#ended = [...ended, ...this.#ended].slice(-1_000)
      },
    }
  }
}
