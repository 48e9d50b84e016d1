import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow'
import type { BackfillPhase, BackfillProgress } from '../model/backfill.ts'
import { countLines } from './details.ts'
import { grouped } from './counts.ts'
import { clock, dayAndTime, inWords, linked, many, plural, verbatim } from './words.ts'

/** `2024-01-08`, with the time of day when it is not midnight UTC. */
export function moment(iso: string): string {
  return iso.endsWith('T00:00:00.000Z') ? iso.slice(0, 10) : `${iso.slice(0, 16)}Z`
}

/** Writes what an operator reads of a backfill under User Metadata in the Temporal UI. Times: epoch ms. */
export function showBackfill(p: BackfillProgress, now: number, pausedAt = now): void {
  const { windows, spec, counts } = p
  const share = windows.total === 0 ? 100 : Math.floor((100 * (windows.done + windows.skipped)) / windows.total)
  setCurrentDetails(
    [
      `### Backfill of ${p.sync}: ${p.phase}, ${grouped(windows.done)} of ${grouped(windows.total)} ${plural(windows.total, 'window')} (${share} %)`,
      stands(p, now, pausedAt),
      '',
      `- range **${moment(spec.from)}** up to **${moment(spec.to)}** (excluded, UTC), ${inWords(spec.windowMs)} a window, ${spec.order} first, **${p.concurrency}** at once`,
      ...countLines(counts, p.sync),
      ...(p.rate !== null && counts.read > 0 ? [`- **${grouped(Math.round(p.rate))}** records a second while it works`] : []),
      ...(p.eta ? [`- ends about **${clock(Date.parse(p.eta), now)}**, as fast as it has been`] : []),
      ...(windows.skipped > 0 ? [`- ${many(windows.skipped, 'window')} given up`] : []),
      ...(p.open.length > 0 ? ['', 'Under way:', '', ...p.open.map((w) => `- ${linked(w.workflowId)} since ${clock(Date.parse(w.since), now)}${w.attempt > 1 ? `, try ${w.attempt}` : ''}`)] : []),
      ...(p.stopped.length > 0 ? ['', '**Stopped, and waiting for you:**', '', ...p.stopped.map((w) => `- ${w.stream} ${moment(w.from)} up to ${moment(w.to)}: **${w.error.type}**: ${verbatim(w.error.message)}${w.error.cure ? ` What to do: ${verbatim(w.error.cure)}` : ''}`)] : []),
      '',
      `*A backfill reads a range of time window by window, each a child workflow, with low priority; runs of the sync go on beside it.* Its id is \`${p.id}\`.`,
    ].join('\n'),
  )
}

/** What it does or waits for, until when, and what to do. */
function stands(p: BackfillProgress, now: number, pausedAt: number): string {
  const { windows, wait } = p
  const resume = `What to do: \`isthmus backfill resume ${p.id}\`; from this page *More Actions*, *Send an Update*, \`resume\`.`
  const stopped = `\`isthmus backfill retry ${p.id}\` begins ${windows.stopped === 1 ? 'it' : 'them'} again when the cause is corrected, \`isthmus backfill skip ${p.id}\` gives ${windows.stopped === 1 ? 'it' : 'them'} up; from this page *More Actions*, *Send an Update*, \`retry\` or \`skip\`.`
  const of: Partial<Record<BackfillPhase, string>> = {
    working: windows.stopped > 0 ? `Works on; ${many(windows.stopped, 'window')} stopped. What to do: ${stopped}` : 'Works. What to do: nothing.',
    pausing: 'Ends what is under way at the next whole chunk, within a minute or so; then it is paused.',
    paused: `Paused since **${dayAndTime(pausedAt)}**${wait && wait.reason !== 'paused' ? `: ${verbatim(wait.reason)}` : ''}, until somebody lets it go on. Nothing is under way and nothing is lost. ${resume}`,
    waiting: `Waits until **${wait?.until ? clock(Date.parse(wait.until), now) : 'later'}**: ${verbatim(wait?.reason ?? '')}. What to do: nothing, it goes on by itself.`,
    stopped: `All other windows are done; waits until somebody decides. What to do: ${stopped}`,
    completed: 'Complete. What to do: nothing.',
    skipped: `Ended, with ${many(windows.skipped, 'window')} given up. To read what is missing, begin another backfill of that range.`,
    cancelled: 'Cancelled. Rows that are written stay. To read the rest, begin another backfill.',
  }
  return of[p.phase] ?? ''
}

export function showBackfillPhase(searchAttributes: boolean, phase: BackfillPhase): void {
  if (searchAttributes) upsertSearchAttributes({ IsthmusPhase: [phase] })
}
