import { resolve } from 'node:path'
import { WorkflowExecutionAlreadyStartedError, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, type Client } from '@temporalio/client'
import { IsthmusError } from '../model/errors.ts'
import type { Plan } from '../model/plan.ts'
import type { RunSummary, Store } from '../model/ports.ts'
import type { RunReceipt } from '../model/run.ts'
import { loadProject, loadSync, projectEnvironment, requireEnvironment, type Environment, type LoadedSync } from '../project/index.ts'
import { loadVaultKey, openStore } from '../store/index.ts'
import type { sync as syncWorkflow } from '../workflows/sync.ts'
import type { SyncInput } from '../workflows/types.ts'
import { connectClient, findTemporal, type TemporalAddress } from './connect.ts'
import { estimate, type Estimate } from './estimate.ts'
import { RunHandle } from './handle.ts'
import { newRunId, syncWorkflowId } from './ids.ts'
import { preflight, type FirstPage } from './preflight.ts'

const TASK_QUEUE = 'isthmus'

export interface IsthmusOptions {
  /** Folder that holds `syncs/` and `.env`. Default: the working directory. */
  projectDir?: string
  /** PostgreSQL with Isthmus' state. Default: `DATABASE_URL`, else the one of a running `isthmus dev`. */
  databaseUrl?: string
  /** Temporal server. Default: `TEMPORAL_ADDRESS` or the Temporal profile, else the one of a running `isthmus dev`. */
  temporal?: TemporalAddress
  /** Default: the process environment over the project's `.env`. */
  env?: Environment
}

export interface StartOptions {
  /** Only these streams of the sync. Default: all. */
  streams?: string[]
  /** Look at destination, credentials and the first page before anything is started. Default true. */
  check?: boolean
}

/**
 * Isthmus for apps: start syncs of a project, follow and list their runs.
 * Connects with the first call; `close()` ends the connections.
 */
export class Isthmus {
  readonly syncs: Syncs
  readonly #options: IsthmusOptions
  #open: Promise<Opened> | null = null

  constructor(options: IsthmusOptions = {}) {
    this.#options = options
    this.syncs = new Syncs(resolve(options.projectDir ?? '.'), options.env, () => this.#connect())
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

interface Opened {
  store: Store
  databaseUrl: string
  client: Client
  temporal: TemporalAddress
  searchAttributes: boolean
}

async function open(options: IsthmusOptions): Promise<Opened> {
  const projectDir = resolve(options.projectDir ?? '.')
  const env = options.env ?? projectEnvironment(projectDir)
  const found = await findTemporal(projectDir, env)
  const databaseUrl = options.databaseUrl ?? found.databaseUrl
  if (!databaseUrl) {
    throw new IsthmusError('Unreachable', 'no database is known', { cure: 'start `isthmus dev` in this project, or set DATABASE_URL' })
  }
  const temporal = options.temporal ?? found.temporal
  const { client, searchAttributes } = await connectClient(temporal)
  const store = await openStore(databaseUrl, { key: await loadVaultKey({ env, projectDir }) })
  await store.migrate()
  return { store, databaseUrl, client, temporal, searchAttributes }
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
   * Checks everything that can be checked, then starts a run and returns at once.
   * Throws IsthmusError (InvalidInput, MissingEnvironment, DestinationMismatch, AlreadyRunning, AuthFailed, Unreachable, ...); then nothing was started.
   */
  async start(id: string, options: StartOptions = {}): Promise<RunHandle> {
    const loaded = await loadSync(this.#projectDir, id)
    const plan = selectStreams(loaded.plan, options.streams)
    const values = requireEnvironment(plan, this.#environment())
    const { store, databaseUrl, client, temporal, searchAttributes } = await this.#connect()
    const workflowId = syncWorkflowId(plan.id)
    await refuseSecondRun(client, plan, workflowId)
    const run = newRunId()
    try {
      await store.saveSettings(`run/${run}`, values)
      const first = options.check === false ? new Map<string, FirstPage>() : await preflight({ definition: loaded.definition, plan }, { run, environment: values, store, databaseUrl, projectDir: this.#projectDir })
      // The whole plan: its hash stands for all streams.
      await store.savePlan(loaded.plan)
      await store.startRun({ run, sync: plan.id, plan: plan.hash, workflowId })
      const handle = await client.workflow.start<typeof syncWorkflow>('sync', {
        workflowId,
        taskQueue: TASK_QUEUE,
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        args: [syncInput(plan, run, searchAttributes, first)],
        staticSummary: `${plan.id}: ${plan.streams.map((s) => `${s.name} → ${s.destination.schema}.${s.destination.table}`).join(', ')}`,
        staticDetails: 'One run of a sync: a child workflow for each stream reads an API and writes a table, then **finish** writes the receipt. *Current Details* tells how far it is; the children have the steps.',
        ...(searchAttributes && { searchAttributes: { IsthmusSync: [plan.id], IsthmusRun: [run], IsthmusPhase: ['starting'] } }),
      })
      await store.setTemporalRun(run, handle.firstExecutionRunId)
      return new RunHandle(store, client, { run, sync: plan.id, workflowId, temporalRunId: handle.firstExecutionRunId }, uiUrl(temporal, workflowId, handle.firstExecutionRunId))
    } catch (error) {
      await store.deleteRun(run)
      await store.saveSettings(`run/${run}`, {})
      if (error instanceof WorkflowExecutionAlreadyStartedError) throw alreadyRunning(plan)
      throw error
    }
  }

  /** `start`, then waits for the receipt. A run that fails is returned, not thrown: look at `outcome`. */
  async run(id: string, options: StartOptions = {}): Promise<RunReceipt> {
    return (await this.start(id, options)).result()
  }

  /** A run by its id, or the newest run of a sync by the sync's id. */
  async get(id: string): Promise<RunHandle> {
    const { store, client, temporal } = await this.#connect()
    const summary = (await store.getRun(id)) ?? (await store.listRuns({ sync: id, limit: 1 }))[0]
    if (!summary) throw new IsthmusError('NotFound', `there is no run "${id}", and no run of a sync of that name`, { cure: '`isthmus list` shows the runs' })
    return new RunHandle(store, client, summary, uiUrl(temporal, summary.workflowId, summary.temporalRunId))
  }

  /** Runs, newest first. */
  async list(filter: { sync?: string; limit?: number } = {}): Promise<RunSummary[]> {
    const { store, client } = await this.#connect()
    const runs = await store.listRuns({ ...filter, limit: filter.limit ?? 20 })
    return Promise.all(runs.map(async (r) => (r.outcome === 'running' ? new RunHandle(store, client, r, null).status() : r)))
  }
}

function selectStreams(plan: Plan, names: string[] | undefined): Plan {
  if (!names || names.length === 0) return plan
  const unknown = names.find((n) => !plan.streams.some((s) => s.name === n))
  if (unknown !== undefined) {
    throw new IsthmusError('NotFound', `the sync has no stream "${unknown}"`, { file: plan.file, field: 'streams', cure: `use one of ${plan.streams.map((s) => s.name).join(', ')}` })
  }
  return { ...plan, streams: plan.streams.filter((s) => names.includes(s.name)) }
}

function syncInput(plan: Plan, run: string, searchAttributes: boolean, first: Map<string, FirstPage>): SyncInput {
  return {
    sync: plan.id, run, plan: plan.hash, searchAttributes,
    streams: plan.streams.map((s) => ({ name: s.name, connection: s.connection, table: `${s.destination.schema}.${s.destination.table}`, firstPage: first.get(s.name) ?? null })),
  }
}

function alreadyRunning(plan: Plan): IsthmusError {
  return new IsthmusError('AlreadyRunning', `a run of "${plan.id}" is under way`, { file: plan.file, cure: `wait for it (isthmus status ${plan.id}) or stop it (isthmus cancel ${plan.id})` })
}

/** Refused before the API is asked for anything; the server's own check at the start still decides. */
async function refuseSecondRun(client: Client, plan: Plan, workflowId: string): Promise<void> {
  const status = await client.workflow.getHandle(workflowId).describe().then((d) => d.status.name, () => null)
  if (status === 'RUNNING') throw alreadyRunning(plan)
}

function uiUrl(temporal: TemporalAddress, workflowId: string, runId: string): string | null {
  if (!temporal.uiUrl) return null
  return `${temporal.uiUrl}/namespaces/${encodeURIComponent(temporal.namespace)}/workflows/${encodeURIComponent(workflowId)}${runId ? `/${runId}/history` : ''}`
}
