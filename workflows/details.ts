import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow'
import type { Counts, Phase, Position, RunError } from '../model/run.ts'
import { grouped } from './counts.ts'
import type { StreamInput, StreamState } from './types.ts'

/** What a stream's steps mean, for a reader who sees the run for the first time. */
export const STREAM_STEPS = [
  'Reads one stream of an API in chunks and writes each chunk to its table:',
  '**authenticate** signs in, **page** asks the API for pages, **map** turns their records into rows, **post** writes the rows together with the position reached.',
  'While one chunk is posted the next are already mapped and read. Timers are waits that the API or its limits asked for. *Current Details* has the counts.',
].join('\n\n')

/** Where a chunk begins, in words: `from page 12`, `from record 4,000`; cursors and links mean nothing to a reader. */
export function beginsAt(position: Position | null, read: number): string {
  if (position === null) return 'from the beginning'
  if (position.kind === 'page') return `from page ${position.page}`
  if (position.kind === 'window') return `from ${position.from.slice(0, 19)} up to ${position.to.slice(0, 19)}`
  if (position.kind === 'job') return position.ready ? 'of the report' : 'whether the report is ready'
  if (position.kind === 'row') return `behind the row ${position.key.join(', ').slice(0, 60)}`
  if (position.kind === 'offset') return `from record ${grouped(position.offset)}`
  return read > 0 ? `after ${grouped(read)} records` : 'from where the last run stopped'
}

/** The cause of a wait without the address that met it, so that one cause has one name. */
export function cause(reason: string): string {
  return reason.replace(/^[A-Z]+ \S+: /, '').slice(0, 200)
}

/** `90 s`, `12 min`, `5 h`: as exact as a reader of a wait needs it. */
export function inWords(ms: number): string {
  if (ms < 120_000) return `${Math.ceil(ms / 1000)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}

/** Time of day as the Temporal UI shows it in UTC; with the date when it is another day. */
export function clock(until: number, now: number): string {
  const [day, time] = new Date(until).toISOString().split('T') as [string, string]
  return `${day === new Date(now).toISOString().slice(0, 10) ? '' : `${day} `}${time.slice(0, 8)} UTC`
}

/** The counts that are not zero, as the lines of a list: tables lose their columns in the Temporal UI. */
export function countLines(c: Counts): string[] {
  const of = (n: number, what: string): string[] => (n > 0 ? [`${grouped(n)} ${what}`] : [])
  return [
    `- **${grouped(c.read)}** records written or set aside: ${[...of(c.inserted, 'inserted'), ...of(c.updated, 'updated'), ...of(c.unchanged, 'unchanged'), ...of(c.deleted, 'deleted'), ...of(c.filtered, 'filtered out'), ...of(c.rejected, 'rejected')].join(', ') || 'none yet'}`,
    `- **${grouped(c.pages)}** pages read in ${grouped(c.requests)} requests`,
  ]
}

/** An error with its cure. */
export function errorLines(error: RunError): string[] {
  return [`**${error.type}**: ${error.message}`, '', ...(error.field ? [`Field: \`${error.field}\``, ''] : []), ...(error.cure ? [`What to do: ${error.cure}`, ''] : [])]
}

/** Writes what an operator reads of a stream under User Metadata in the Temporal UI. */
export function showStream(input: StreamInput, state: StreamState, phase: Phase, wait: string, error: RunError | null): void {
  const { waits, committed } = state
  const causes = Object.entries(waits.reasons).map(([reason, times]) => (times > 1 ? `${reason} (${times} times)` : reason))
  setCurrentDetails(
    [
      `### ${input.stream} → ${input.table}: ${phase}`,
      ...(wait ? [`${wait}`, ''] : []),
      ...(error ? errorLines(error) : []),
      ...countLines(state.counts),
      `- **${grouped(committed.seq)}** chunks committed; a later run never asks for their pages again`,
      ...(waits.count > 0 ? [`- waited **${inWords(waits.ms)}**: ${causes.join('; ')}`] : []),
      ...(state.tokenRefreshes > 0 ? [`- new token fetched: **${state.tokenRefreshes}**`] : []),
      ...(state.since ? [`- only changes since ${state.since}`] : []),
      `- connection \`${input.connection}\`, run \`${input.run}\``,
    ].join('\n'),
  )
}

/** Search attribute of the phase: `reading`, `waiting`, `done`, ... */
export function showPhase(input: { searchAttributes: boolean }, phase: Phase): void {
  if (input.searchAttributes) upsertSearchAttributes({ IsthmusPhase: [phase] })
}
