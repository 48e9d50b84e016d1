import type { Answer } from './wire.ts'

/** Windows up to this long are soon free again: of these less room has to be left. */
const SHORT_MS = 10_000
/** Requests of backfills come at most so much slower than the tightest window allows. */
const SLOWER = { short: 1.25, long: 2 }

/**
 * What requests of backfills leave to the others of an account: one request at a time, and a part of each window, since places that are taken are missed by
 * whoever comes next. They are spaced evenly instead of using a window up.
 */
export class Room {
  readonly #most: number
  readonly #slower: number
  #using = 0
  #gapMs = 0
  /** Moment of the next one, of `performance.now()`. */
  at = -Infinity

  constructor({ concurrency, limits }: { concurrency: number; limits: { ms: number }[] }) {
    this.#most = Math.max(1, concurrency - 1)
    this.#slower = limits.some((l) => l.ms > SHORT_MS) ? SLOWER.long : SLOWER.short
  }

  /** How many may go now. */
  free(now: number): number {
    const slots = Math.max(0, this.#most - this.#using)
    return this.#gapMs === 0 ? slots : now >= this.at ? Math.min(1, slots) : 0
  }

  heard({ paced, gapMs, active }: Answer): void {
    this.#gapMs = paced ? gapMs * this.#slower * Math.max(1, active) : 0
  }

  enter(now: number): void {
    this.#using += 1
    this.at = Math.max(this.at, now - this.#gapMs) + this.#gapMs
  }

  leave(): void {
    this.#using -= 1
  }
}
