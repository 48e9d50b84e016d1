import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow'
import type { Activities } from '../activities/types.ts'

/**
 * Waits between attempts stay short, since what an attempt does is bounded and
 * resumes where the last one stopped; errors that waiting cannot cure are marked
 * non-retryable by the activities themselves. The longest wait bounds how long a
 * chunk stands still whose worker was killed many times.
 */
const retry = { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 seconds' } as const

/** Steps on our own data: short work, local services. */
export const local = proxyActivities<Pick<Activities, 'prepare' | 'map' | 'post' | 'complete' | 'park' | 'finish'>>({
  startToCloseTimeout: '30 minutes',
  scheduleToCloseTimeout: '24 hours',
  heartbeatTimeout: '10 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry,
})

/** Steps that call the API: on their own task queue, never dispatched eagerly, so that they can be paced apart. */
export const remote = proxyActivities<Pick<Activities, 'authenticate' | 'page' | 'refresh'>>({
  taskQueue: 'isthmus-api',
  startToCloseTimeout: '30 minutes',
  scheduleToCloseTimeout: '24 hours',
  heartbeatTimeout: '10 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  allowEagerDispatch: false,
  retry,
})
