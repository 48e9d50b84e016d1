import { CancellationScope, ChildWorkflowCancellationType, ParentClosePolicy, setCurrentDetails, startChild, workflowInfo, type ChildWorkflowHandle } from '@temporalio/workflow'
import type { BeginResult } from '../activities/types.ts'
import type { Counts, Outcome } from '../model/run.ts'
import { grouped } from './counts.ts'
import { isCancellation, runError } from './failure.ts'
import { beginning, local } from './steps.ts'
import { sync } from './sync.ts'
import type { ScheduledInput } from './types.ts'
import { linked, verbatim } from './words.ts'

/** How a due time ended; `skipped` also when no run was started, and then `reason` tells why. */
export interface ScheduledResult {
  outcome: Outcome
  run: string | null
  reason: string
  total: Counts | null
}

/**
 * Started by the schedule of a sync, or because of events: makes a run with what was deployed and waits for its end, so that Temporal's overlap policy means runs. The run has the
 * workflow id of all runs of the sync: while one is open, started by whomever, this one is skipped.
 */
export async function scheduled(input: ScheduledInput): Promise<ScheduledResult> {
  const request = { sync: input.sync, run: runId(), dueAt: dueAt(), ...(input.plan !== undefined && { plan: input.plan }) }
  let child: ChildWorkflowHandle<typeof sync>
  try {
    const begun = await beginning.begin.executeWithOptions({ summary: `run ${request.run} of ${input.sync}` }, [request])
    if (begun.kind === 'skipped') return skipped(begun.reason)
    child = await start(request, begun)
  } catch (error) {
    const open = error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError'
    const reason = open ? 'a run of this sync is open' : isCancellation(error) ? 'cancelled before it began' : runError(error).message
    await CancellationScope.nonCancellable(() => local.unbegin.executeWithOptions({ summary: `no run: ${reason}` }, [{ ...request, reason }]))
    if (open) return skipped(reason)
    throw error
  }
  setCurrentDetails(`Run \`${request.run}\` is **under way**: how far, and what it waits for, stands in ${linked(child.workflowId)}. This waits for its end.`)
  // Also when it is cancelled meanwhile: the end of the run is waited for in any case.
  await CancellationScope.nonCancellable(() => local.begun.executeWithOptions({ summary: 'note where the run is' }, [{ run: request.run, temporalRunId: child.firstExecutionRunId }]))
  const receipt = await child.result()
  setCurrentDetails(`Run \`${request.run}\`: **${receipt.outcome}**, ${grouped(receipt.total.read)} records read${receipt.total.rejected > 0 ? `, ${grouped(receipt.total.rejected)} rejected (\`isthmus rejects list ${input.sync}\`)` : ''}. See ${linked(child.workflowId)}.`)
  return { outcome: receipt.outcome, run: request.run, reason: '', total: receipt.total }
}

function start({ sync: id, run }: { sync: string; run: string }, { plan, streams, searchAttributes }: Extract<BeginResult, { kind: 'run' }>): Promise<ChildWorkflowHandle<typeof sync>> {
  return startChild(sync, {
    workflowId: `sync/${id}`,
    args: [{ sync: id, run, plan, searchAttributes, streams: streams.map((s) => ({ ...s, firstPage: null, anew: '' })) }],
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    staticSummary: `${id}: ${streams.map((s) => `${s.name} → ${s.table}`).join(', ')}`,
    staticDetails: 'One run of a sync, started by its schedule or by events: a child workflow for each stream reads an API and writes a table, then **finish** writes the receipt.',
    ...(searchAttributes && { searchAttributes: { IsthmusSync: [id], IsthmusRun: [run], IsthmusPhase: ['reading'] } }),
  })
}

function skipped(reason: string): ScheduledResult {
  setCurrentDetails(`**Skipped**, nothing was started: ${verbatim(reason)}. What to do: nothing, unless the run that is open waits for a person; the next due time tries again.`)
  return { outcome: 'skipped', run: null, reason, total: null }
}

/** A run's id has the form of those that clients make: UTC start and six digits. */
function runId(): string {
  const { startTime, firstExecutionRunId } = workflowInfo()
  const stamp = startTime.toISOString().replace(/[-:T]/g, '')
  return `${stamp.slice(0, 8)}-${stamp.slice(8, 14)}-${firstExecutionRunId.replace(/-/g, '').slice(-6)}`
}

/** The time for which Temporal's schedule starts this. */
function dueAt(): string | null {
  const at = workflowInfo().searchAttributes['TemporalScheduledStartTime']?.[0]
  return at instanceof Date ? at.toISOString() : null
}
