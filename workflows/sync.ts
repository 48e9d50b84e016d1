import { ApplicationFailure, CancellationScope, CancelledFailure, ParentClosePolicy, startChild, ChildWorkflowCancellationType, setHandler, workflowInfo } from '@temporalio/workflow'
import type { Outcome, Phase, RunReceipt, StreamReceipt } from '../model/run.ts'
import { addCounts, balanced, grouped, noCounts } from './counts.ts'
import { showPhase, STREAM_STEPS } from './details.ts'
import { isCancellation, runError, streamReceipt } from './failure.ts'
import { openHold, type Hold } from './hold.ts'
import { parkedSignal, receiptQuery, resumedSignal, waitingSignal, type LongWait, type PauseNote } from './messages.ts'
import { local } from './steps.ts'
import { stream } from './stream.ts'
import { showSync } from './sync-details.ts'
import type { SyncInput } from './types.ts'

/** One run of a sync: a child for each stream, so that one bad stream never stops the others. Ends with the receipt. */
export async function sync(input: SyncInput): Promise<RunReceipt> {
  const ended: StreamReceipt[] = []
  const parked = new Map<string, StreamReceipt>()
  // Open streams of which each waits for a person.
  const stuck = (): boolean => parked.size > 0 && ended.length + parked.size === input.streams.length
  const waits = new Map<string, LongWait>()
  // Streams that work on; those that wait for long do not.
  const waiting = (): boolean => waits.size > 0 && ended.length + parked.size + waits.size === input.streams.length
  let phase: Phase = 'starting'
  let held: PauseNote | null = null
  let since = Date.now()
  const show = (over?: Phase): void => {
    const now: Phase = over ?? (stuck() ? 'parked' : held ? 'paused' : waiting() ? 'waiting' : 'reading')
    showSync(input, { phase: now, ended, parked: [...parked.values()], waits: [...waits.values()], held, since })
    if (over === undefined && now !== phase && (phase !== 'starting' || now !== 'reading')) showPhase(input, now)
    phase = now
  }
  setHandler(receiptQuery, () => (stuck() ? { ...sum(input, [...ended, ...parked.values()]), outcome: 'parked' } : null))
  setHandler(parkedSignal, (receipt: StreamReceipt) => {
    parked.set(receipt.stream, receipt)
    since = Date.now()
    show()
  })
  setHandler(waitingSignal, (wait: LongWait) => {
    waits.set(wait.stream, wait)
    show()
  })
  setHandler(resumedSignal, ({ stream: name }: { stream: string }) => {
    parked.delete(name)
    waits.delete(name)
    show()
  })
  // Last: a run may be paused before it has begun, and then this is called at once.
  const hold = openHold((note) => {
    held = note
    since = Date.now()
    show()
  })
  if (!held) show()
  const streams = await Promise.all(
    input.streams.map(async (s) => {
      const receipt = await runStream(input, s, hold)
      parked.delete(s.name)
      waits.delete(s.name)
      ended.push(receipt)
      show()
      return receipt
    }),
  )
  const receipt = sum(input, streams)
  const failed = streams.find((s) => s.outcome === 'failed')
  await CancellationScope.nonCancellable(() =>
    local.finish.executeWithOptions({ summary: `receipt: ${receipt.outcome}, ${grouped(receipt.total.read)} records read` }, [
      { receipt, error: failed?.error ?? null },
    ]),
  )
  const last: Phase = receipt.outcome === 'completed' ? 'done' : receipt.outcome
  show(last)
  showPhase(input, last)
  if (failed) {
    throw ApplicationFailure.create({ type: failed.error?.type ?? 'Transient', message: `${failed.stream}: ${failed.error?.message ?? 'failed'}`, nonRetryable: true, details: [receipt] })
  }
  // The receipt is written: what is left is to end as what it was, so that lists of runs show it.
  if (receipt.outcome === 'cancelled' && CancellationScope.current().consideredCancelled) throw new CancelledFailure(`cancelled after ${grouped(receipt.total.read)} records`)
  return receipt
}

async function runStream(input: SyncInput, s: SyncInput['streams'][number], hold: Hold): Promise<StreamReceipt> {
  try {
    const child = await startChild(stream, {
      workflowId: `${workflowInfo().workflowId}/${s.name}`,
      args: [{ sync: input.sync, run: input.run, plan: input.plan, stream: s.name, connection: s.connection, table: s.table, firstPage: s.firstPage, anew: s.anew, searchAttributes: input.searchAttributes, tells: true, carried: null }],
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      staticSummary: `${s.name} → ${s.table}`,
      staticDetails: STREAM_STEPS,
      ...(input.searchAttributes && {
        searchAttributes: { IsthmusSync: [input.sync], IsthmusRun: [input.run], IsthmusStream: [s.name], IsthmusConnection: [s.connection], IsthmusPhase: ['starting'] },
      }),
    })
    hold.add(s.name, child)
    try {
      return await child.result()
    } finally {
      hold.remove(s.name)
    }
  } catch (error) {
    const receipt = streamReceipt(error)
    if (receipt) return receipt
    const outcome: Outcome = isCancellation(error) ? 'cancelled' : 'failed'
    return { stream: s.name, outcome, resumed: false, counts: noCounts(), waits: { count: 0, ms: 0, reasons: {} }, tokenRefreshes: 0, error: outcome === 'failed' ? runError(error) : null }
  }
}

function sum(input: SyncInput, streams: StreamReceipt[]): RunReceipt {
  const total = noCounts()
  for (const s of streams) addCounts(total, s.counts)
  const some = (outcome: Outcome): boolean => streams.some((s) => s.outcome === outcome)
  const outcome: Outcome = some('failed') || !balanced(total) ? 'failed' : some('cancelled') ? 'cancelled' : streams.every((s) => s.outcome === 'skipped') ? 'skipped' : 'completed'
  return { sync: input.sync, run: input.run, outcome, streams, total }
}
