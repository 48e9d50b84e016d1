import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, type Client } from '@temporalio/client'
import { ActivityFailure, ApplicationFailure, CancelledFailure } from '@temporalio/common'
import { ERROR_POLICY, IsthmusError, type ErrorType } from '../model/errors.ts'
import type { Plan } from '../model/plan.ts'
import type { RunError } from '../model/run.ts'
import { destinationRefs, envRefs, type Environment } from '../project/index.ts'
import { TASK_QUEUE } from '../workers/queues.ts'

export interface RepairWorkflow {
  /** Name of the workflow. */
  type: 'rejects' | 'remap'
  workflowId: string
  sync: string
  input: object
  summary: string
  searchAttributes: boolean
}

/** Runs a workflow that repairs, to its end. Throws its error as the IsthmusError it is; AlreadyRunning when one is open for the sync. */
export async function runRepair<R>(client: Client, { type, workflowId, sync, input, summary, searchAttributes }: RepairWorkflow, signal?: AbortSignal): Promise<R> {
  const handle = await client.workflow
    .start(type, {
      workflowId,
      taskQueue: TASK_QUEUE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      args: [input],
      staticSummary: summary,
      ...(searchAttributes && { searchAttributes: { IsthmusSync: [sync] } }),
    })
    .catch((error: unknown) => {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
      throw new IsthmusError('AlreadyRunning', `${workflowId} is under way`, { cure: 'wait for it, or cancel it in the Temporal UI' })
    })
  const stop = (): void => void handle.cancel().catch(() => undefined)
  signal?.addEventListener('abort', stop, { once: true })
  try {
    return (await handle.result()) as R
  } catch (error) {
    throw error instanceof WorkflowFailedError ? known(error, workflowId) : error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

function known(error: WorkflowFailedError, workflowId: string): Error {
  let cause: unknown = error.cause
  while (cause instanceof ActivityFailure) cause = cause.cause
  if (cause instanceof CancelledFailure) return new IsthmusError('Transient', `${workflowId} was cancelled`, { cure: 'start it again: what was delivered stays' })
  if (!(cause instanceof ApplicationFailure) || !Object.hasOwn(ERROR_POLICY, cause.type ?? '')) return error
  const { field, cure } = (cause.details?.[0] ?? {}) as Partial<RunError>
  return new IsthmusError(cause.type as ErrorType, cause.message, { ...(field && { field }), ...(cure && { cure }), cause: error })
}

/** The values that the destinations of a plan need; what a source needs is not asked for. */
export function destinationEnvironment(plan: Plan, environment: Environment): Record<string, string> {
  const refs = plan.streams.flatMap((s) => envRefs(destinationRefs(s), 'to'))
  const missing = refs.find((r) => !environment[r.name])
  if (missing) throw new IsthmusError('MissingEnvironment', `the environment variable ${missing.name} is not set`, { file: plan.file, field: missing.field, cure: `export ${missing.name}=..., or put it into the file .env of the project` })
  return Object.fromEntries(refs.map((r) => [r.name, environment[r.name] as string]))
}
