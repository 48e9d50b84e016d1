import { setTimeout as sleep } from 'node:timers/promises'

/** A run's own steps have gaps: the way from one to the next through Temporal. Shorter ones are no reason to begin. */
const QUIET_MS = 1_000
/** While runs work, steps of backfills go on one at a time, this far apart: they never stop for ever. */
const APART_MS = 1_000
const LOOK_MS = 50

/** Lets the steps of runs go before those of backfills, in this process. */
export class Lanes {
  #live = 0
  #quietSince = -Infinity
  #nextAt = -Infinity

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

  /** Waits until no run is at work here, or until it is this step's turn all the same. Throws the reason of `signal`. */
  async giveWay(signal: AbortSignal): Promise<void> {
    for (let mine: number | null = null; ; ) {
      signal.throwIfAborted()
      const now = performance.now()
      if (this.#live === 0 && now - this.#quietSince > QUIET_MS) return
      mine ??= this.#nextAt = Math.max(this.#nextAt, now) + APART_MS
      if (now >= mine) return
      await sleep(Math.min(LOOK_MS, mine - now), undefined, { signal }).catch(() => undefined)
    }
  }
}
