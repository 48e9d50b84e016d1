import { setTimeout as sleep } from 'node:timers/promises'

/** A run's own steps have gaps: the way from one to the next through Temporal. Shorter ones are no reason to begin. */
const QUIET_MS = 1_000
/** While runs work, steps of backfills go on one at a time, this far apart: they never stop for ever. */
const APART_MS = 2_000
const LOOK_MS = 50
/** What the database says of runs elsewhere is asked for so often, while a backfill works. */
const ASK_MS = 400

/** Lets the steps of runs go before those of backfills: of runs in this process, and of those that any process has begun. */
export class Lanes {
  readonly #busy: () => Promise<boolean>
  #live = 0
  #quietSince = -Infinity
  #nextAt = -Infinity
  #askedAt = -Infinity
  #answer: Promise<boolean> = Promise.resolve(false)

  /** @param busy whether a run is at work somewhere; one that cannot be asked counts as none. */
  constructor(busy: () => Promise<boolean>) {
    this.#busy = busy
  }

  /** Runs a step of a run. */
  async live<R>(work: () => Promise<R>): Promise<R> {
    this.#live += 1
    try {
      return await work()
    } finally {
      this.#live -= 1
      this.#quietSince = performance.now()
    }
  }

  /** Waits until no run is at work, or until it is this step's turn all the same. Throws the reason of `signal`. */
  async giveWay(signal: AbortSignal): Promise<void> {
    for (let mine: number | null = null; ; ) {
      signal.throwIfAborted()
      if (!(await this.#runs())) return
      const now = performance.now()
      mine ??= this.#nextAt = Math.max(this.#nextAt, now) + APART_MS
      if (now >= mine) return
      await sleep(Math.min(LOOK_MS, mine - now), undefined, { signal }).catch(() => undefined)
    }
  }

  async #runs(): Promise<boolean> {
    const now = performance.now()
    if (this.#live > 0 || now - this.#quietSince <= QUIET_MS) return true
    if (now - this.#askedAt > ASK_MS) {
      this.#askedAt = now
      this.#answer = this.#busy().catch(() => false)
    }
    return this.#answer
  }
}
