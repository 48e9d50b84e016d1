import { backfill, backfillStopped } from './backfill.ts'
import { connection } from './connection.ts'
import { run } from './run.ts'
import { scheduled, scheduledSkipped } from './scheduled.ts'
import { triggered } from './triggered.ts'
import type { Case } from './types.ts'

export type { Case, Recording } from './types.ts'

/** What histories are recorded of, by name. */
export const CASES: Record<string, Case> = {
  plain: run(),
  'token-and-wait': run({ expireTokenAfterRequests: 4, throttleOnce: { atRequest: 7, retryAfterSeconds: 12 } }),
  'long-wait': run({ throttleOnce: { atRequest: 7, retryAfterSeconds: 310 } }),
  skipped: run({ faultAt: { 6: 'status:404' } }, { then: 'skip' }),
  retried: run({ faultAt: { 6: 'status:404' } }, { then: 'run' }),
  cancelled: run({ latencyMs: 400 }, { cancelAfter: 4 }),
  continued: run({ records: { transactions: 2_400 }, expireTokenAfterRequests: 3 }),
  scheduled,
  'scheduled-skipped': scheduledSkipped,
  triggered,
  backfill,
  'backfill-stopped': backfillStopped,
  connection,
}
