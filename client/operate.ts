import { WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client'
import { setTimeout as sleep } from 'node:timers/promises'
import { IsthmusError } from '../model/errors.ts'
import type { Plan } from '../model/plan.ts'
import type { RunReceipt } from '../model/run.ts'
import { tableName } from '../model/table-name.ts'
import type { PauseNote, RetryOrder } from '../workflows/messages.ts'
import { answered } from './answered.ts'

/** A run whose streams an operator decides about. */
export interface Operated {
  client: Client
  run: string
  workflowId: string
}

const SEEN_WITHIN_MS = 5_000

/** The receipt so far when every open stream of the run is parked; null while one works, or when the run has ended. */
export async function parkedReceipt({ client, workflowId }: Operated, temporalRunId?: string): Promise<RunReceipt | null> {
  try {
    return await client.workflow.getHandle(workflowId, temporalRunId).query<RunReceipt | null>('receipt')
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null
    throw error
  }
}

/** Names of the parked streams among `only` (default: all). Throws NotFound when there is none. */
export async function parkedStreams(operated: Operated, phases: { stream: string; phase: string }[], only: string[] | undefined): Promise<string[]> {
  const parked = phases.filter((p) => p.phase === 'parked' && (!only?.length || only.includes(p.stream))).map((p) => p.stream)
  const unknown = only?.find((name) => !parked.includes(name))
  if (unknown !== undefined) throw new IsthmusError('NotFound', `the stream "${unknown}" of run ${operated.run} is not parked`, { field: 'stream', cure: `\`isthmus status ${operated.run}\` shows its streams` })
  if (parked.length === 0) throw new IsthmusError('NotFound', `no stream of run ${operated.run} is parked`, { cure: `\`isthmus status ${operated.run}\` shows how it stands` })
  return parked
}

/** What parked streams are sent on with: the plan as it is now. Throws NotFound when one is no longer in it. */
export function retryOrders(plan: Plan, streams: string[]): Map<string, RetryOrder> {
  return new Map(
    streams.map((name) => {
      const stream = plan.streams.find((s) => s.name === name)
      if (!stream) throw new IsthmusError('NotFound', `the sync has no stream "${name}" any more`, { file: plan.file, field: 'streams', cure: `give it back its name, or leave the stream out: isthmus skip ${plan.id} --stream ${name}` })
      return [name, { plan: plan.hash, connection: stream.connection, table: tableName(stream) }]
    }),
  )
}

/** Gives an order to a whole run, and returns once its streams have been told. Throws InvalidInput when the run refuses it, NotFound when it has ended. */
export async function order({ client, run, workflowId }: Operated, temporalRunId: string | undefined, update: 'pause' | 'resume', args: [PauseNote] | []): Promise<void> {
  try {
    await answered(client, () => client.workflow.getHandle(workflowId, temporalRunId).executeUpdate(update, { args: args as [] }))
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) throw new IsthmusError('InvalidInput', (error.cause ?? error).message, { cure: `\`isthmus status ${run}\` shows how it stands` })
    if (error instanceof WorkflowNotFoundError) throw new IsthmusError('NotFound', `run ${run} has ended`)
    throw error
  }
}

/** Sends a decision to a parked stream, and returns once the run has seen it. Throws InvalidInput when the stream refuses it. */
export async function decide(operated: Operated, stream: string, update: 'retry' | 'skip' | 'approve', args: [RetryOrder] | []): Promise<void> {
  try {
    await answered(operated.client, () => operated.client.workflow.getHandle(`${operated.workflowId}/${stream}`).executeUpdate(update, { args: args as [] }))
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) throw new IsthmusError('InvalidInput', `${stream}: ${(error.cause ?? error).message}`, { cure: `\`isthmus status ${operated.run}\` shows what it waits for` })
    if (error instanceof WorkflowNotFoundError) throw new IsthmusError('NotFound', `the stream "${stream}" of run ${operated.run} has ended`)
    throw error
  }
  // Until the run's own view has changed, it would still look parked to whoever follows it.
  for (const until = Date.now() + SEEN_WITHIN_MS; Date.now() < until; await sleep(100)) {
    const receipt = await parkedReceipt(operated)
    if (!receipt?.streams.some((s) => s.stream === stream && s.outcome === 'parked')) return
  }
}
