import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow'
import type { Activities } from '../activities/types.ts'
import type { StreamInput } from './types.ts'

/**
 * Waits between attempts stay short, since what an attempt does is bounded and
 * resumes where the last one stopped; errors that waiting cannot cure are marked
 * non-retryable by the activities themselves. The longest wait bounds how long a
 * chunk stands still whose worker was killed many times.
 */
const retry = { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 seconds' } as const

type Local = Pick<Activities, 'begun' | 'unbegin' | 'map' | 'post' | 'complete' | 'park' | 'pause' | 'finish'>
type First = Pick<Activities, 'prepare'>
type Remote = Pick<Activities, 'authenticate' | 'page'>

const LOCAL = {
  startToCloseTimeout: '30 minutes',
  scheduleToCloseTimeout: '24 hours',
  heartbeatTimeout: '10 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry,
} as const
const REMOTE = { ...LOCAL, allowEagerDispatch: false } as const

/** Steps on our own data: short work, local services. */
export const local = proxyActivities<Local>(LOCAL)

/** Steps that call the API: on their own task queue, never dispatched eagerly, so that they can be paced apart. */
export const remote = proxyActivities<Remote>({ ...REMOTE, taskQueue: 'isthmus-api' })

/**
 * First steps of runs: in their own task queue, where they wait until a worker can take on one more run. Those of runs that have begun go before
 * those that begin one (the default priority is 3, lower numbers go first).
 */
const FIRST = { ...REMOTE, taskQueue: 'isthmus-start' } as const
export const first = proxyActivities<First>(FIRST)
export const beginning = proxyActivities<Pick<Activities, 'begin'>>({ ...FIRST, priority: { priorityKey: 4 } })

/** Task queues of backfills: few places, so that runs find theirs. */
const BACKFILL = { local: 'isthmus-backfill', remote: 'isthmus-backfill-api' }

const localOfBackfill = proxyActivities<Local & First>({ ...LOCAL, taskQueue: BACKFILL.local })
const remoteOfBackfill = proxyActivities<Remote>({ ...REMOTE, taskQueue: BACKFILL.remote })

/** The steps of a stream, on the queues of runs or of backfills. */
export function stepsOf({ range }: Pick<StreamInput, 'range'>): { first: typeof first; local: typeof local; remote: typeof remote } {
  return range ? { first: localOfBackfill, local: localOfBackfill, remote: remoteOfBackfill } : { first, local, remote }
}

/** Notes of a backfill. */
export const notes = proxyActivities<Pick<Activities, 'noteBackfill'>>({ ...LOCAL, taskQueue: BACKFILL.local })

/**
 * Gets new tokens, on a queue of its own: steps that wait for one hold places of the other queues. Bounded, so that those who wait are told
 * when nobody comes to do it; what an attempt has begun goes on in its process all the same.
 */
export const tokens = proxyActivities<Pick<Activities, 'refresh'>>({
  taskQueue: 'isthmus-tokens',
  startToCloseTimeout: '10 minutes',
  scheduleToCloseTimeout: '10 minutes',
  heartbeatTimeout: '10 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  allowEagerDispatch: false,
  retry,
})
