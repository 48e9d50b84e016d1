import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow'
import type { RepairActivities } from '../activities/repair/types.ts'

/** Steps on what is stored and staged already: no source is asked for anything. A person waits for them, so they give up after some minutes. */
export const repair = proxyActivities<RepairActivities>({
  startToCloseTimeout: '2 hours',
  scheduleToCloseTimeout: '24 hours',
  heartbeatTimeout: '10 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 15 },
})
