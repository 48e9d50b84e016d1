import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowFailedError, WorkflowNotFoundError, type Client, type WorkflowHandle } from '@temporalio/client'
import { IsthmusError } from '../model/errors.ts'
import type { LiveProgress, LogLine, RunSummary, Store } from '../model/ports.ts'
import type { RunReceipt, StreamProgress } from '../model/run.ts'
import { sentEvents, type EventOptions } from './events.ts'
import { decide, order, parkedReceipt, parkedStreams, type Operated } from './operate.ts'
import { patient, type Tell } from '../workers/patience.ts'

/** What `progress()` yields: the live state of each stream, and the receipt with the last one. */
export interface ProgressEvent {
  run: string
  /** `parked`: every stream that is still open waits for a person. */
  outcome: RunSummary['outcome']
  streams: LiveProgress[]
  receipt: RunReceipt | null
}

const POLL_MS = 250

/** One run of a sync: follow it, wait for it, cancel it. */
export class RunHandle {
  readonly run: string
  readonly sync: string
  readonly workflowId: string
  /** Address of the run in the Temporal UI; null when no UI is known. */
  readonly uiUrl: string | null
  readonly #store: Store
  readonly #client: Client
  readonly #workflow: WorkflowHandle
  readonly #temporalRunId: string | undefined

  constructor(store: Store, client: Client, summary: Pick<RunSummary, 'run' | 'sync' | 'workflowId' | 'temporalRunId'>, uiUrl: string | null) {
    this.run = summary.run
    this.sync = summary.sync
    this.workflowId = summary.workflowId
    this.uiUrl = uiUrl
    this.#store = store
    this.#client = client
    this.#temporalRunId = summary.temporalRunId || undefined
    this.#workflow = client.workflow.getHandle(summary.workflowId, this.#temporalRunId)
  }

  /** The run as the store knows it now; a run that Temporal ended without a receipt is shown as failed. */
  async status(): Promise<RunSummary> {
    const summary = await this.#store.getRun(this.run)
    if (!summary) throw new IsthmusError('NotFound', `there is no run "${this.run}"`, { cure: '`isthmus list` shows the runs' })
    if (summary.outcome !== 'running') return summary
    const parked = await this.#parked(await this.#store.progress(this.run))
    return parked ? { ...summary, outcome: 'parked', receipt: parked } : this.#reconcile(summary)
  }

  async #reconcile(summary: RunSummary): Promise<RunSummary> {
    const name = await this.#workflow.describe().then((d) => d.status.name, (error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return 'NOT_FOUND' as const
      throw error
    })
    if (name === 'RUNNING' || name === 'CONTINUED_AS_NEW') return summary
    // The receipt is written before the workflow closes: look once more before calling it lost.
    const again = await this.#store.getRun(this.run)
    if (again && again.outcome !== 'running') return again
    const how = name === 'NOT_FOUND' ? 'is no longer known to Temporal' : `ended as ${name.toLowerCase()} without a receipt`
    return { ...summary, outcome: name === 'CANCELLED' ? 'cancelled' : 'failed', error: summary.error ?? `the workflow ${how}` }
  }

  async #parked(streams: LiveProgress[]): Promise<RunReceipt | null> {
    return streams.some((s) => s.phase === 'parked') ? parkedReceipt(this.operated, this.#temporalRunId) : null
  }

  /** For decisions about parked streams. */
  get operated(): Operated {
    return { client: this.#client, run: this.run, workflowId: this.workflowId }
  }

  /** Type of the error that a parked stream waits for; null when it is not parked. */
  async parkedError(stream: string): Promise<string | null> {
    const progress = await this.#client.workflow.getHandle(`${this.workflowId}/${stream}`).query<StreamProgress>('progress').catch(() => null)
    return progress?.phase === 'parked' ? (progress.error?.type ?? '') : null
  }

  /** The live state of each stream. */
  live(): Promise<LiveProgress[]> {
    return this.#store.progress(this.run)
  }

  /**
   * Yields the state whenever it changed, until the run has ended or waits for a person (outcome `parked`). Stops early with the signal.
   * Rides over an outage of PostgreSQL or Temporal of up to a minute; `tell` hears of it.
   */
  async *progress(signal?: AbortSignal, tell?: Tell): AsyncGenerator<ProgressEvent> {
    let last = ''
    for (let poll = 0; ; poll += 1) {
      const event = await patient(() => this.#look(poll % 8 === 7), { tell, signal })
      const text = JSON.stringify(event)
      if (text !== last) yield event
      last = text
      if (event.outcome !== 'running' || signal?.aborted) return
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined)
      if (signal?.aborted) return
    }
  }

  /** Lines of the run's log, oldest first; with `follow` until the run has ended. */
  async *logs(options: { follow?: boolean; signal?: AbortSignal } = {}): AsyncGenerator<LogLine> {
    let after = 0
    for (;;) {
      const ended = (await this.status()).outcome !== 'running'
      for (;;) {
        const lines = await this.#store.logs(this.run, after)
        for (const { id, ...line } of lines) {
          after = id
          yield line
        }
        if (lines.length === 0) break
      }
      if (!options.follow || ended || options.signal?.aborted) return
      await sleep(500, undefined, { signal: options.signal }).catch(() => undefined)
    }
  }

  /** Some hundred lines of the log behind the one with the id `after`, oldest first; none when there are no more yet. */
  logsAfter(after = 0): Promise<(LogLine & { id: number })[]> {
    return this.#store.logs(this.run, after)
  }

  /**
   * The run as server-sent events, as texts: `progress`, then `end` or `error`, with comments as heartbeats. For any server:
   * `Readable.from(run.events({ signal })).pipe(response)`. Ends with the signal, and soon after its reader has gone.
   */
  events(options?: EventOptions): AsyncGenerator<string> {
    return sentEvents(this, options)
  }

  /** How the run stands; `closely`: Temporal is asked too. */
  async #look(closely: boolean): Promise<ProgressEvent> {
    const streams = await this.#store.progress(this.run)
    const summary = closely ? await this.status() : await this.#store.getRun(this.run)
    const parked = summary?.outcome === 'running' ? await this.#parked(streams) : null
    return { run: this.run, outcome: parked ? 'parked' : (summary?.outcome ?? 'running'), streams, receipt: parked ?? summary?.receipt ?? null }
  }

  /**
   * Waits for the end, or until every stream that is still open waits for a person (outcome `parked`; send it on with `retry`, `skip` or
   * `approve`). Outages of up to a minute are waited for. The receipt says how it went; nothing is thrown for a run that failed.
   */
  async result(tell?: Tell): Promise<RunReceipt> {
    for await (const event of this.progress(undefined, tell)) if (event.outcome === 'parked') return event.receipt!
    const summary = await patient(() => this.status(), { tell })
    if (summary.receipt) return summary.receipt
    throw new IsthmusError('Transient', `run ${this.run} ended without a receipt: ${summary.error ?? summary.outcome}`, { cure: `look at ${this.uiUrl ?? 'the run in the Temporal UI'}` })
  }

  /** Gives parked streams up (default: all of them); what is committed stays. Throws NotFound when none is parked. */
  skip(streams?: string[]): Promise<string[]> {
    return this.#decide('skip', streams)
  }

  /** Lets streams go on that stopped because their numbers are unusual. Throws NotFound, or InvalidInput when one waits for something else. */
  approve(streams?: string[]): Promise<string[]> {
    return this.#decide('approve', streams)
  }

  async #decide(update: 'skip' | 'approve', only: string[] | undefined): Promise<string[]> {
    const streams = await parkedStreams(this.operated, await this.live(), only)
    for (const stream of streams) await decide(this.operated, stream, update, [])
    return streams
  }

  /**
   * Holds the run: what was read is delivered, no more is read until `resume`. `note`: why, as others shall see it (at most 500 characters).
   * Throws NotFound when the run has ended.
   */
  async pause(note = ''): Promise<void> {
    await order(this.operated, this.#temporalRunId, 'pause', [{ note }])
  }

  /** Lets a paused run go on. Throws InvalidInput when it is not paused, NotFound when it has ended. */
  async resume(): Promise<void> {
    await order(this.operated, this.#temporalRunId, 'resume', [])
  }

  /** Asks the run to stop. What is committed stays; the next run goes on from there. */
  async cancel(): Promise<void> {
    await this.#workflow.cancel()
  }

  /** Waits until the run is over, also while it is parked. */
  async closed(): Promise<RunSummary> {
    await this.#workflow.result().catch((error: unknown) => {
      if (!(error instanceof WorkflowFailedError)) throw error
    })
    return this.status()
  }
}
