import { WorkflowExecutionAlreadyStartedError, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/client'
import type { BackfillSummary } from '../../model/backfill.ts'
import { IsthmusError } from '../../model/errors.ts'
import type { Plan } from '../../model/plan.ts'
import { tableName } from '../../model/table-name.ts'
import { loadSync, requireEnvironment, type Environment, type LoadedSync } from '../../project/index.ts'
import type { backfill as backfillWorkflow } from '../../workflows/backfill.ts'
import type { BackfillInput } from '../../workflows/backfill-state.ts'
import type { BackfillOrderNow } from '../../workflows/messages.ts'
import { begin, MayHaveBegun } from '../begun.ts'
import { newRunId, uiUrl } from '../ids.ts'
import { selectStreams, type Opened } from '../isthmus.ts'
import { limitOf } from '../limit.ts'
import { patient } from '../../workers/patience.ts'
import { estimateBackfill, type BackfillEstimate } from './estimate.ts'
import { BackfillHandle, isEnded } from './handle.ts'
import { look } from './look.ts'
import { backfillWorkflowId, specOf, type BackfillOptions } from './spec.ts'
import { TASK_QUEUE } from '../../workers/queues.ts'

/** As in workflows/backfill.ts: runs go first. */
const LOW = { priorityKey: 5, fairnessKey: 'backfill' }

export interface BackfillStartOptions extends BackfillOptions {
  /** Look at destination, credentials and a few windows before anything is started. Default true. */
  check?: boolean
  /** Gives up before it is started. */
  signal?: AbortSignal
}

/** Reading history: ranges of time, window by window, beside the runs of a sync. */
export class Backfills {
  readonly #projectDir: string
  readonly #environment: () => Environment
  readonly #connect: () => Promise<Opened>

  constructor(projectDir: string, environment: () => Environment, connect: () => Promise<Opened>) {
    this.#projectDir = projectDir
    this.#environment = environment
    this.#connect = connect
  }

  /** What a backfill would cost, from a look into a few windows: a handful of requests, nothing is written. Throws what `start` would throw. */
  async estimate(id: string, options: BackfillStartOptions): Promise<BackfillEstimate> {
    const { loaded, plan, spec, concurrency } = await this.#load(id, options)
    const { store, databaseUrl, owner } = await this.#connect()
    const asking = newRunId()
    const environment = requireEnvironment(plan, this.#environment())
    if (options.check === false) return estimateBackfill(plan, spec, concurrency, [])
    try {
      // Who refreshes tokens finds plan and credentials there.
      await store.savePlan(loaded.plan)
      await store.saveSettings(`run/${asking}`, environment)
      return estimateBackfill(plan, spec, concurrency, await look({ ...loaded, plan }, spec, { id: asking, environment, store, databaseUrl, owner, projectDir: this.#projectDir, signal: options.signal }))
    } finally {
      await store.saveSettings(`run/${asking}`, {})
    }
  }

  async #load(id: string, options: BackfillOptions): Promise<{ loaded: LoadedSync; plan: Plan } & ReturnType<typeof specOf>> {
    const loaded = await loadSync(this.#projectDir, id)
    const plan = selectStreams(loaded.plan, options.streams)
    return { loaded, plan, ...specOf(plan, options) }
  }

  /**
   * Checks what can be checked, then starts a backfill and returns at once. Throws the signal's reason, or IsthmusError (InvalidInput, MissingEnvironment,
   * AlreadyRunning when one of this sync and range is open, AuthFailed, ...); then nothing was started.
   */
  async start(id: string, options: BackfillStartOptions): Promise<BackfillHandle> {
    if (options.check !== false) await this.estimate(id, options)
    options.signal?.throwIfAborted()
    const { loaded, plan, spec, concurrency } = await this.#load(id, options)
    const environment = requireEnvironment(plan, this.#environment())
    const { store, client, searchAttributes } = await this.#connect()
    const workflowId = backfillWorkflowId(plan.id, spec, plan.streams.length === loaded.plan.streams.length)
    const backfill = newRunId()
    const { windowMs, order } = spec
    const streams = orderOf(plan).streams
    const input: BackfillInput = { id: backfill, sync: plan.id, plan: plan.hash, streams, from: spec.from, to: spec.to, windowMs, order, concurrency, searchAttributes, carried: null }
    try {
      await store.saveSettings(`run/${backfill}`, environment)
      await store.savePlan(loaded.plan)
      await store.startBackfill({ id: backfill, sync: plan.id, plan: plan.hash, workflowId, spec })
      const temporalRunId = await begin(client, { workflowId, run: backfill }, () => client.workflow.start<typeof backfillWorkflow>('backfill', {
        workflowId,
        taskQueue: TASK_QUEUE,
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        priority: LOW,
        args: [input],
        staticSummary: `backfill of ${plan.id}, ${workflowId.split('/').at(-1)!}: ${streams.map((s) => `${s.name} → ${s.table}`).join(', ')}`.slice(0, 380),
        staticDetails: 'Reads a range of time window by window: a child workflow for each window, several at once, with low priority. Runs of the sync go on beside it, and their watermark is not touched. *Current Details* tells how far it is and what it waits for.',
        ...(searchAttributes && { searchAttributes: { IsthmusSync: [plan.id], IsthmusRun: [backfill], IsthmusPhase: ['working'] } }),
      }))
      await patient(() => store.setBackfillRun(backfill, temporalRunId)).catch(() => undefined)
      return this.#handle({ id: backfill, sync: plan.id, workflowId, temporalRunId })
    } catch (error) {
      if (error instanceof MayHaveBegun) throw error
      await store.deleteBackfill(backfill)
      await store.saveSettings(`run/${backfill}`, {})
      if (error instanceof WorkflowExecutionAlreadyStartedError) throw new IsthmusError('AlreadyRunning', `a backfill of "${plan.id}" over this range is under way`, { file: plan.file, cure: `look at it: isthmus backfill status ${plan.id}` })
      throw error
    }
  }

  async #handle(summary: Pick<BackfillSummary, 'id' | 'sync' | 'workflowId' | 'temporalRunId'>): Promise<BackfillHandle> {
    const { store, client, temporal } = await this.#connect()
    return new BackfillHandle(summary, { store, client, uiUrl: uiUrl(temporal, summary.workflowId, ''), order: () => this.#orderNow(summary.id) })
  }

  /** The plan of a backfill's sync as it is now, saved with the environment. Throws NotFound when a stream is no longer in it. */
  async #orderNow(id: string): Promise<BackfillOrderNow> {
    const { store } = await this.#connect()
    const summary = await store.getBackfill(id)
    if (!summary) throw new IsthmusError('NotFound', `there is no backfill "${id}"`, { cure: '`isthmus backfill list` shows them' })
    const { from, to, windowMs, order, streams } = summary.spec
    const { loaded, plan } = await this.#load(summary.sync, { from, to, window: `${windowMs}ms`, order, streams })
    await store.savePlan(loaded.plan)
    await store.saveSettings(`run/${id}`, requireEnvironment(plan, this.#environment()))
    return orderOf(plan)
  }

  /** A backfill by its id, or of a sync: the newest that is open, else the newest. Throws NotFound. */
  async get(id: string): Promise<BackfillHandle> {
    const { store } = await this.#connect()
    const known = await store.getBackfill(id)
    if (known) return this.#handle(known)
    const list = await store.listBackfills({ sync: id, limit: 100 })
    const found = list.find((b) => b.outcome === 'running') ?? list[0]
    if (!found) throw new IsthmusError('NotFound', `there is no backfill "${id}", and none of a sync of that name`, { cure: '`isthmus backfill list` shows them' })
    return this.#handle(found)
  }

  /** Backfills, newest first, each with how it stands now. */
  async list(filter: { sync?: string; limit?: number } = {}): Promise<BackfillSummary[]> {
    const { store } = await this.#connect()
    const found = await store.listBackfills({ ...filter, limit: limitOf(filter.limit ?? 20) })
    return Promise.all(found.map(async (b) => {
      if (b.outcome !== 'running') return b
      const progress = await this.#handle(b).then((h) => h.status()).catch(() => null)
      return { ...b, progress, outcome: progress && isEnded(progress.phase) ? (progress.phase as BackfillSummary['outcome']) : b.outcome }
    }))
  }
}

function orderOf(plan: Plan): BackfillOrderNow {
  return { plan: plan.hash, streams: plan.streams.map((s) => ({ name: s.name, connection: s.connection, table: tableName(s) })) }
}
