import type { DataConverter, WorkerDeploymentVersion } from '@temporalio/common'
import type { ActivityInterceptorsFactory, InjectedSinks, NativeConnection, Worker, WorkerOptions, WorkflowBundleOption } from '@temporalio/worker'
import type { Sinks } from '@temporalio/workflow'
import { IsthmusError } from '../model/errors.ts'
import type { HeldTasks } from './held.ts'
import { PayloadLimit } from './payload-limit.ts'
import { API_TASK_QUEUE, BACKFILL_API_TASK_QUEUE, BACKFILL_TASK_QUEUE, START_TASK_QUEUE, TASK_QUEUE, TOKEN_TASK_QUEUE } from './queues.ts'

export interface WorkersOptions {
  connection: NativeConnection
  namespace: string
  /** By name. Those that call sources go to the queue of API calls, the others stay with the workflows. */
  activities: object
  bundle: WorkflowBundleOption
  /** Workflows kept in memory; 200 by default. */
  maxCachedWorkflows?: number
  /** Parallel activities that call sources; 100 by default. */
  maxPages?: number
  /** The release of this worker: runs stay with the one they began with. Without it workers are not told apart. */
  version?: WorkerDeploymentVersion
  /** Encrypts what Temporal stores; nothing is encrypted without. */
  dataConverter?: DataConverter
  /** Writes down what is under way, for the worker that follows. */
  held?: HeldTasks
  /** Look at each step: logs, metrics, traces. The first is the outermost. */
  interceptors?: ActivityInterceptorsFactory[]
  /** Hear of workflows. */
  sinks?: InjectedSinks<Sinks>
}

export interface Workers {
  /** Polls until `shutdown` is called and everything is drained. Rejects when a worker fails; the other is stopped then. */
  run(): Promise<void>
  /** Starts draining: running activities get 20 s, then are cancelled, and 5 s later abandoned (they run again elsewhere). Idempotent. */
  shutdown(): void
}

/** Activities that do not stay with the workflows. */
const ELSEWHERE = new Set(['authenticate', 'page', 'refresh'])
/** Refreshes under way at once: one for each connection. */
const MAX_REFRESHES = 20

/** Queues beside that of the workflows, which activities they have, and how many of them a worker works at: those that wait for an answer hold no processor. */
const queues = (maxPages: number): [queue: string, names: string[], most: number][] => [
  [API_TASK_QUEUE, ['authenticate', 'page'], maxPages],
  [TOKEN_TASK_QUEUE, ['refresh'], MAX_REFRESHES],
  // They stay with the workflows too: earlier releases looked for them there.
  [START_TASK_QUEUE, ['begin', 'prepare'], 4],
  [BACKFILL_TASK_QUEUE, ['prepare', 'map', 'post', 'complete', 'noteBackfill'], 3],
  [BACKFILL_API_TASK_QUEUE, ['authenticate', 'page'], 16],
]

/**
 * Makes the workers of a process: `isthmus` (workflows and light activities, 8 at a time), `isthmus-api` (`authenticate` and `page`), `isthmus-tokens` (`refresh`),
 * `isthmus-start` (`begin` and `prepare`) and those of backfills.
 * @throws IsthmusError NotFound when the namespace does not exist.
 */
export async function createWorkers(options: WorkersOptions): Promise<Workers> {
  const { connection, namespace, bundle, maxCachedWorkflows = 200, maxPages = 100, held } = options
  const sdk = await import('@temporalio/worker')
  const all = Object.entries(options.activities as Record<string, unknown>)
  const those = (fits: (name: string) => boolean): Record<string, unknown> => Object.fromEntries(all.filter(([name]) => fits(name)))
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    connection, namespace,
    ...(options.dataConverter && { dataConverter: options.dataConverter }),
    ...(options.version && { workerDeploymentOptions: { version: options.version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' } }),
    shutdownGraceTime: '20s',
    shutdownForceTime: '25s',
    // Progress and cancellation shall be seen within seconds.
    maxHeartbeatThrottleInterval: '2s',
    defaultHeartbeatThrottleInterval: '1s',
    // A workflow task for a worker that was killed goes to another one after this time.
    stickyQueueScheduleToStartTimeout: '3s',
    interceptors: { activity: [...(options.interceptors ?? []), ...(held ? [held.interceptor.bind(held)] : []), () => ({ inbound: new PayloadLimit() })] },
  }
  const workers: Worker[] = []
  try {
    workers.push(await sdk.Worker.create({ ...common, taskQueue: TASK_QUEUE, workflowBundle: bundle, ...(options.sinks && { sinks: options.sinks }), maxCachedWorkflows, activities: those((name) => !ELSEWHERE.has(name)), maxConcurrentActivityTaskExecutions: 8 }))
    for (const [taskQueue, names, most] of queues(maxPages)) {
      const activities = those((name) => names.includes(name))
      if (Object.keys(activities).length > 0) workers.push(await sdk.Worker.create({ ...common, taskQueue, activities, maxConcurrentActivityTaskExecutions: most }))
    }
  } catch (error) {
    // A worker that never runs would keep its connection open.
    for (const worker of workers) void drop(worker)
    if (/namespace/i.test(String(error)) && /not ?found/i.test(String(error))) {
      throw new IsthmusError('NotFound', `Temporal has no namespace ${namespace}`, { cure: `correct TEMPORAL_NAMESPACE, or run \`temporal operator namespace create -n ${namespace}\``, cause: error })
    }
    throw error
  }
  const shutdown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown()
  }
  return {
    shutdown,
    async run() {
      const results = await Promise.allSettled(workers.map(async (worker) => {
        try {
          await worker.run()
        } catch (error) {
          if (!(error instanceof sdk.GracefulShutdownPeriodExpiredError)) throw error
        } finally {
          shutdown()
        }
      }))
      for (const result of results) if (result.status === 'rejected') throw result.reason
    },
  }
}

async function drop(worker: Worker): Promise<void> {
  const run = worker.run().catch(() => {})
  worker.shutdown()
  await run
}
