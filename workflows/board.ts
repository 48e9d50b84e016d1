import type { Outcome, Phase, RunError } from '../model/run.ts'
import { clock, showPhase, showStream } from './details.ts'
import type { StreamInput, StreamState } from './types.ts'

/** Live view of a stream run: the phase and what it waits for. */
export interface Board {
  phase: Phase
  wait: { reason: string; until: string } | null
  error: RunError | null
  set(phase: Phase, wait?: { reason: string; until: string }): void
  /** A person has paused the run. */
  hold(note: string): void
  /** The stream waits for a person, or for its own next try at `until`. */
  park(error: RunError, until: string | null): void
  end(outcome: Outcome, error: RunError | null): void
}

export function openBoard(input: StreamInput, state: StreamState): Board {
  const board: Board = {
    phase: 'starting',
    wait: null,
    error: null,
    set: (phase, wait) => show(phase, wait ?? null, wait ? `Waits until **${clock(Date.parse(wait.until), Date.now())}**: ${wait.reason}` : '', null),
    hold: (note) => show('paused', null, `Paused${note === '' ? '' : ` (${note})`}: nothing is lost, what was read is delivered. \`isthmus resume ${input.run}\` lets it go on.`, null),
    park: (error, until) =>
      show(
        'parked',
        null,
        `Parked: nothing is lost, and what is committed stays. ${until ? `Tries again by itself at **${clock(Date.parse(until), Date.now())}**, or at once with` : 'Correct the cause, then'} \`isthmus retry ${input.run}\`; \`isthmus skip ${input.run}\` gives the stream up${error.type === 'Implausible' ? `; \`isthmus approve ${input.run}\` goes on all the same` : ''}.`,
        error,
      ),
    end: (outcome, error) => show(outcome === 'completed' ? 'done' : outcome, null, '', error),
  }
  function show(phase: Phase, wait: Board['wait'], said: string, error: RunError | null): void {
    const changed = phase !== board.phase
    board.phase = phase
    board.wait = wait
    board.error = error
    showStream(input, state, phase, said, error)
    if (changed) showPhase(input, phase)
  }
  return board
}
