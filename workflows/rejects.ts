import { CancellationScope, continueAsNew, setCurrentDetails, workflowInfo } from '@temporalio/workflow'
import type { RetryResult } from '../model/rejects.ts'
import { grouped } from './counts.ts'
import { repair } from './repair-steps.ts'

export interface RejectsInput {
  id: string
  sync: string
  plan: string
  /** '' for all streams. */
  stream: string
  /** [] for all rejects of the sync. */
  ids: string[]
  dry: boolean
  /** Before continue-as-new. */
  carried: { after: string; batches: number; result: RetryResult } | null
}

/** Sends open rejects of a sync again, in batches, oldest first. */
export async function rejects(input: RejectsInput): Promise<RetryResult> {
  const { id, sync, plan, stream, ids, dry } = input
  const result: RetryResult = input.carried?.result ?? { sync, tried: 0, delivered: 0, kept: 0, superseded: 0, filtered: 0, cut: 0, inserted: 0, updated: 0, unchanged: 0 }
  let after = input.carried?.after ?? ''
  let batches = input.carried?.batches ?? 0
  try {
    for (let more = true; more; ) {
      show(input, result)
      const step = await repair.resendRejects.executeWithOptions({ summary: `batch ${(batches += 1)}: rejects ${after ? `after ${after}` : 'from the oldest'}${dry ? ', dry run' : ''}` }, [
        { id, sync, plan, stream, ids, after, dry },
      ])
      for (const key of Object.keys(step.counts) as (keyof typeof step.counts)[]) result[key] += step.counts[key]
      after = step.after
      more = step.more
      if (more && workflowInfo().continueAsNewSuggested) await continueAsNew<typeof rejects>({ ...input, carried: { after, batches, result } })
    }
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ContinueAsNew')) await cleanUp(input)
    throw error
  }
  show(input, result)
  await cleanUp(input)
  return result
}

function cleanUp({ id, sync, plan }: RejectsInput): Promise<void> {
  return CancellationScope.nonCancellable(() => repair.cleanUp.executeWithOptions({ summary: 'remove working files' }, [{ id, sync, plan }]))
}

function show({ sync, dry }: RejectsInput, r: RetryResult): void {
  setCurrentDetails(
    [
      `### rejects of ${sync}${dry ? ', dry run: nothing is changed' : ''}`,
      `- **${grouped(r.delivered)}** delivered of **${grouped(r.tried)}** tried`,
      ...(r.kept > 0 ? [`- **${grouped(r.kept)}** still do not fit; \`isthmus rejects list\` has their reasons`] : []),
      ...(r.superseded > 0 ? [`- **${grouped(r.superseded)}** superseded: the table has a newer version`] : []),
      ...(r.filtered > 0 ? [`- **${grouped(r.filtered)}** left out by the mapping`] : []),
      ...(r.cut > 0 ? [`- **${grouped(r.cut)}** not tried: only part of the record was kept`] : []),
    ].join('\n'),
  )
}
