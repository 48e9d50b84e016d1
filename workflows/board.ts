import type { Outcome, Phase, RunError } from '../model/run.ts'
import { showPhase, showStream, type Said } from './details.ts'
import { because, clock, dayAndTime, inWords, verbatim } from './words.ts'
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

/** Shows the stream from its first moment on, also while it waits for a place in a worker. */
export function openBoard(input: StreamInput, state: StreamState): Board {
  const board: Board = {
    phase: 'starting',
    wait: null,
    error: null,
    set: (phase, wait) => show(phase, wait ?? null, phaseSaid(input, phase, wait)),
    hold: (note) => show('paused', null, pauseSaid(input, note)),
    park: (error, until) => show('parked', null, parkSaid(input, error, until)),
    end: (outcome, error) => show(outcome === 'completed' ? 'done' : outcome, null, endSaid(input, outcome, error)),
  }
  function show(phase: Phase, wait: Board['wait'], said: Said): void {
    const changed = phase !== board.phase
    board.phase = phase
    board.wait = wait
    board.error = said.error ?? null
    showStream(input, state, phase, said)
    if (changed) showPhase(input, phase)
  }
  showStream(input, state, 'starting', state.ready ? {} : phaseSaid(input, 'starting'))
  return board
}

function phaseSaid(input: StreamInput, phase: Phase, wait?: { reason: string; until: string }): Said {
  if (wait) {
    const now = Date.now()
    const until = Date.parse(wait.until)
    return {
      now: `Waits until **${clock(until, now)}** (${inWords(until - now)} from ${clock(now, now)}): ${because(wait.reason, input.connection)}.`,
      todo: `nothing, it goes on by itself.${input.range ? '' : ` \`isthmus cancel ${input.sync}\` would end the run, and the next one goes on from here.`}`,
    }
  }
  if (phase === 'starting') return { now: `Waits for a place in a worker, then checks the table \`${input.table}\` and finds where to go on.` }
  if (phase === 'reading' || phase === 'authenticating') return { now: phase === 'reading' ? 'Reads pages, and writes what was read.' : 'Signs in.', todo: 'nothing, it is at work.' }
  return phase === 'finishing' ? { now: 'All has been read; the last chunks are written.' } : {}
}

function pauseSaid(input: StreamInput, note: string): Said {
  return {
    now: `Paused by a person since **${dayAndTime(Date.now())}**${note === '' ? '' : ` (${verbatim(note)})`}, until somebody lets it go on. What was read is delivered; nothing is lost.`,
    todo: `\`isthmus resume ${input.sync}\` lets it go on; from the Temporal UI the update \`resume\` to the workflow of the run (*Parent Workflow*, *More Actions*).`,
  }
}

/** What can be done about a parked stream, besides the cure: with the command line, and with the Temporal UI alone. */
function parkSaid(input: StreamInput, error: RunError, until: string | null): Said {
  const unusual = error.type === 'Implausible'
  const decisions = ['retry', ...(unusual ? ['approve'] : []), 'skip']
  return {
    now: `Parked since **${dayAndTime(Date.now())}**, ${until ? `tries again by itself at **${clock(Date.parse(until), Date.now())}**` : 'until somebody decides'}. Nothing is lost: what is committed stays, and the stream keeps its place.`,
    error,
    todo: `${until ? 'At once:' : 'Then'} \`isthmus retry ${input.sync}\`. ${unusual ? `All is well: \`isthmus approve ${input.sync}\` goes on all the same. ` : ''}To leave the stream out of this run: \`isthmus skip ${input.sync}\`. The same from this page: *More Actions*, *Send an Update*, ${decisions.map((d) => `\`${d}\``).join(' or ')}.`,
  }
}

function endSaid(input: StreamInput, outcome: Outcome, error: RunError | null): Said {
  if (outcome === 'completed') return { now: 'Complete. What to do: nothing.' }
  if (input.range) return { error }
  if (outcome === 'cancelled') return { now: 'Cancelled. What is committed stays.', todo: `\`isthmus run ${input.sync}\` goes on from here.` }
  if (outcome === 'skipped') return { now: 'Left out of this run by a person. What is committed stays.', error, todo: `\`isthmus run ${input.sync}\` goes on from here.` }
  return { now: 'Ended as failed. What is committed stays.', error, todo: `Then \`isthmus run ${input.sync}\` goes on from here.` }
}
