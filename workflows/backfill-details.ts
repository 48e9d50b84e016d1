import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow'
import type { BackfillPhase, BackfillProgress } from '../model/backfill.ts'
import { clock, countLines, inWords } from './details.ts'
import { grouped } from './counts.ts'

/** What a backfill does, for a reader who sees one for the first time. */
export const BACKFILL_WINDOWS = [
  'Reads a range of time window by window: a child workflow for each window, several at once, with low priority. Runs of the sync go on beside it, and their watermark is not touched.',
  '*Current Details* tells how far it is and what it waits for. It is sent **pause**, **resume** and **setConcurrency** as updates, or by `isthmus backfill`.',
].join('\n\n')

/** `2024-01-08`, with the time of day when it is not midnight UTC. */
export function moment(iso: string): string {
  return iso.endsWith('T00:00:00.000Z') ? iso.slice(0, 10) : `${iso.slice(0, 16)}Z`
}

/** Writes what an operator reads of a backfill under User Metadata in the Temporal UI. */
export function showBackfill(p: BackfillProgress, now: number): void {
  const { windows, spec, counts } = p
  const share = windows.total === 0 ? 100 : Math.floor((100 * (windows.done + windows.skipped)) / windows.total)
  const state: Partial<Record<BackfillPhase, string>> = {
    pausing: 'Ends what is under way at the next whole chunk, then it is paused.',
    paused: `Paused${p.wait && p.wait.reason !== 'paused' ? `: ${p.wait.reason}` : ''}. Nothing is under way and nothing is lost. Go on with \`isthmus backfill resume ${p.id}\`.`,
    waiting: `Waits until **${p.wait?.until ? clock(Date.parse(p.wait.until), now) : 'later'}**: ${p.wait?.reason ?? ''}`,
    stopped: `All other windows are done. Correct the cause, then \`isthmus backfill retry ${p.id}\`, or give these up: \`isthmus backfill skip ${p.id}\`.`,
  }
  setCurrentDetails(
    [
      `### Backfill of ${p.sync}: ${p.phase}, ${grouped(windows.done)} of ${grouped(windows.total)} windows (${share} %)`,
      ...(state[p.phase] ? [state[p.phase]!, ''] : []),
      `- range **${moment(spec.from)}** up to **${moment(spec.to)}** (excluded), ${inWords(spec.windowMs)} a window, ${spec.order} first, **${p.concurrency}** at once`,
      ...countLines(counts),
      ...(p.rate !== null ? [`- **${grouped(Math.round(p.rate))}** records a second${p.eta ? `, ends about **${clock(Date.parse(p.eta), now)}**` : ''}`] : []),
      ...(windows.skipped > 0 ? [`- **${grouped(windows.skipped)}** windows given up`] : []),
      ...(p.open.length > 0 ? ['', 'Under way:', ...p.open.map((w) => `- ${w.stream} ${moment(w.from)} up to ${moment(w.to)}, since ${clock(Date.parse(w.since), now)}${w.attempt > 1 ? `, try ${w.attempt}` : ''}`)] : []),
      ...(p.stopped.length > 0 ? ['', '**Stopped, and waiting for you:**', ...p.stopped.map((w) => `- ${w.stream} ${moment(w.from)} up to ${moment(w.to)}: **${w.error.type}** ${w.error.message}${w.error.cure ? ` What to do: ${w.error.cure}` : ''}`)] : []),
      '',
      `Backfill \`${p.id}\``,
    ].join('\n'),
  )
}

export function showBackfillPhase(searchAttributes: boolean, phase: BackfillPhase): void {
  if (searchAttributes) upsertSearchAttributes({ IsthmusPhase: [phase] })
}
