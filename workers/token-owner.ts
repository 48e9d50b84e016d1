import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { WithStartWorkflowOperation, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, type Client } from '@temporalio/client'
import { IsthmusError } from '../model/errors.ts'
import type { FreshRequest, FreshResult, TokenOwner } from '../model/owner.ts'
import type { connection as connectionWorkflow } from '../workflows/connection.ts'
import { TASK_QUEUE } from './queues.ts'

const ATTEMPTS = 5
/** Callers of so long share one update; those that come later, when it failed, make another one. Of one version few are under way at a time: Temporal allows ten. */
const SHARED_MS = 5_000

/** Workflow that owns the tokens of a connection. */
export function connectionWorkflowId(connection: string): string {
  return `connection/${connection}`
}

/** Asks the workflow of a connection for a newer token, and starts it when it does not run. `searchAttributes`: the namespace knows those of Isthmus. */
export function tokenOwner(client: Client, searchAttributes: boolean): TokenOwner {
  return {
    async ensureFresh(connection, request, signal) {
      for (let attempt = 1; ; attempt++) {
        signal.throwIfAborted()
        try {
          return await client.withAbortSignal(signal, () => ask(client, connection, request, searchAttributes))
        } catch (error) {
          if (signal.aborted) throw late(connection, signal.reason)
          // It may have ended, idle, between the start and the update.
          if (attempt >= ATTEMPTS) throw new IsthmusError('Transient', `the owner of the tokens of ${connection} cannot be asked (${error instanceof Error ? error.message.slice(0, 200) : 'unknown'})`, { cause: error })
          await sleep(200 * attempt, undefined, { signal })
        }
      }
    },
  }
}

/** A time limit of the caller is told as what it means; a cancelled step ends as that. */
function late(connection: string, reason: unknown): unknown {
  if (!(reason instanceof DOMException) || reason.name !== 'TimeoutError') return reason
  return new IsthmusError('Transient', `the owner of the tokens of ${connection} has not answered in time`, { cure: 'see that a worker runs (`isthmus worker`, or `isthmus dev`)' })
}

function ask(client: Client, connection: string, request: FreshRequest, searchAttributes: boolean): Promise<FreshResult> {
  const print = createHash('sha256').update(request.tokenKey).digest('base64url').slice(0, 12)
  const startWorkflowOperation = new WithStartWorkflowOperation<typeof connectionWorkflow>('connection', {
    workflowId: connectionWorkflowId(connection),
    taskQueue: TASK_QUEUE,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    args: [{ connection, searchAttributes, carried: null }],
    staticSummary: `tokens of ${connection}`,
    staticDetails: 'Owns the tokens of a connection: whoever needs a newer one asks here, and one refresh runs at a time. *Current Details* tells how it stands.',
    ...(searchAttributes && { searchAttributes: { IsthmusConnection: [connection], IsthmusPhase: ['ok'] } }),
  })
  return client.workflow.executeUpdateWithStart<typeof connectionWorkflow, FreshResult, [FreshRequest]>('ensureFresh', {
    startWorkflowOperation,
    args: [request],
    updateId: `fresh-${print}-${request.seen}-${Math.floor(Date.now() / SHARED_MS)}`,
  })
}

/** Tells the owner of a connection's tokens that a person has signed in. Nothing to tell when it does not run. */
export async function tellReconnected(client: Client, connection: string): Promise<void> {
  await client.workflow.getHandle(connectionWorkflowId(connection)).signal('reconnected').catch(() => undefined)
}
