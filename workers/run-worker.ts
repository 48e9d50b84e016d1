import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Client } from '@temporalio/client'
import type { PayloadKeys } from '../model/connections.ts'
import { IsthmusError } from '../model/errors.ts'
import type { Store } from '../model/ports.ts'
import { loadBundle } from './bundle.ts'
import { dataConverter, followingKeys } from './codec/index.ts'
import { connectClient, connectWorker, requireNamespace, temporalConnectionOptions } from './connect.ts'
import { HeldTasks, reportDead } from './held.ts'
import type { Metrics } from './metrics/index.ts'
import { metricsEndpoint } from './metrics/server.ts'
import { freePort } from './ports.ts'
import { installRuntime, workerLogger } from './runtime.ts'
import { ensureSearchAttributes } from './search-attributes.ts'
import { scheduleControl } from './schedules.ts'
import { stepContext } from './step-context.ts'
import { stepLog } from './step-log.ts'
import { openTracing } from './tracing/index.ts'
import { tokenOwner } from './token-owner.ts'
import { tellUnopened } from './unopened.ts'
import { workerVersion } from './version.ts'
import type { Watcher } from '../watch/index.ts'
import { openWatcher } from './watch.ts'
import { createWorkers, type WorkersOptions } from './worker.ts'

/** The activities of a worker and what they hold open. */
export interface LoadedActivities {
  activities: object
  /** Encrypts what Temporal stores; nothing is encrypted without. */
  payloadKeys?: PayloadKeys
  /** Given the client of this process, and whether the namespace knows the search attributes, before anything runs. */
  connected?(client: Client, searchAttributes: boolean): void
  /** The worker drains from now on: what can end early does. */
  drain?(): void
  /** Hears in the run's log of payloads that do not open. */
  store?: Pick<Store, 'listRuns' | 'log'>
  /** Problems are looked for and told; nobody looks without. */
  watched?: Store
  close(): Promise<void>
}

export interface RunWorkerOptions {
  /** Drains and ends when aborted. */
  signal: AbortSignal
  /** `process.env` by default: ISTHMUS_PROJECT_DIR (the working directory by default), DATABASE_URL, TEMPORAL_*. */
  env?: NodeJS.ProcessEnv
  /** Called once it polls. */
  onReady?: () => void
  /** The activities of Isthmus by default. */
  load?: (settings: { databaseUrl: string; projectDir: string }) => Promise<LoadedActivities>
  /** The workflows of Isthmus by default. */
  bundle?: WorkersOptions['bundle']
}

/**
 * Runs the workers of Isthmus in this process until `signal`: the production form as well as that of `isthmus dev`.
 * @throws IsthmusError: MissingEnvironment, Unreachable, AuthFailed, NotFound ... before it polls.
 */
export async function runWorker(options: RunWorkerOptions): Promise<void> {
  const { signal, env = process.env, load = loadActivities } = options
  const projectDir = resolve(env.ISTHMUS_PROJECT_DIR ?? '.')
  if (!(await stat(projectDir).catch(() => null))?.isDirectory()) {
    throw new IsthmusError('InvalidInput', `There is no project folder ${projectDir}`, { cure: 'set ISTHMUS_PROJECT_DIR to the folder that holds syncs/' })
  }
  const databaseUrl = env.DATABASE_URL
  if (!databaseUrl) {
    throw new IsthmusError('MissingEnvironment', 'DATABASE_URL is not set', { cure: 'set it to postgresql://user:password@host:5432/database, or use `isthmus dev`' })
  }
  const log = workerLogger(env)
  const endpoint = metricsEndpoint(env)
  const core = endpoint && `127.0.0.1:${await freePort()}`
  await installRuntime(core)
  const temporal = temporalConnectionOptions(env)
  const connection = await connectWorker(temporal)
  const tracing = await openTracing(env, { service: 'isthmus-worker', log })
  let loaded: LoadedActivities | null = null
  let client: Client | null = null
  const held = await HeldTasks.open(projectDir)
  let watcher: Watcher | null = null
  let metrics: Metrics | null = null
  try {
    loaded = await load({ databaseUrl, projectDir })
    const { activities, payloadKeys, store } = loaded
    const converter = dataConverter(payloadKeys, tellUnopened(log, store))
    client = await connectClient(temporal, { dataConverter: converter })
    const problem = await ensureSearchAttributes(client)
    if (problem) {
      await requireNamespace(client)
      log.warn(problem)
    }
    loaded.connected?.(client, problem === null)
    const again = await reportDead(projectDir, client)
    if (again > 0) log.warn({ steps: again }, 'A worker was killed; what it worked at is begun again')
    const bundle = options.bundle ?? (await loadBundle(tracing ? 'traced' : 'plain'))
    metrics = endpoint && (await (await import('./metrics/index.ts')).openMetrics(endpoint, { store: loaded.watched, core }))
    if (metrics) log.info({ port: metrics.port }, 'Metrics are served')
    const interceptors = [...(tracing ? [tracing.steps] : []), stepContext, stepLog(log), ...(metrics ? [metrics.interceptor] : [])]
    const workers = await createWorkers({ connection, namespace: temporal.namespace, activities, bundle, held, dataConverter: converter, version: workerVersion(env), interceptors, ...(tracing && { sinks: tracing.sinks }) })
    if (signal.aborted) return
    const running = workers.run()
    const drain = (): void => {
      log.info({ steps: held.size }, 'The worker drains: steps under way get 20 s to end, others are left to other workers')
      loaded?.drain?.()
      workers.shutdown()
    }
    signal.addEventListener('abort', drain, { once: true })
    log.info({ address: temporal.address, namespace: temporal.namespace }, 'The worker is ready')
    watcher = openWatcher(loaded.watched, client, { projectDir, env, log })
    options.onReady?.()
    await running
    log.info(held.size > 0 ? { abandoned: held.size } : {}, 'The worker has stopped')
  } finally {
    held.close()
    await watcher?.close()
    await metrics?.close()
    await loaded?.close().catch((error: Error) => log.warn({ error }, 'The activities did not close well'))
    await client?.connection.close().catch(() => {})
    await connection.close().catch(() => {})
    await tracing?.close()
  }
}

async function loadActivities(settings: { databaseUrl: string; projectDir: string }): Promise<LoadedActivities> {
  const { createActivities, openDeps } = await import('../activities/index.ts')
  const deps = await openDeps(settings)
  return {
    activities: createActivities(deps),
    payloadKeys: await followingKeys(() => deps.store.payloadKeys()),
    store: deps.store,
    watched: deps.store,
    drain() {
      deps.draining = true
    },
    connected(client, searchAttributes) {
      deps.owner = tokenOwner(client, searchAttributes)
      deps.schedules = scheduleControl(client, deps.store, searchAttributes)
    },
    close: () => deps.close(),
  }
}
