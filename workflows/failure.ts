import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, isCancellation } from '@temporalio/workflow'
import type { ErrorType } from '../model/errors.ts'
import type { PageStop, RunError, StreamReceipt } from '../model/run.ts'

/** A stop that ends the stream: known, explained, and not cured by waiting. */
export class StreamStopped extends Error {
  readonly error: RunError

  constructor(error: RunError) {
    super(error.message)
    this.name = 'StreamStopped'
    this.error = error
  }
}

/** The API no longer knows the place to go on from. */
export class PositionLost extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'PositionLost'
  }
}

export function stopped(stop: Extract<PageStop, { kind: 'refused' }>): StreamStopped {
  return new StreamStopped({ type: stop.type, message: stop.reason, field: stop.field, cure: stop.cure })
}

/** The innermost application failure of an activity or child failure. */
function applicationFailure(error: unknown): ApplicationFailure | null {
  let at: unknown = error
  while (at instanceof ActivityFailure || at instanceof ChildWorkflowFailure) at = at.cause
  return at instanceof ApplicationFailure ? at : null
}

/** The `type` of the failure behind an error, for example `StageLost`; '' when it has none. */
export function failureType(error: unknown): string {
  return applicationFailure(error)?.type ?? ''
}

/** The receipt that a failed stream ends with; null when it ended in another way. */
export function streamReceipt(error: unknown): StreamReceipt | null {
  const detail = error instanceof ChildWorkflowFailure ? applicationFailure(error)?.details?.[0] : null
  return detail && typeof detail === 'object' && 'counts' in detail ? (detail as StreamReceipt) : null
}

/** What the receipt says of an error. */
export function runError(error: unknown): RunError {
  if (error instanceof StreamStopped) return error.error
  if (error instanceof PositionLost) {
    return { type: 'Contract', message: error.message, field: 'from.page', cure: 'the API no longer knows the place to go on from: begin anew with `isthmus run --from-start` (a table of mode append would get records twice)' }
  }
  const failure = applicationFailure(error)
  const detail = (failure?.details?.[0] ?? {}) as Partial<RunError>
  return {
    type: (failure?.type ?? 'Transient') as ErrorType,
    message: failure?.message ?? (error instanceof Error ? error.message : String(error)),
    field: detail.field ?? '',
    cure: detail.cure ?? '',
  }
}

export { isCancellation }
