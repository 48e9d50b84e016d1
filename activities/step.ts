import { ApplicationFailure, Context } from '@temporalio/activity'
import { ERROR_POLICY, IsthmusError } from '../model/errors.ts'
import { redactor } from '../model/redact/index.ts'
import type { PageStop, RunError } from '../model/run.ts'

export interface StepContext {
  /** Aborted when the run is cancelled, the heartbeat is lost or the worker stops. */
  signal: AbortSignal
  /** Which attempt at the step this is, from 1. */
  attempt: number
  /** From when Temporal had it to be done until it began, ms; by the clocks of two machines. */
  waited: number
  /** What the Temporal UI shows of the step while it works; small, no secrets. */
  beat(details: Record<string, number | string>): void
}

const HEARTBEAT_MS = 2_000

/**
 * Runs an activity's body with heartbeats, the cancellation signal and errors in the form
 * Temporal keeps: type = the retry contract, details = field and cure.
 */
export async function step<R>(body: (context: StepContext) => Promise<R>): Promise<R> {
  const context = Context.current()
  let details: Record<string, number | string> = {}
  const timer = setInterval(() => context.heartbeat(details), HEARTBEAT_MS)
  try {
    return withoutSecrets(await body({
      signal: context.cancellationSignal,
      attempt: context.info.attempt,
      waited: Date.now() - context.info.currentAttemptScheduledTimestampMs,
      beat: (d) => {
        details = redactor.value(d) as typeof d
      },
    }))
  } catch (error) {
    // A cancelled activity must end as cancelled, whatever its libraries made of the signal.
    if (context.cancellationSignal.aborted) await context.cancelled
    throw toFailure(error)
  } finally {
    clearInterval(timer)
  }
}

/** An error as Temporal keeps it: without secrets, stack traces and causes. */
export function toFailure(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error
  if (error instanceof IsthmusError) {
    const message = redactor.text(error.message)
    const details: RunError = { type: error.type, message, field: error.field ?? '', cure: redactor.text(error.cure ?? ERROR_POLICY[error.type].next) }
    return ApplicationFailure.create({ type: error.type, message, nonRetryable: !error.retryable, details: [details] })
  }
  const known = error instanceof Error ? error : new Error(String(error))
  return ApplicationFailure.create({ type: 'Transient', message: redactor.text(`${known.name}: ${known.message}`).slice(0, 1_000), nonRetryable: false })
}

/** What a step gives back, its reason to stop redacted: it stays in the history. */
function withoutSecrets<R>(result: R): R {
  const stop = (result as { stop?: PageStop | null } | null | undefined)?.stop
  if (!stop || !('reason' in stop)) return result
  return { ...result, stop: { ...stop, reason: redactor.text(stop.reason), ...('cure' in stop ? { cure: redactor.text(stop.cure) } : {}) } }
}
