import { setTimeout as sleep } from 'node:timers/promises'
import { IsthmusError } from '../model/errors.ts'
import type { AlertView, Problem, WatchStore } from '../model/watch/index.ts'
import { loadProjectConfig, sinkName, type Environment } from '../project/index.ts'
import { deliverAlerts } from '../watch/index.ts'
import { limitOf } from './limit.ts'

/** Problems and the alerts that told of them. */
export class Alerts {
  readonly #projectDir: string
  readonly #environment: () => Environment
  readonly #store: () => Promise<WatchStore>

  constructor(projectDir: string, environment: () => Environment, store: () => Promise<WatchStore>) {
    this.#projectDir = projectDir
    this.#environment = environment
    this.#store = store
  }

  /** Problems, the open ones first, then newest first; 50 by default. */
  async problems(filter: { open?: boolean; limit?: number } = {}): Promise<Problem[]> {
    return (await this.#store()).problems({ open: filter.open ?? false, limit: limitOf(filter.limit ?? 50) })
  }

  /** Alerts that were or will be sent, newest first; 50 by default. */
  async list(filter: { limit?: number } = {}): Promise<AlertView[]> {
    return (await this.#store()).alerts({ limit: limitOf(filter.limit ?? 50) })
  }

  /**
   * Sends a test to every sink of `isthmus.config.ts`, through the same queue as all alerts, and waits at most `waitMs` (20 s) for what becomes of it.
   * Throws NotFound when the project names no sinks.
   */
  async test(options: { waitMs?: number; signal?: AbortSignal } = {}): Promise<AlertView[]> {
    const { alerts: sinks } = await loadProjectConfig(this.#projectDir)
    if (sinks.length === 0) throw new IsthmusError('NotFound', 'the project names no place for alerts', { file: 'isthmus.config.ts', field: 'alerts', cure: "write export default defineProject({ alerts: [slack({ url: env('SLACK_URL') })] })" })
    const store = await this.#store()
    const signal = options.signal ?? AbortSignal.timeout(options.waitMs ?? 20_000)
    const ids = await store.testAlerts(sinks.map(sinkName))
    const until = Date.now() + (options.waitMs ?? 20_000)
    await deliverAlerts(store, sinks, this.#environment(), signal)
    for (;;) {
      const views = await store.alerts({ ids, limit: ids.length })
      // A worker may have taken one; a failure is told after the first try.
      if (views.every((v) => v.state !== 'pending' || v.error !== '') || signal.aborted || Date.now() > until) return views
      await sleep(200)
    }
  }
}
