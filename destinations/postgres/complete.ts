import type { ClientBase } from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { CompleteResult } from '../../model/run.ts'
import { tableOf } from '../../model/table-name.ts'
import { readCheckpoint, saveCheckpoint } from './checkpoint.ts'
import { dropGeneration, findsDeletes } from './generation.ts'
import { removeUnseen } from './remove.ts'
import { exchange } from './replace.ts'
import { isRowError } from './row-errors.ts'

/** Does what follows from a scan whose chunks are all there; `client` is in a transaction, which the caller commits. */
export async function completeScan(client: ClientBase, plan: StreamPlan, streamKey: string, epoch: number, approved: boolean): Promise<CompleteResult> {
  const held = await readCheckpoint(client, streamKey, true)
  if (!held || held.epoch !== epoch) throw new IsthmusError('Fenced', `A newer attempt holds the stream ${plan.name}: nothing was removed`)
  if (held.completed !== null) return held.completed
  if (!held.ended) throw new IsthmusError('ReceiptMismatch', `The scan of the stream ${plan.name} cannot be completed: its last chunk is not there`)
  const result = await finish(client, plan, () =>
    plan.mode === 'replace' ? exchange(client, plan, { schema: held.sideSchema!, name: held.side!, read: held.read }, approved)
    : findsDeletes(plan, held.scanSince) ? removeUnseen(client, plan, { ...held, streamKey }, approved)
    : Promise.resolve<CompleteResult>({ kind: 'done', removed: 0 }),
  )
  // Nothing is kept of a question: it is asked again until it is answered.
  if (result.kind === 'approval') return result
  await dropGeneration(client, held.generation)
  const fullRead = held.scanSince === null ? held.read : held.fullRead
  await saveCheckpoint(client, streamKey, { ...held, complete: true, fullRead, completed: result, generation: null, side: null, sideSchema: null, sideShape: null })
  return result
}

/** What refers to the rows, or a trigger, may refuse that they go. */
async function finish(client: ClientBase, plan: StreamPlan, body: () => Promise<CompleteResult>): Promise<CompleteResult> {
  await client.query(`set local work_mem = '64MB'`)
  try {
    return await body()
  } catch (error) {
    if (!isRowError(error)) throw error
    const replace = plan.mode === 'replace'
    const { schema, table } = tableOf(plan)
    throw new IsthmusError('DestinationMismatch', `The rows of ${schema}.${table} cannot be ${replace ? 'replaced' : 'removed'}: ${error.message}`, {
      field: replace ? 'mode' : 'deletes', cure: replace ? 'take away what refers to the table, or use mode upsert' : 'take away what refers to the rows, or use soft deletes', cause: error,
    })
  }
}
