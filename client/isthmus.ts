import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowExecutionAlreadyStartedError, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, type Client } from '@temporalio/client'
import { IsthmusError } from '../model/errors.ts'
import type { TokenOwner } from '../model/owner.ts'
import type { Plan } from '../model/plan.ts'
import type { RunSummary, Store } from '../model/ports.ts'
import type { RunReceipt } from '../model/run.ts'
import { tableName } from '../model/table-name.ts'
import { withTenant } from '../model/tenant.ts'
import { isPost, loadProject, loadSync, projectEnvironment, requireEnvironment, surveyProject, type Environment, type LoadedSync, type SurveyedFile } from '../project/index.ts'
import { loadVaultKey, openStore } from '../store/index.ts'
import { tellReconnected, tokenOwner } from '../workers/token-owner.ts'
import type { sync as syncWorkflow } from '../workflows/sync.ts'
import type { SyncInput } from '../workflows/types.ts'
import { begin, MayHaveBegun } from './begun.ts'
import { Backfills } from './backfill/index.ts'
import { Connections } from './connections.ts'
import { connectClient, findTemporal, type GivenAddresses, type TemporalAddress } from './connect.ts'
import { followingKeys } from '../workers/codec/index.ts'
import { Alerts } from './alerts.ts'
import { estimate, type Estimate } from './estimate.ts'
import { RunHandle } from './handle.ts'
import { healthOf, type HealthReport } from './health.ts'
import { newRunId, syncWorkflowId, uiUrl } from './ids.ts'
import { requireConnections } from './tenants.ts'
import { triggered } from './trigger.ts'
import { decide, parkedStreams, retryOrders } from './operate.ts'
import { patient } from '../workers/patience.ts'
import { loadRun } from './load-run.ts'
import { limitOf } from './limit.ts'
import { peek, type Peek } from './peek.ts'
import { PostActions } from './post/index.ts'
import { resumeParked } from './resume.ts'
import { preflight, type FirstPage } from './preflight.ts'
import { Rejects } from './rejects.ts'
import { Schedules } from './schedules/index.ts'
import { resumeFor } from '../workers/schedules.ts'
import { Webhooks } from './webhooks/index.ts'
import { remapSync, type RemapOptions } from './remap.ts'
import type { StreamRemap } from '../model/remap.ts'
import { untilClosed } from './until-closed.ts'
import { TASK_QUEUE } from '../workers/queues.ts'

/** Why a scan begins anew when a person wants it so. */
const ASKED = 'asked for'

export interface IsthmusOptions {
  /** Folder that holds `syncs/` and `.env`. Default: the working directory. */
  projectDir?: string
  /** PostgreSQL with Isthmus' state. Default: `DATABASE_URL`, else the one of a running `isthmus dev`. */
  databaseUrl?: string
  /** Temporal server. Default: `TEMPORAL_ADDRESS` or the Temporal profile, else the one of a running `isthmus dev`. */
  temporal?: GivenAddresses['temporal']
  /** Default: the process environment over the project's `.env`. */
  env?: Environment
}

export interface StartOptions {
  /** Only these streams of the sync. Default: all. */
  streams?: string[]
  /** Look at destination, credentials and the first page before anything is started. Default true. */
  check?: boolean
  /** Read from the beginning instead of where an interrupted run stopped. Increments stay increments. Default false. */
  fromStart?: boolean
  /** For this customer of yours: with the tenant's connection, checkpoints and tables. See `connections.create`. */
  tenant?: string
  /** The same key gives the same run, for 24 hours and also when that has ended, whoever calls and however often. Default: every call starts one. */
  idempotencyKey?: string
  /** Gives up before the run is started; a run that is started is stopped by `cancel()`. */
  signal?: AbortSignal
}

/** How a sync is started that is loaded already. */
export type LoadedStart = Omit<StartOptions, 'tenant' | 'idempotencyKey'>

/**
 * Isthmus for apps: start syncs of a project, follow and list their runs.
 * Connects with the first call; `close()` ends the connections.
 */
export class Isthmus {
  readonly syncs: Syncs
  readonly rejects: Rejects
  /** Ranges of time read window by window, beside the runs of a sync. */
  readonly backfills: Backfills
  /** When syncs start by themselves. */
  readonly schedules: Schedules
  /** Actions of connectors, called with records of a file or of a program. */
  readonly actions: PostActions
  /** Accounts at systems, with their credentials in the vault. */
  readonly connections: Connections
  /** Events that systems tell of by themselves. */
  readonly webhooks: Webhooks
  /** Problems that were found, and the alerts that told of them. */
  readonly alerts: Alerts
  readonly #options: IsthmusOptions
  #open: Promise<Opened> | null = null

  constructor(options: IsthmusOptions = {}) {
    this.#options = options
    this.syncs = new Syncs(resolve(options.projectDir ?? '.'), options.env, () => this.#connect())
    this.webhooks = new Webhooks({ projectDir: resolve(options.projectDir ?? '.'), environment: () => this.#environment(), connect: () => this.#connect() })
    this.connections = new Connections({
      projectDir: resolve(options.projectDir ?? '.'),
      environment: () => this.#environment(),
      store: async () => (await this.#connect()).store,
      reconnected: (connection) => this.reconnected(connection),
    })
    this.actions = new PostActions({ projectDir: resolve(options.projectDir ?? '.'), store: async () => (await this.#connect()).store, start: (loaded, given) => this.syncs.startLoaded(loaded, given) })
    this.backfills = new Backfills(resolve(options.projectDir ?? '.'), () => this.#environment(), () => this.#connect())
    this.schedules = new Schedules({ projectDir: resolve(options.projectDir ?? '.'), environment: () => this.#environment(), connect: () => this.#connect() })
    this.alerts = new Alerts(resolve(options.projectDir ?? '.'), () => this.#environment(), async () => (await this.#connect()).store)
    this.rejects = new Rejects(resolve(options.projectDir ?? '.'), () => this.#environment(), () => this.#connect())
  }

  #environment(): Environment {
    return this.#options.env ?? projectEnvironment(resolve(this.#options.projectDir ?? '.'))
  }

  /**
   * Applies the mapping of a sync, as it is now, to the pages that are still staged, with no request to the source; without `apply` it only tells
   * the difference. Throws IsthmusError (InvalidInput for mode append, AlreadyRunning, Contract, ...).
   */
  remap(id: string, options: RemapOptions = {}): Promise<StreamRemap[]> {
    return remapSync(resolve(this.#options.projectDir ?? '.'), () => this.#environment(), () => this.#connect(), id, options)
  }

  /**
   * How everything is now: Temporal, PostgreSQL, workers, connections, streams against their freshness targets. Problems are told, not thrown; throws
   * Unreachable when the store or Temporal cannot be reached at all.
   */
  async health(): Promise<HealthReport> {
    const { store, client } = await this.#connect()
    return healthOf(store, client, resolve(this.#options.projectDir ?? '.'))
  }

  /** Tells that a person has signed in to a connection: streams that wait for that go on, and so do the schedules that were paused for it. Gives `run/stream` of each stream. */
  async reconnected(connection: string): Promise<string[]> {
    const { client, store } = await this.#connect()
    await tellReconnected(client, connection)
    await resumeFor(client, store, connection)
    return resumeParked(this.syncs, store, connection)
  }

  #connect(): Promise<Opened> {
    this.#open ??= open(this.#options).catch((error: unknown) => {
      this.#open = null
      throw error
    })
    return this.#open
  }

  async close(): Promise<void> {
    const opened = await this.#open?.catch(() => null)
    this.#open = null
    await opened?.store.close()
    await opened?.client.connection.close()
  }
}

/** What a connected client holds. */
export interface Opened {
  store: Store
  databaseUrl: string
  client: Client
  temporal: TemporalAddress
  searchAttributes: boolean
  /** Asks the workflows that own the tokens of connections. */
  owner: TokenOwner
}

async function open(options: IsthmusOptions): Promise<Opened> {
  const projectDir = resolve(options.projectDir ?? '.')
  const env = options.env ?? projectEnvironment(projectDir)
  const { temporal, databaseUrl } = await findTemporal(projectDir, env, options)
  if (!databaseUrl) {
    throw new IsthmusError('Unreachable', 'no database is known', { cure: 'start `isthmus dev` in this project, or set DATABASE_URL' })
  }
  const store = untilClosed(await openStore(databaseUrl, { key: await loadVaultKey({ env, projectDir }) }))
  try {
    await store.migrate()
    const { client, searchAttributes } = await connectClient(temporal, await followingKeys(() => store.payloadKeys()))
    return { store, databaseUrl, client, temporal, searchAttributes, owner: tokenOwner(client, searchAttributes) }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** The syncs of a project and their runs. */
export class Syncs {
  readonly #projectDir: string
  readonly #env: Environment | undefined
  readonly #connect: () => Promise<Opened>

  constructor(projectDir: string, env: Environment | undefined, connect: () => Promise<Opened>) {
    this.#projectDir = projectDir
    this.#env = env
    this.#connect = connect
  }

  #environment(): Environment {
    return this.#env ?? projectEnvironment(this.#projectDir)
  }

  /** All syncs of the project, compiled. */
  async definitions(): Promise<LoadedSync[]> {
    return loadProject(this.#projectDir)
  }

  /** Every sync file of the project; a broken one comes with its error. */
  async survey(): Promise<SurveyedFile[]> {
    return surveyProject(this.#projectDir)
  }

  /** The plan of one sync. Needs no connection. */
  async plan(id: string): Promise<Plan> {
    return (await loadSync(this.#projectDir, id)).plan
  }

  /** Expected calls and time of a run, from what the plan declares and what the last run did. */
  async estimate(id: string): Promise<Estimate[]> {
    const plan = await this.plan(id)
    const runs = await this.#connect().then(({ store }) => store.listRuns({ sync: plan.id, limit: 10 }), () => [])
    return estimate(plan, runs)
  }

  /**
   * The first page of each stream, read and mapped, before all bulk work of its account; `limit` rows of each, 5 by default.
   * Starts nothing, writes nothing, moves no checkpoint. Throws IsthmusError when a page cannot be had (RateLimited with `until`).
   */
  async peek(id: string, options: { streams?: string[]; limit?: number } = {}): Promise<Peek[]> {
    const loaded = await loadSync(this.#projectDir, id)
    const plan = selectStreams(loaded.plan, options.streams)
    const environment = requireEnvironment(plan, this.#environment())
    const { store, databaseUrl, owner } = await this.#connect()
    await requireConnections(store, plan)
    return peek({ ...loaded, plan }, { store, environment, databaseUrl, whole: loaded.plan, owner, projectDir: this.#projectDir, limit: limitOf(options.limit ?? 5) })
  }

  /**
   * Checks everything that can be checked, then starts a run and returns at once.
   * A run of the sync that is parked is sent on instead, with the sync as it is now.
   * Throws the signal's reason when that is aborted before, or IsthmusError (InvalidInput, MissingEnvironment, DestinationMismatch, AlreadyRunning, AuthFailed, Unreachable, ...); then nothing was started.
   */
  async start(id: string, { tenant, idempotencyKey, ...options }: StartOptions = {}): Promise<RunHandle> {
    const loaded = await loadSync(this.#projectDir, withTenant(id, tenant))
    if (idempotencyKey === undefined) return this.startLoaded(loaded, options)
    const { store } = await this.#connect()
    return triggered(store, {
      sync: loaded.plan.id, key: idempotencyKey, request: { streams: [...(options.streams ?? [])].sort(), fromStart: options.fromStart === true }, signal: options.signal,
      start: (run) => this.startLoaded(loaded, options, run),
      get: (run) => this.get(run),
      found: (run) => this.#startedBefore(loaded.plan.id, run),
    })
  }

  /** The run when it was started; null when whoever wanted to has not come so far. */
  async #startedBefore(sync: string, run: string): Promise<RunHandle | null> {
    const { store, client } = await this.#connect()
    const summary = await store.getRun(run)
    if (!summary) return null
    const [newest] = await store.listRuns({ sync, limit: 1 })
    const open = await client.workflow.getHandle(summary.workflowId).describe().then((d) => d.status.name === 'RUNNING', () => false)
    if (summary.outcome !== 'running' || summary.temporalRunId || (open && newest?.run === run)) return this.get(run)
    await store.deleteRun(run)
    return null
  }

  /** `start` of a sync that is loaded already, as the run `run`. */
  async startLoaded(loaded: LoadedSync, options: LoadedStart = {}, run: string = newRunId()): Promise<RunHandle> {
    const plan = selectStreams(loaded.plan, options.streams)
    const values = requireEnvironment(plan, this.#environment())
    const { store, databaseUrl, client, temporal, searchAttributes, owner } = await this.#connect()
    await requireConnections(store, plan)
    options.signal?.throwIfAborted()
    const workflowId = syncWorkflowId(plan.id)
    const parked = await this.#openRun(plan, workflowId)
    if (parked && isPost(plan) && (await store.planOf(parked.run)) !== plan.hash) throw waits(plan)
    if (parked) {
      if (options.check !== false) {
        await store.savePlan(loaded.plan)
        await store.saveSettings(`run/${parked.run}`, values)
        await preflight({ definition: loaded.definition, plan }, { run: parked.run, environment: values, store, databaseUrl, owner, projectDir: this.#projectDir, anew: '', signal: options.signal })
      }
      options.signal?.throwIfAborted()
      await this.retry(parked.run)
      return parked
    }
    try {
      await store.saveSettings(`run/${run}`, values)
      // The whole plan: its hash stands for all streams.
      await store.savePlan(loaded.plan)
      const first = options.check === false ? new Map<string, FirstPage>() : await preflight({ definition: loaded.definition, plan }, { run, environment: values, store, databaseUrl, owner, projectDir: this.#projectDir, anew: options.fromStart ? ASKED : '', signal: options.signal })
      options.signal?.throwIfAborted()
      await store.startRun({ run, sync: plan.id, plan: plan.hash, workflowId })
      const temporalRunId = await begin(client, { workflowId, run }, () => client.workflow.start<typeof syncWorkflow>('sync', {
        workflowId,
        taskQueue: TASK_QUEUE,
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        args: [syncInput(plan, run, searchAttributes, first, options.fromStart === true)],
        staticSummary: `${plan.id}: ${plan.streams.map((s) => `${s.name} → ${tableName(s)}`).join(', ')}`,
        staticDetails: 'One run of a sync: a child workflow for each stream reads an API and writes a table, then **finish** writes the receipt. *Current Details* tells how far it is; the children have the steps.',
        ...(searchAttributes && { searchAttributes: { IsthmusSync: [plan.id], IsthmusRun: [run], IsthmusPhase: ['reading'] } }),
      }))
      // The run goes on without it: what was started must not be taken back for this.
      await patient(() => store.setTemporalRun(run, temporalRunId)).catch(() => undefined)
      return new RunHandle(store, client, { run, sync: plan.id, workflowId, temporalRunId }, uiUrl(temporal, workflowId, temporalRunId))
    } catch (error) {
      if (error instanceof MayHaveBegun) throw error
      await store.deleteRun(run)
      await store.saveSettings(`run/${run}`, {})
      if (error instanceof WorkflowExecutionAlreadyStartedError) throw alreadyRunning(plan)
      throw error
    }
  }

  /** The open run of a sync when it is parked; null when none is open. Throws AlreadyRunning when it works. */
  async #openRun(plan: Plan, workflowId: string): Promise<RunHandle | null> {
    const { store, client, temporal } = await this.#connect()
    const described = await client.workflow.getHandle(workflowId).describe().catch(() => null)
    if (described?.status.name !== 'RUNNING') return null
    const summary = (await store.listRuns({ sync: plan.id, limit: 1 }))[0]
    // The receipt is written just before the workflow closes, and a stack that lived for one command may end in between.
    if (summary && summary.outcome !== 'running' && summary.workflowId === workflowId && (await closesSoon(client, workflowId))) return null
    if (summary?.outcome !== 'running' || summary.workflowId !== workflowId) throw alreadyRunning(plan)
    const handle = new RunHandle(store, client, summary, uiUrl(temporal, workflowId, summary.temporalRunId))
    if ((await handle.status()).outcome !== 'parked') throw alreadyRunning(plan)
    return handle
  }

  /**
   * Sends the parked streams of a run on (default: all of them), with the sync and the environment as they are now. Gives their names.
   * Throws NotFound when none is parked, MissingEnvironment, or what is wrong with the sync.
   */
  async retry(id: string, options: { streams?: string[] } = {}): Promise<string[]> {
    const { store } = await this.#connect()
    const handle = await this.get(id)
    const streams = await parkedStreams(handle.operated, await handle.live(), options.streams)
    const { plan } = await loadRun(this.#projectDir, store, handle.sync)
    const orders = retryOrders(plan, streams)
    const values = requireEnvironment(plan, this.#environment())
    await store.savePlan(plan)
    await store.saveSettings(`run/${handle.run}`, values)
    for (const [stream, order] of orders) await decide(handle.operated, stream, 'retry', [order])
    return streams
  }

  /** `start`, then waits for the receipt. A run that fails is returned, not thrown: look at `outcome`. */
  async run(id: string, options: StartOptions = {}): Promise<RunReceipt> {
    return (await this.start(id, options)).result()
  }

  /** A run by its id, or the newest run of a sync by the sync's id. */
  async get(id: string): Promise<RunHandle> {
    const { store, client, temporal } = await this.#connect()
    // PostgreSQL takes no NUL, so nothing has such a name.
    const summary = id.includes('\0') ? undefined : ((await store.getRun(id)) ?? (await store.listRuns({ sync: id, limit: 1 }))[0])
    if (!summary) throw new IsthmusError('NotFound', `there is no run "${id}", and no run of a sync of that name`, { cure: '`isthmus list` shows the runs' })
    return new RunHandle(store, client, summary, uiUrl(temporal, summary.workflowId, summary.temporalRunId))
  }

  /** Runs, newest first; `sync` together with `tenant` names the sync of that tenant. */
  async list({ sync, tenant, limit = 20 }: { sync?: string; tenant?: string; limit?: number } = {}): Promise<RunSummary[]> {
    const { store, client } = await this.#connect()
    const runs = await store.listRuns({ ...(sync !== undefined && { sync: withTenant(sync, tenant) }), ...(tenant !== undefined && { tenant }), limit: limitOf(limit) })
    return Promise.all(runs.map(async (r) => (r.outcome === 'running' ? new RunHandle(store, client, r, null).status() : r)))
  }
}

export function selectStreams(plan: Plan, names: string[] | undefined): Plan {
  if (!names || names.length === 0) return plan
  const unknown = names.find((n) => !plan.streams.some((s) => s.name === n))
  if (unknown !== undefined) {
    throw new IsthmusError('NotFound', `the sync has no stream "${unknown}"`, { file: plan.file, field: 'streams', cure: `use one of ${plan.streams.map((s) => s.name).join(', ')}` })
  }
  return { ...plan, streams: plan.streams.filter((s) => names.includes(s.name)) }
}

function syncInput(plan: Plan, run: string, searchAttributes: boolean, first: Map<string, FirstPage>, fromStart: boolean): SyncInput {
  return {
    sync: plan.id, run, plan: plan.hash, searchAttributes,
    streams: plan.streams.map((s) => ({ name: s.name, connection: s.connection, table: tableName(s), ...startOf(first.get(s.name), fromStart) })),
  }
}

function startOf(first: FirstPage | undefined, fromStart: boolean): Pick<SyncInput['streams'][number], 'firstPage' | 'anew'> {
  const anew = first?.anew || (fromStart ? ASKED : '')
  return { anew, firstPage: first ? { position: first.position, since: first.since, requests: first.requests } : null }
}

const CLOSING_MS = 15_000

async function closesSoon(client: Client, workflowId: string): Promise<boolean> {
  const closed = client.workflow.getHandle(workflowId).result().then(() => true, () => true)
  return Promise.race([closed, sleep(CLOSING_MS, false, { ref: false })])
}

function alreadyRunning(plan: Plan): IsthmusError {
  return new IsthmusError('AlreadyRunning', `a run of "${plan.id}" is under way`, { file: plan.file, cure: `wait for it (isthmus status ${plan.id}) or stop it (isthmus cancel ${plan.id})` })
}

function waits(plan: Plan): IsthmusError {
  return new IsthmusError('AlreadyRunning', `other records of "${plan.id}" wait for a person`, { cure: `look at them (isthmus status ${plan.id}), then isthmus approve, retry or skip ${plan.id}` })
}
