import { setTimeout as sleep } from 'node:timers/promises'
import type { Dev } from '../support/cli.ts'
import type { Source } from './source.ts'

const LOOK_MS = 15
/** The run makes no progress for this long: something is stuck. */
const STUCK_MS = 120_000

/** How far the sync is, seen from outside: the pages that the API has served. */
export class Progress {
  readonly #source: Source
  readonly #dev: Pick<Dev, 'query'>
  #ended = false

  constructor(source: Source, dev: Pick<Dev, 'query'>) {
    this.#source = source
    this.#dev = dev
  }

  /** The run is over: nobody need wait any longer. */
  end(): void {
    this.#ended = true
  }

  get ended(): boolean {
    return this.#ended
  }

  async pages(): Promise<number> {
    return (await this.#source.stats()).distinctDataUrls
  }

  /** Resolves with the pages served once there are `n` of them. Throws when the run ends before, or stands still for two minutes. */
  async reach(n: number): Promise<number> {
    let last = -1
    let since = Date.now()
    for (;;) {
      const now = await this.pages()
      if (now >= n) return now
      if (this.#ended) throw new Error(`the run ended after ${now} pages, before page ${n}`)
      if (now !== last) since = Date.now()
      last = now
      if (Date.now() - since > STUCK_MS) throw new Error(`no page since two minutes, ${now} were served`)
      await sleep(LOOK_MS)
    }
  }

  /** Waits for a transaction that loads rows, at most until `n` pages were served. */
  async posting(n: number): Promise<boolean> {
    while ((await this.pages()) < n && !this.#ended) {
      const rows = await this.#dev.query(`select 1 from pg_stat_activity where application_name ~ '^isthmus [0-9a-f]{24}$' and state <> 'idle' and query !~* '^(begin|commit)'`).catch(() => [])
      if (rows.length > 0) return true
      await sleep(3)
    }
    return false
  }
}
