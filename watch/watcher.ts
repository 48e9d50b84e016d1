import type { Logger } from 'pino'
import { durationMs } from '../model/duration.ts'
import { redactor } from '../model/redact/index.ts'
import type { Problem, WatchStore } from '../model/watch/index.ts'
import { projectEnvironment, sinkName } from '../project/index.ts'
import { deliverAlerts } from './deliver.ts'
import { look, type Check } from './look.ts'
import { databaseLost, type DatabaseLost } from './lost.ts'
import { ProjectReader } from './project.ts'

export interface WatcherOptions {
  store: WatchStore
  projectDir: string
  /** What is looked at beside the store. */
  checks: Check[]
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** How often everything is looked at, over all workers. Default: `health.every` of the project's settings, 1 min. */
  everyMs?: number
  /** After its start a worker leaves the machine to the runs for so long. Default 10 s. */
  firstMs?: number
}

/** Alerts that failed are due again within this time. */
const TICK_MS = 5_000
/** Bounds one look. */
const LOOK_MS = 60_000

/**
 * Looks at everything once in a while, opens and resolves problems, and delivers the alerts. Every worker runs one; the database gives
 * the turn to one of them, and none is needed in particular. Problems of the watch itself are logged and never stop a worker.
 */
export class Watcher {
  readonly #options: WatcherOptions
  readonly #project: ProjectReader
  readonly #stop = new AbortController()
  readonly #lost: DatabaseLost
  #timer: NodeJS.Timeout | null = null
  #working: Promise<void> = Promise.resolve()
  #lastError = ''

  constructor(options: WatcherOptions) {
    this.#options = options
    this.#project = new ProjectReader(options.projectDir)
    this.#lost = databaseLost(options.projectDir, this.#project, options.log)
  }

  start(): void {
    this.#schedule(this.#options.firstMs ?? 10_000)
  }

  #schedule(ms: number): void {
    if (this.#stop.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#working = this.tick().finally(() => this.#schedule(Math.min(TICK_MS, this.#options.everyMs ?? TICK_MS)))
    }, ms)
    this.#timer.unref()
  }

  /** One look, if it is this worker's turn, and what is due of the alerts. Never rejects. */
  async tick(): Promise<void> {
    const { store, projectDir, checks, log } = this.#options
    try {
      const project = await this.#project.read()
      const sinks = project.config.alerts
      if (await store.takeWatchTurn(this.#options.everyMs ?? durationMs(project.config.health.every))) {
        const found = await within(look(store, project, checks), LOOK_MS)
        const { opened, resolved } = await store.applyFindings(found, sinks.map((s) => ({ name: sinkName(s), severity: s.severity })))
        for (const p of opened) log[p.severity === 'error' ? 'error' : p.severity === 'warning' ? 'warn' : 'info'](fields(p), `Problem: ${p.what}`)
        for (const p of resolved) log.info(fields(p), `Resolved: ${p.what}`)
      }
      const { failed } = await deliverAlerts(store, sinks, projectEnvironment(projectDir), this.#stop.signal)
      if (failed > 0) log.warn({ failed }, 'Alerts could not be delivered; they are tried again')
      this.#lastError = ''
      await this.#lost.back()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      const message = redactor.text(error instanceof Error ? error.message : String(error))
      if (message !== this.#lastError) log.warn(`Health could not be looked at: ${message}`)
      this.#lastError = message
      await this.#lost.failed(error, this.#stop.signal)
    }
  }

  /** Ends it; an alert that is being sent is given up, and sent again by another worker. */
  async close(): Promise<void> {
    this.#stop.abort()
    if (this.#timer) clearTimeout(this.#timer)
    await this.#working.catch(() => undefined)
  }
}

function fields({ id, kind, sync, stream, connection }: Problem): Record<string, unknown> {
  return { problem: id, kind, ...(sync && { sync }), ...(stream && { stream }), ...(connection && { connection }) }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
