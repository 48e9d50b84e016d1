import { ApplicationFailure, condition, setHandler } from '@temporalio/workflow'
import type { RunError } from '../model/run.ts'
import { approveUpdate, retryUpdate, skipUpdate, type RetryOrder } from './messages.ts'

/** What an operator decided about a parked stream; `again` is the stream's own next try. */
export type Decision = { kind: 'retry'; order?: RetryOrder } | { kind: 'skip' } | { kind: 'approve' } | { kind: 'again' }

/** Takes the operator's decisions while a stream is parked. */
export interface Desk {
  /** From now on decisions about this stop are taken. */
  open(error: RunError): void
  /** No decision is taken any more; gives the one that was. */
  close(): Decision | null
  /** Waits for a decision, at most `ms` (null: for ever); `summary` names the timer. */
  decide(ms: number | null, summary: string): Promise<Decision>
}

/** Sets the update handlers of a stream. */
export function openDesk(): Desk {
  let waiting: RunError | null = null
  let decision: Decision | null = null
  const parked = (): void => {
    if (waiting === null || decision !== null) throw ApplicationFailure.nonRetryable('the stream is not parked', 'InvalidInput')
  }
  const take = (made: Decision): void => {
    decision = made
  }
  setHandler(retryUpdate, (order?: RetryOrder) => take({ kind: 'retry', ...(order && { order }) }), { validator: (_order?: RetryOrder) => parked() })
  setHandler(skipUpdate, () => take({ kind: 'skip' }), { validator: parked })
  setHandler(approveUpdate, () => take({ kind: 'approve' }), {
    validator: () => {
      parked()
      if (waiting?.type !== 'Implausible') throw ApplicationFailure.nonRetryable('there is nothing to approve: correct the cause, then retry', 'InvalidInput')
    },
  })
  return {
    open(error) {
      waiting = error
      decision = null
    },
    close() {
      waiting = null
      return decision
    },
    async decide(ms, summary) {
      try {
        if (ms === null) await condition(() => decision !== null)
        else if (!(await condition(() => decision !== null, ms, { summary }))) return { kind: 'again' }
        return decision!
      } finally {
        waiting = null
      }
    },
  }
}
