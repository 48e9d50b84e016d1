import { setCurrentDetails, workflowInfo } from '@temporalio/workflow'
import type { Phase, StreamReceipt } from '../model/run.ts'
import { grouped } from './counts.ts'
import type { LongWait, PauseNote } from './messages.ts'
import type { SyncInput } from './types.ts'
import { because, clock, dayAndTime, errorLines, linked, plural, verbatim } from './words.ts'

/** How a run stands. */
export interface SyncView {
  phase: Phase
  ended: StreamReceipt[]
  parked: StreamReceipt[]
  waits: LongWait[]
  held: PauseNote | null
  /** When it was paused, or the last stream was parked; epoch ms. */
  since: number
}

/** Writes what an operator reads of a run under User Metadata in the Temporal UI. */
export function showSync(input: SyncInput, view: SyncView): void {
  const { phase, ended, parked, waits, held, since } = view
  const total = input.streams.length
  const some = (n: number, what: string): string[] => (n > 0 ? [`${n} ${what}`] : [])
  const over = ended.length === total
  setCurrentDetails(
    [
      `### ${input.sync}: ${phase}`,
      ...(over ? [] : [`Of ${total} ${plural(total, 'stream')}: ${[...some(total - ended.length - parked.length - waits.length, 'under way'), ...some(waits.length, 'waiting'), ...some(parked.length, 'parked'), ...some(ended.length, 'ended')].join(', ')}.`, '']),
      ...(held && !over ? [`**Paused** by a person since **${dayAndTime(since)}**${held.note === '' ? '' : ` (${verbatim(held.note)})`}, until somebody lets it go on. What was read is delivered, and no more is read.`, '', `What to do: \`isthmus resume ${input.sync}\`; from this page *More Actions*, *Send an Update*, \`resume\`.`, ''] : []),
      ...input.streams.flatMap((s) => streamLines(input, s, view)),
      ...(parked.length > 0 ? ['', `Parked since **${dayAndTime(since)}**, until somebody decides. When the cause is corrected: \`isthmus retry ${input.sync}\`. ${parked.some((r) => r.error?.type === 'Implausible') ? `All is well: \`isthmus approve ${input.sync}\`. ` : ''}To leave parked streams out of this run: \`isthmus skip ${input.sync}\`.`] : []),
      ...(over ? ['', ...endLines(input, view)] : []),
      '',
      `Run \`${input.run}\``,
    ].join('\n'),
  )
}

function streamLines(input: SyncInput, { name, table, connection }: SyncInput['streams'][number], { ended, parked, waits }: SyncView): string[] {
  const receipt = [...ended, ...parked].find((r) => r.stream === name)
  const wait = waits.find((w) => w.stream === name)
  const place = `- ${name} → ${table}:`
  if (receipt) {
    const { outcome, counts, error } = receipt
    return [`${place} **${outcome}**, ${grouped(counts.read)} records ${outcome === 'parked' ? 'written or set aside' : 'read'}${counts.rejected ? `, ${grouped(counts.rejected)} rejected (\`isthmus rejects list ${input.sync}\`)` : ''}`, ...(error ? ['', ...errorLines(error)] : [])]
  }
  if (wait) return [`${place} **waits until ${clock(Date.parse(wait.until), Date.now())}**: ${because(wait.reason, connection)}; ${grouped(wait.read)} records have been read so far. Nothing is to be done: it goes on by itself.`]
  return [`${place} **under way**; how far, and what it waits for, stands in ${linked(`${workflowInfo().workflowId}/${name}`)}`]
}

function endLines({ sync }: SyncInput, { phase, ended }: SyncView): string[] {
  if (phase === 'done') return [ended.some((r) => r.counts.rejected > 0) ? `What to do: look at what was rejected, correct the sync, then \`isthmus rejects retry ${sync}\`.` : 'What to do: nothing.']
  return [`What to do: ${phase === 'failed' ? 'see what failed above, then ' : ''}\`isthmus run ${sync}\` goes on from the last committed chunks.`]
}
