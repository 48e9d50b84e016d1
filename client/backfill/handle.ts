import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowFailedError, WorkflowNotFoundError, WorkflowUpdateFailedError, type Client, type WorkflowHandle } from '@temporalio/client'
import type { BackfillProgress, BackfillSummary, OpenWindow } from '../../model/backfill.ts'
import { IsthmusError } from '../../model/errors.ts'
import type { Store } from '../../model/ports.ts'
import type { StreamProgress } from '../../model/run.ts'
import type { BackfillOrderNow } from '../../workflows/messages.ts'
import { patient, type Tell } from '../../workers/patience.ts'
import { answered } from '../answered.ts'

/** What `progress()` yields: the backfill, and what its open windows have done so far. */
export interface BackfillEvent extends BackfillProgress {
  live: (OpenWindow & Pick<StreamProgress, 'phase' | 'counts' | 'wait'>)[]
}

const POLL_MS = 1_000
const ENDED = ['completed', 'skipped', 'cancelled', 'failed']

/** The phases in which a backfill is over. */
export function isEnded(phase: string): boolean {
  return ENDED.includes(phase)
}

export interface HandleParts {
  store: Store
  client: Client
  /** Address in the Temporal UI; null when no UI is known. */
  uiUrl: string | null
  /** The plan as it is now, saved together with the environment for the windows to come. */
  order(): Promise<BackfillOrderNow>
}

/** One backfill: follow it, pause it, change its speed. */
export class BackfillHandle {
  readonly id: string
  readonly sync: string
  readonly workflowId: string
  readonly uiUrl: string | null
  readonly #parts: HandleParts
  readonly #workflow: WorkflowHandle

  constructor(summary: Pick<BackfillSummary, 'id' | 'sync' | 'workflowId' | 'temporalRunId'>, parts: HandleParts) {
    this.id = summary.id
    this.sync = summary.sync
    this.workflowId = summary.workflowId
    this.uiUrl = parts.uiUrl
    this.#parts = parts
    // The newest run: it continues as new.
    this.#workflow = parts.client.workflow.getHandle(summary.workflowId, undefined, summary.temporalRunId ? { firstExecutionRunId: summary.temporalRunId } : {})
  }

  /** How it stands now. Throws Transient when no worker can be asked and nothing was written down yet, or it was sent on since. */
  async status(): Promise<BackfillProgress> {
    const summary = await this.#parts.store.getBackfill(this.id)
    if (!summary) throw new IsthmusError('NotFound', `there is no backfill "${this.id}"`, { cure: '`isthmus backfill list` shows them' })
    if (summary.outcome !== 'running' && summary.progress) return summary.progress
    const { status, phase } = await this.#describe()
    if (status === 'RUNNING' || status === 'CONTINUED_AS_NEW') {
      return this.#workflow.query<BackfillProgress>('progress').catch((error: unknown) => {
        // What was written down when it was paused is of no use once it was sent on.
        if (summary.progress && (phase === null || phase === summary.progress.phase)) return summary.progress
        throw new IsthmusError('Transient', `the backfill ${this.id} cannot be asked: no worker answers`, { cure: 'start `isthmus dev` or `isthmus worker`', cause: error })
      })
    }
    // What it came to is written just before it closes.
    const again = await this.#parts.store.getBackfill(this.id)
    if (again?.outcome !== 'running' && again?.progress) return again.progress
    const last = again?.progress ?? summary.progress
    if (last) return { ...last, phase: status === 'CANCELLED' ? 'cancelled' : 'failed', open: [], eta: null }
    throw new IsthmusError('Transient', `the backfill ${this.id} ended as ${status.toLowerCase()} before anything was written down`)
  }

  /** `phase` is what Temporal knows without a worker; null where the server has no such search attribute. */
  async #describe(): Promise<{ status: string; runId: string; phase: string | null }> {
    return this.#workflow.describe().then((d) => ({ status: d.status.name as string, runId: d.runId, phase: (d.searchAttributes?.IsthmusPhase?.[0] as string | undefined) ?? null }), (error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return { status: 'NOT_FOUND', runId: '', phase: null }
      throw error
    })
  }

  /** Yields how it stands whenever that has changed, until it has ended or, with `untilIdle`, waits for a person. Outages of up to a minute are waited for. */
  async *progress(options: { signal?: AbortSignal; tell?: Tell; untilIdle?: boolean } = {}): AsyncGenerator<BackfillEvent> {
    const { signal, tell, untilIdle = false } = options
    for (let last = ''; ; ) {
      const event = await patient(() => this.#look(), { tell, signal })
      const text = JSON.stringify({ ...event, activeMs: 0, eta: null, rate: null })
      if (text !== last) yield event
      last = text
      if (isEnded(event.phase) || signal?.aborted || (untilIdle && (event.phase === 'paused' || event.phase === 'stopped'))) return
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined)
      if (signal?.aborted) return
    }
  }

  async #look(): Promise<BackfillEvent> {
    const progress = await this.status()
    const live = await Promise.all(progress.open.map(async (w) => {
      const one = await this.#parts.client.workflow.getHandle(w.workflowId).query<StreamProgress>('progress').catch(() => null)
      return one && { ...w, phase: one.phase, counts: one.counts, wait: one.wait }
    }))
    return { ...progress, live: live.filter((w) => w !== null) }
  }

  /** Ends what is under way at the next whole chunk, begins nothing more, and returns when nothing is under way. `note` says why. */
  async pause(note = ''): Promise<BackfillProgress> {
    const before = await this.#describe()
    const progress = await this.#update('pause', [note.slice(0, 300)])
    // It goes over into a run without history: only then it outlives any change of the workers.
    for (const end = Date.now() + 15_000; Date.now() < end; await sleep(100)) {
      const now = await this.#describe()
      if (now.runId !== before.runId || now.status !== 'RUNNING') break
      // It was paused already.
      if ((await this.#parts.client.workflow.getHandle(this.workflowId, now.runId).describe()).historyLength < 12) break
    }
    return progress
  }

  /** Goes on, with the sync and the environment as they are now. Throws InvalidInput when it is not paused. */
  async resume(): Promise<BackfillProgress> {
    return this.#update('resume', [await this.#parts.order()])
  }

  /** Windows read at once, 1 to 32, from now on. */
  setConcurrency(n: number): Promise<BackfillProgress> {
    return this.#update('setConcurrency', [n])
  }

  /** Begins the windows again that stopped, with the sync and the environment as they are now. Throws InvalidInput when none has. */
  async retry(): Promise<BackfillProgress> {
    return this.#update('retry', [await this.#parts.order()])
  }

  /** Gives the windows up that stopped. Throws InvalidInput when none has. */
  skip(): Promise<BackfillProgress> {
    return this.#update('skip', [])
  }

  async #update(name: string, args: unknown[]): Promise<BackfillProgress> {
    try {
      return await answered(this.#parts.client, () => this.#workflow.executeUpdate<BackfillProgress, [unknown]>(name, { args: args as [unknown] }))
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError) throw new IsthmusError('InvalidInput', (error.cause ?? error).message, { cure: `\`isthmus backfill status ${this.id}\` shows how it stands` })
      if (error instanceof WorkflowNotFoundError) throw new IsthmusError('NotFound', `the backfill ${this.id} has ended`, { cure: `\`isthmus backfill status ${this.id}\` shows how` })
      throw error
    }
  }

  /** Stops it. Rows that are written stay; another backfill of the range reads all of it again. */
  async cancel(): Promise<void> {
    await this.#workflow.cancel()
  }

  /** Waits for its end and gives how it stood; nothing is thrown for one that was cancelled. */
  async result(tell?: Tell): Promise<BackfillProgress> {
    for (;;) {
      try {
        return await patient(() => this.#workflow.result() as Promise<BackfillProgress>, { tell })
      } catch (error) {
        if (error instanceof WorkflowFailedError) return this.status()
        throw error
      }
    }
  }
}
