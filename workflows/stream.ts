import { ApplicationFailure, continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow'
import type { Outcome, RunError, StreamReceipt } from '../model/run.ts'
import { openBoard, type Board } from './board.ts'
import { openDesk } from './desk.ts'
import { failureType, isCancellation, PositionLost, runError, StreamStopped } from './failure.ts'
import { checkDrop } from './guard.ts'
import { drainSignal, heldSignal, progressQuery } from './messages.ts'
import { park } from './park.ts'
import { lapses, NEVER_PARKS } from './policy.ts'
import { pump } from './pump.ts'
import { beginState, rewind } from './state.ts'
import { stepsOf } from './steps.ts'
import type { StreamInput, StreamState } from './types.ts'

/** How often one run begins its scan anew because the place to go on from was lost. */
const MAX_ANEWS = 2
/** How often one run reads a chunk again because its staged pages were gone. */
const MAX_RESTARTS = 3

/**
 * Reads one stream from where it stands to its end. What waiting does not cure parks it: it keeps its place and waits for an operator.
 * Fails with the receipt as detail, so that the Temporal UI shows it as failed.
 */
export async function stream(input: StreamInput): Promise<StreamReceipt> {
  const state = input.carried ?? beginState(input)
  const board = openBoard(input, state)
  const desk = openDesk()
  setHandler(heldSignal, (held) => {
    state.held = held
  })
  setHandler(progressQuery, () => ({ stream: input.stream, phase: board.phase, counts: state.counts, position: state.position, wait: board.wait, error: board.error }))

  let draining = false
  if (input.range) setHandler(drainSignal, () => void (draining = true))

  let outcome: Outcome | null = null
  let error: RunError | null = null
  while (outcome === null) {
    try {
      outcome = await work(input, state, board, () => draining)
      error = null
    } catch (thrown) {
      // `continueAsNew` works by throwing: it is no failure of the stream.
      if (thrown instanceof Error && thrown.name === 'ContinueAsNew') throw thrown
      if (thrown instanceof PositionLost && beginAnew(state, thrown.message)) continue
      error = isCancellation(thrown) ? null : runError(thrown)
      if (error === null) outcome = 'cancelled'
      else if (NEVER_PARKS.includes(error.type)) outcome = 'failed'
      // A window makes room for others; the backfill begins it again.
      else if (input.range) outcome = 'parked'
      else {
        // A person may take days: the cancellation that ends the wait is seen there.
        const end = await park({ input, state, board, desk }, error).catch((stopped: unknown) => {
          if (isCancellation(stopped)) return 'cancelled' as const
          throw stopped
        })
        if (end !== 'again') outcome = end
      }
    }
  }
  board.end(outcome, error)
  const receipt: StreamReceipt = { stream: input.stream, outcome, resumed: state.resumed, counts: state.counts, waits: state.waits, tokenRefreshes: state.tokenRefreshes, error }
  if (outcome === 'failed') throw ApplicationFailure.create({ type: error?.type ?? 'Transient', message: error?.message ?? 'failed', nonRetryable: true, details: [receipt] })
  return receipt
}

/** One try at the rest of the stream. A window that is to hand its place back ends behind a whole chunk, as cancelled. */
async function work(input: StreamInput, state: StreamState, board: Board, draining: () => boolean): Promise<'completed' | 'cancelled'> {
  if (!state.ready) await prepare(input, state)
  if (!state.ended && (await pumpWithRestarts(input, state, board, draining)) === 'continue') {
    if (draining()) return 'cancelled'
    await continueAsNew<typeof stream>({ ...input, carried: state })
  }
  state.ended = true
  checkDrop(state)
  await complete(input, state)
  return 'completed'
}

/** The scan begins anew if that doubles nothing; false when it must be left to a person. */
function beginAnew(state: StreamState, reason: string): boolean {
  if (!state.repeatable || state.anews >= MAX_ANEWS) return false
  state.anews += 1
  state.round += 1
  state.ready = false
  state.anew = reason
  state.setbacks = 0
  return true
}

async function prepare(input: StreamInput, state: StreamState): Promise<void> {
  const ready = await stepsOf(input).first.prepare.executeWithOptions({ summary: `table ${input.table}, checkpoint of ${input.stream}` }, [
    {
      sync: input.sync, run: input.run, plan: input.plan, stream: input.stream, round: state.round, anew: state.anew, committed: state.committed.seq, used: state.seq + (state.round > 0 ? 1 : 0),
      ...(input.range && { range: input.range }),
    },
  ])
  state.ready = true
  state.ended = false
  state.anew = ''
  state.resumed ||= ready.resumed
  // Cursors and addresses may have lapsed since; page numbers do not.
  state.resumedAt = ready.resumed && lapses(ready.position) ? ready.position : null
  state.repeatable = ready.repeatable
  state.epoch = ready.epoch
  state.seq = ready.seq
  state.position = ready.position
  state.committed = { seq: ready.seq, position: ready.position }
  state.since = ready.since
  state.needsToken = ready.needsToken
  state.chunk = ready.chunk
  state.guard = ready.guard
  state.full = ready.full
  state.lastFull = ready.lastFull
  if (!ready.resumed) state.scanned = 0
  state.staged = state.counts.read
}

/** Only a scan without lower bound has seen everything, and only then something follows from what it has not seen. */
async function complete(input: StreamInput, state: StreamState): Promise<void> {
  if (state.since !== null) return
  const result = await stepsOf(input).local.complete.executeWithOptions({ summary: `${input.table}: what is no longer at the source` }, [
    { sync: input.sync, run: input.run, plan: input.plan, stream: input.stream, round: state.round, epoch: state.epoch, approved: state.approved.removed },
  ])
  if (result.kind === 'approval') throw new StreamStopped({ type: 'Implausible', message: result.reason, field: 'deletes.approveAbove', cure: 'look at the source, then retry to read it again, or approve' })
  state.counts.removed += result.removed
}

async function pumpWithRestarts(input: StreamInput, state: StreamState, board: Board, draining: () => boolean): Promise<'done' | 'continue'> {
  for (;;) {
    try {
      return await pump(input, state, board, () => workflowInfo().continueAsNewSuggested || draining())
    } catch (error) {
      if (failureType(error) !== 'StageLost' || state.restarts >= MAX_RESTARTS) throw error
      state.restarts += 1
      rewind(state)
    }
  }
}
