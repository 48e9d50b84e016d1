import { condition, continueAsNew, executeChild, isCancellation, setCurrentDetails, setHandler, sleep, workflowInfo } from '@temporalio/workflow'
import { runError } from './failure.ts'
import { eventsSignal } from './messages.ts'
import { scheduled, type ScheduledResult } from './scheduled.ts'
import type { TriggeredInput } from './types.ts'
import { clock, inWords, verbatim } from './words.ts'

/** Events that come close together are one run. */
const GATHER_MS = 1_000
/** A run of another origin is open: how long until it is looked at again. Grows. */
const AGAIN_MS = 5_000
const LONGEST_MS = 5 * 60_000

/**
 * Runs a sync because events have arrived: once for all that come before it begins, and once more for those that come while it works. A run that somebody
 * else has started may have begun to read before the events, so another one follows it. Ends when no event waits.
 */
export async function triggered(input: TriggeredInput): Promise<void> {
  let waiting = input.plan
  setHandler(eventsSignal, ({ plan }) => {
    waiting = plan
  })
  await condition(() => waiting !== null)
  for (let again = AGAIN_MS; waiting !== null; ) {
    await sleep(GATHER_MS, { summary: 'gathers the events that come close together' })
    const plan: string = waiting
    waiting = null
    setCurrentDetails(`Runs \`${input.sync}\` for the events that have arrived: see the child workflows.`)
    const { outcome, run, reason } = await once(input.sync, plan)
    if (outcome === 'skipped' && run === null) {
      waiting ??= plan
      setCurrentDetails(`Events wait for a run of \`${input.sync}\`: ${verbatim(reason)}. Looks again at **${clock(Date.now() + again, Date.now())}**. What to do: nothing, unless the run that is open waits for a person: \`isthmus status ${input.sync}\`.`)
      await sleep(again, { summary: `looks again in ${inWords(again)}: ${reason}`.slice(0, 200) })
      again = Math.min(again * 2, LONGEST_MS)
    } else again = AGAIN_MS
    if (waiting !== null && workflowInfo().continueAsNewSuggested) await continueAsNew<typeof triggered>({ ...input, plan: waiting })
  }
}

/** A run that fails is no reason to forget the events that came meanwhile. */
async function once(sync: string, plan: string): Promise<ScheduledResult> {
  try {
    return await executeChild(scheduled, { workflowId: `events/${sync}`, args: [{ sync, plan }], staticSummary: `${sync}: events have arrived` })
  } catch (error) {
    if (isCancellation(error)) throw error
    return { outcome: 'failed', run: '', reason: runError(error).message, total: null }
  }
}
