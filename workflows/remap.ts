import { CancellationScope, continueAsNew, setCurrentDetails, workflowInfo } from '@temporalio/workflow'
import type { RemapCounts } from '../activities/repair/types.ts'
import { grouped } from './counts.ts'
import { repair } from './repair-steps.ts'

export interface RemapInput {
  id: string
  sync: string
  plan: string
  streams: { name: string; table: string }[]
  /** Newest runs that are taken; 0 for all. */
  runs: number
  /** false changes nothing and only tells the difference. */
  apply: boolean
  /** Before continue-as-new: streams that are done, and whether the next one's pages are listed. */
  carried: { done: Record<string, RemapCounts>; listed: boolean } | null
}

/** Applies the mapping as it is now to the pages that are still staged, stream after stream. */
export async function remap(input: RemapInput): Promise<Record<string, RemapCounts>> {
  const done = input.carried?.done ?? {}
  let listed = input.carried?.listed ?? false
  try {
    for (const { name, table } of input.streams) {
      if (done[name]) continue
      const target = { id: input.id, sync: input.sync, plan: input.plan, stream: name }
      show(input, done, name)
      if (!listed) await repair.listStaged.executeWithOptions({ summary: `${name}: which pages are staged` }, [{ ...target, runs: input.runs }])
      listed = true
      for (let more = true, from = 1; more; ) {
        const step = await repair.remapChunks.executeWithOptions({ summary: `${name}: map staged chunks from ${from}` }, [target])
        more = step.more
        from = step.last + 1
        if (more && workflowInfo().continueAsNewSuggested) await continueAsNew<typeof remap>({ ...input, carried: { done, listed } })
      }
      done[name] = await repair.remapTable.executeWithOptions({ summary: input.apply ? `${name}: rows → ${table}` : `${name}: compare with ${table}` }, [{ ...target, apply: input.apply }])
      listed = false
    }
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ContinueAsNew')) await cleanUp(input)
    throw error
  }
  show(input, done, null)
  await cleanUp(input)
  return done
}

function cleanUp({ id, sync, plan }: RemapInput): Promise<void> {
  return CancellationScope.nonCancellable(() => repair.cleanUp.executeWithOptions({ summary: 'remove working files' }, [{ id, sync, plan }]))
}

function show(input: RemapInput, done: Record<string, RemapCounts>, at: string | null): void {
  const what = (c: RemapCounts): string => `${grouped(c.changed)} rows ${c.applied ? 'changed' : 'would change'}, ${grouped(c.inserted)} new, ${grouped(c.unchanged)} unchanged; ${grouped(c.rejected)} records rejected`
  setCurrentDetails(
    [
      `### new mapping of ${input.sync}${input.apply ? '' : ': difference only, nothing is changed'}`,
      ...input.streams.map((s) => `- ${s.name} → ${s.table}: ${done[s.name] ? what(done[s.name]!) : s.name === at ? '**under way**' : 'waits'}`),
    ].join('\n'),
  )
}
