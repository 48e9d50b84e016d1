import type { ActivityDeps } from './deps.ts'

/** Raw pages are kept this long, so that a mapping can be changed and applied again. */
const KEEP_RAW_MS = 7 * 86_400_000
/** Rejects that were delivered, dropped or superseded; open ones are kept. */
const KEEP_REJECTS_MS = 90 * 86_400_000
/** What is kept for days need not be looked through at the end of each run: that takes longer the more runs there were. */
const EVERY_MS = 3_600_000

/** Removes what was kept long enough: behind the first run that ends in this process, then at most once an hour. */
export class Sweep {
  readonly #deps: Pick<ActivityDeps, 'stage' | 'store'>
  readonly #now: () => number
  #next = -Infinity

  constructor(deps: Pick<ActivityDeps, 'stage' | 'store'>, now: () => number = () => performance.now()) {
    this.#deps = deps
    this.#now = now
  }

  /** Whether it was time. One that fails is done again behind the next run. */
  async due(): Promise<boolean> {
    const now = this.#now()
    if (now < this.#next) return false
    const before = this.#next
    this.#next = now + EVERY_MS
    try {
      await this.#deps.stage.purge(KEEP_RAW_MS)
      await this.#deps.store.purgeRejects(KEEP_REJECTS_MS)
      await this.#deps.store.purgeRemaps(KEEP_RAW_MS)
    } catch (error) {
      this.#next = before
      throw error
    }
    return true
  }
}
