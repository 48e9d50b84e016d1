import { WorkflowNotFoundError, type Client } from '@temporalio/client'
import { IsthmusError } from '../model/errors.ts'
import { outage, patient } from '../workers/patience.ts'

/** Temporal may or may not have begun a run: what was prepared for it must stay. */
export class MayHaveBegun extends IsthmusError {
  constructor(run: string, cause: unknown) {
    super('Unreachable', `Temporal does not answer, so it is not known whether run ${run} has begun`, { cure: `look with \`isthmus status ${run}\` when it answers again`, cause })
  }
}

/**
 * Begins the workflow of a run and gives its execution. An answer that got lost says nothing of the run: then Temporal is asked whether it has begun,
 * for up to a minute. Throws what `start` throws when it has not, MayHaveBegun when Temporal does not say.
 */
export async function begin(client: Client, { workflowId, run }: { workflowId: string; run: string }, start: () => Promise<{ firstExecutionRunId: string }>): Promise<string> {
  try {
    return (await start()).firstExecutionRunId
  } catch (error) {
    if (outage(error) === null) throw error
    const found = await patient(() => client.workflow.getHandle(workflowId).describe().catch(none)).catch((still: unknown) => {
      throw new MayHaveBegun(run, still)
    })
    const known = found?.searchAttributes?.IsthmusRun?.[0]
    if (found && known === run) return found.runId
    // A namespace without search attributes does not tell whose it is.
    if (found?.status.name === 'RUNNING' && known === undefined) throw new MayHaveBegun(run, error)
    throw error
  }
}

function none(error: unknown): null {
  if (error instanceof WorkflowNotFoundError) return null
  throw error
}
