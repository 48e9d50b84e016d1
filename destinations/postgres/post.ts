import type { ClientBase } from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { PostRequest } from '../../model/ports.ts'
import type { PostResult, RefusedRow } from '../../model/run.ts'
import { tableOf } from '../../model/table-name.ts'
import { isEmpty } from './catalog.ts'
import { readCheckpoint, saveCheckpoint, type Checkpoint } from './checkpoint.ts'
import { findsDeletes, restartGeneration } from './generation.ts'
import { appendChunk, upsertChunk, type Chunk, type Loaded } from './load.ts'
import { highestMark } from './marks.ts'
import { quotedTable } from './names.ts'
import { Refusals } from './refusals.ts'
import { SeenKeys } from './seen.ts'

/** Loads a chunk and moves the checkpoint; `client` is in a transaction, which the caller commits. */
export async function postChunk(client: ClientBase, request: PostRequest, path: string, refused: (rows: RefusedRow[]) => Promise<void>): Promise<PostResult> {
  const { plan, streamKey, epoch, rows } = request
  let held = await readCheckpoint(client, streamKey, true)
  if (!held || held.epoch !== epoch || held.seq > rows.seq) {
    throw new IsthmusError('Fenced', `A newer attempt holds the stream ${plan.name}: chunk ${rows.seq} was not loaded`)
  }
  if (held.seq === rows.seq) return { ...held.lastResult!, repeated: true }
  if (held.seq !== rows.seq - 1) {
    throw new IsthmusError('ReceiptMismatch', `Chunk ${rows.seq} of the stream ${plan.name} came after chunk ${held.seq}`)
  }
  if (held.ended) held = await startAgain(client, plan, held)
  const { schema, table } = tableOf(plan)
  const side = plan.mode === 'replace' ? quotedTable(held.sideSchema!, held.side!) : null
  const seen = held.generation?.table ? new SeenKeys(client, plan, held.generation.table) : null
  const chunk: Chunk = { client, plan, table: side ?? quotedTable(schema, table), path, rows: rows.rows, refusals: new Refusals(plan, path), seen, newest: request.newest ?? null }
  const loaded = await load(chunk, held)
  const result: PostResult = { ...loaded, deleted: 0, refused: chunk.refusals.count, repeated: false, stop: null }
  if (result.refused > 0) await refused(await chunk.refusals.list())
  await seen?.takeRejected([...(request.rejected ?? []), ...(result.refused > 0 ? await chunk.refusals.keys() : [])])
  const generation = seen && held.generation ? seen.addedTo(held.generation) : held.generation
  await saveCheckpoint(client, streamKey, { ...held, ...advanced(request, held, result), generation })
  return result
}

/** Chunks behind the last one: somebody had the scan read from its beginning again. What it gathered before does not count. */
async function startAgain(client: ClientBase, plan: StreamPlan, held: Checkpoint): Promise<Checkpoint> {
  if (held.side !== null) await client.query(`truncate ${quotedTable(held.sideSchema!, held.side)}`)
  const generation = held.generation && (await restartGeneration(client, held.generation))
  return { ...held, ended: false, complete: false, completed: null, read: 0, fresh: null, generation }
}

async function load(chunk: Chunk, held: Checkpoint): Promise<Loaded> {
  const { client, plan, table, rows } = chunk
  if (plan.key.length === 0 || plan.mode === 'append') return appendChunk(chunk)
  const fresh = held.fresh ?? (rows > 0 && (await isEmpty(client, table)))
  return upsertChunk(chunk, fresh)
}

/** What the chunk changes in the checkpoint. */
export function advanced({ plan, rows, position, last }: PostRequest, held: Checkpoint, result: PostResult): Partial<Checkpoint> {
  const { incremental } = plan.stream
  const ascending = incremental?.kind === 'field' && incremental.order === 'ascending'
  // PostgreSQL holds no NUL; a watermark left out is read again, never skipped.
  const seen = rows.watermark?.includes('\0') ? null : rows.watermark
  // Tokens have no order: the last one counts.
  const newer = incremental && incremental.kind !== 'field' ? (a: string | null, b: string | null): string | null => b ?? a : highestMark
  const pending = newer(held.pending, seen)
  const moves = ascending || last
  return {
    // What follows from having seen everything is done by `complete`.
    seq: rows.seq, ended: last, complete: last && plan.mode !== 'replace' && !findsDeletes(plan, held.scanSince), read: held.read + rows.read, position: last ? null : position,
    watermark: moves ? newer(held.watermark, pending) : held.watermark,
    pending: last ? null : pending,
    fresh: rows.rows === 0 ? held.fresh : result.updated + result.unchanged === 0,
    lastResult: result,
  }
}
