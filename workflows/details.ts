import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow'
import type { Counts, Phase, RunError } from '../model/run.ts'
import { grouped } from './counts.ts'
import type { StreamInput, StreamState } from './types.ts'
import { because, beginsAt, errorLines, inWords, many, plural } from './words.ts'

/** What a stream's steps mean, for a reader who sees the run for the first time. */
export const STREAM_STEPS = [
  'Reads one stream of an API in chunks and writes each chunk to its table:',
  '**authenticate** signs in, **page** asks the API for pages, **map** turns their records into rows, **post** writes the rows together with the position reached.',
  'While one chunk is posted the next are already mapped and read. Timers are waits that the API or its limits asked for. *Current Details* tells how far it is, what it waits for, and what to do.',
].join('\n\n')

/** The counts that are not zero, as the lines of a list: tables lose their columns in the Temporal UI. `sync`: how to look at what was rejected. */
export function countLines(c: Counts, sync = ''): string[] {
  const of = (n: number, what: string): string[] => (n > 0 ? [`${grouped(n)} ${what}`] : [])
  return [
    `- ${many(c.read, 'record')} written or set aside: ${[...of(c.inserted, 'inserted'), ...of(c.updated, 'updated'), ...of(c.unchanged, 'unchanged'), ...of(c.deleted, 'deleted'), ...of(c.filtered, 'filtered out'), ...of(c.rejected, 'rejected')].join(', ') || 'none yet'}`,
    ...(c.rejected > 0 && sync ? [rejectLine(c.rejected, sync)] : []),
    `- ${many(c.pages, 'page')} read in ${grouped(c.requests)} ${plural(c.requests, 'request')}`,
  ]
}

function rejectLine(n: number, sync: string): string {
  return `- the ${grouped(n)} rejected ${n === 1 ? 'record is' : 'records are'} set aside: \`isthmus rejects list ${sync}\` shows why, \`isthmus rejects retry ${sync}\` sends them again when the sync is corrected`
}

/** What is said of a stream besides its counts. */
export interface Said {
  /** What it does or waits for. */
  now?: string
  error?: RunError | null
  /** What can be done besides the cure. */
  todo?: string
}

/** Writes what an operator reads of a stream under User Metadata in the Temporal UI. */
export function showStream(input: StreamInput, state: StreamState, phase: Phase, { now = '', error = null, todo = '' }: Said): void {
  const { waits, committed } = state
  const causes = Object.entries(waits.reasons).map(([reason, times]) => `${because(reason, input.connection)}${times > 1 ? ` (${times} times)` : ''}`)
  const over = phase === 'done' || phase === 'finishing'
  setCurrentDetails(
    [
      `### ${input.stream} → ${input.table}: ${phase}`,
      ...(now ? [now, ''] : []),
      ...(error ? errorLines(error, todo) : todo ? [`What to do: ${todo}`, ''] : []),
      ...countLines(state.counts, input.sync),
      `- ${many(committed.seq, 'chunk')} committed: never asked for again, neither by this run nor by a later one${over ? '' : `; reading goes on ${beginsAt(committed.position, state.counts.read)}`}`,
      ...(waits.count > 0 ? [`- waited **${inWords(waits.ms)}** in all: ${causes.join('; ')}`] : []),
      ...(state.tokenRefreshes > 0 ? [`- new token fetched: **${state.tokenRefreshes}** ${plural(state.tokenRefreshes, 'time')}`] : []),
      ...(state.since ? [`- only changes since ${state.since}`] : []),
      `- sync \`${input.sync}\`, connection \`${input.connection}\`, run \`${input.run}\``,
    ].join('\n'),
  )
}

/** Search attribute of the phase: `reading`, `waiting`, `done`, ... */
export function showPhase(input: { searchAttributes: boolean }, phase: Phase): void {
  if (input.searchAttributes) upsertSearchAttributes({ IsthmusPhase: [phase] })
}
