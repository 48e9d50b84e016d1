import { ApplicationFailure, continueAsNew, defineQuery, setHandler, workflowInfo } from '@temporalio/workflow'
import type { Outcome, Phase, RunError, StreamProgress, StreamReceipt } from '../model/run.ts'
import { noCounts } from './counts.ts'
import { clock, showPhase, showStream } from './details.ts'
import { failureType, isCancellation, runError, StreamStopped } from './failure.ts'
import { pump } from './pump.ts'
import { local } from './steps.ts'
import type { StreamInput, StreamState } from './types.ts'

export const progressQuery = defineQuery<StreamProgress>('progress')

/** Live view of a stream run: the phase and what it waits for. */
export interface Board {
  phase: Phase
  wait: { reason: string; until: string } | null
  set(phase: Phase, wait?: { reason: string; until: string }): void
  end(outcome: Outcome, error: RunError | null): void
}

/** How often one run reads a chunk again because its staged pages were gone. */
const MAX_RESTARTS = 3

/** Reads one stream from where it stands to its end. Fails with the receipt as detail, so that the Temporal UI shows it as failed. */
export async function stream(input: StreamInput): Promise<StreamReceipt> {
  const state = input.carried ?? begin()
  const board = openBoard(input, state)
  setHandler(progressQuery, () => ({ stream: input.stream, phase: board.phase, counts: state.counts, position: state.position, wait: board.wait }))

  let outcome: Outcome = 'completed'
  let error: RunError | null = null
  try {
    if (input.carried === null) await prepare(input, state)
    const end = await pumpWithRestarts(input, state, board)
    if (end === 'done') await complete(input, state)
    if (end === 'continue') await continueAsNew<typeof stream>({ ...input, carried: state })
  } catch (thrown) {
    // `continueAsNew` works by throwing: it is no failure of the stream.
    if (thrown instanceof Error && thrown.name === 'ContinueAsNew') throw thrown
    outcome = isCancellation(thrown) ? 'cancelled' : 'failed'
    error = outcome === 'failed' ? runError(thrown) : null
  }
  board.end(outcome, error)
  const receipt: StreamReceipt = { stream: input.stream, outcome, counts: state.counts, waits: state.waits, tokenRefreshes: state.tokenRefreshes, error }
  if (error) throw ApplicationFailure.create({ type: error.type, message: error.message, nonRetryable: true, details: [receipt] })
  return receipt
}

function begin(): StreamState {
  return {
    epoch: 0, needsToken: false, tokenVersion: -1, tokenRefreshes: 0, since: null,
    chunk: { ms: 0, bytes: 0, requests: 0 },
    seq: 0, staged: 0, position: null, committed: { seq: 0, position: null },
    counts: noCounts(), waits: { count: 0, ms: 0, reasons: {} }, setbacks: 0, restarts: 0,
  }
}

async function prepare(input: StreamInput, state: StreamState): Promise<void> {
  const ready = await local.prepare.executeWithOptions({ summary: `table ${input.table}, checkpoint of ${input.stream}` }, [
    { sync: input.sync, run: input.run, plan: input.plan, stream: input.stream },
  ])
  state.epoch = ready.epoch
  state.seq = ready.seq
  state.position = ready.position
  state.committed = { seq: ready.seq, position: ready.position }
  state.since = ready.since
  state.needsToken = ready.needsToken
  state.chunk = ready.chunk
}

/** Only a scan without lower bound has seen everything, and only then something follows from what it has not seen. */
async function complete(input: StreamInput, state: StreamState): Promise<void> {
  if (state.since !== null) return
  const result = await local.complete.executeWithOptions({ summary: `${input.table}: what is no longer at the source` }, [
    { sync: input.sync, run: input.run, plan: input.plan, stream: input.stream, epoch: state.epoch, approved: false },
  ])
  if (result.kind === 'approval') throw new StreamStopped({ type: 'Implausible', message: result.reason, field: 'deletes.approveAbove', cure: 'look at the source, then run again or approve' })
  state.counts.removed += result.removed
}

async function pumpWithRestarts(input: StreamInput, state: StreamState, board: Board): Promise<'done' | 'continue'> {
  for (;;) {
    try {
      return await pump(input, state, board, () => workflowInfo().continueAsNewSuggested)
    } catch (error) {
      if (failureType(error) !== 'StageLost' || state.restarts >= MAX_RESTARTS) throw error
      state.restarts += 1
      state.seq = state.committed.seq
      state.staged = state.counts.read
      state.position = state.committed.position
    }
  }
}

function openBoard(input: StreamInput, state: StreamState): Board {
  const board: Board = {
    phase: 'starting',
    wait: null,
    set: (phase, wait) => show(phase, wait ?? null, null),
    end: (outcome, error) => show(outcome === 'completed' ? 'done' : outcome, null, error),
  }
  function show(phase: Phase, wait: Board['wait'], error: RunError | null): void {
    const changed = phase !== board.phase
    board.phase = phase
    board.wait = wait
    showStream(input, state, phase, wait ? `Waits until **${clock(Date.parse(wait.until), Date.now())}**: ${wait.reason}` : '', error)
    if (changed) showPhase(input, phase)
  }
  return board
}
