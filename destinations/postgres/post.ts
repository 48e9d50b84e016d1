import type { ClientBase } from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import type { PostRequest } from '../../model/ports.ts'
import type { PostResult, RefusedRow } from '../../model/run.ts'
import { isEmpty } from './catalog.ts'
import { readCheckpoint, saveCheckpoint, type Checkpoint } from './checkpoint.ts'
import { appendChunk, upsertChunk, type Chunk, type Loaded } from './load.ts'
import { highestMark } from './marks.ts'
import { quotedTable } from './names.ts'
import { Refusals } from './refusals.ts'
import { swapIn } from './replace.ts'

/** Loads a chunk and moves the checkpoint; `client` is in a transaction, which the caller commits. */
export async function postChunk(client: ClientBase, request: PostRequest, path: string, refused: (rows: RefusedRow[]) => Promise<void>): Promise<PostResult> {
  const { plan, streamKey, epoch, rows, last } = request
  const held = await readCheckpoint(client, streamKey, true)
  if (!held || held.epoch !== epoch || held.seq > rows.seq) {
    throw new IsthmusError('Fenced', `A newer attempt holds the stream ${plan.name}: chunk ${rows.seq} was not loaded`)
  }
  if (held.seq === rows.seq) return { ...held.lastResult!, repeated: true }
  if (held.seq !== rows.seq - 1) {
    throw new IsthmusError('ReceiptMismatch', `Chunk ${rows.seq} of the stream ${plan.name} came after chunk ${held.seq}`)
  }
  const { schema, table } = plan.destination
  const side = plan.mode === 'replace' ? quotedTable(held.sideSchema!, held.side!) : null
  const chunk: Chunk = { client, plan, table: side ?? quotedTable(schema, table), path, rows: rows.rows, refusals: new Refusals(plan, path) }
  const loaded = await load(chunk, held)
  const result: PostResult = { ...loaded, deleted: 0, refused: chunk.refusals.count, repeated: false, stop: null }
  if (result.refused > 0) await refused(await chunk.refusals.list())
  if (last && side) await swapIn(client, plan, side)
  await saveCheckpoint(client, streamKey, { ...held, ...after(request, held, result) })
  return result
}

async function load(chunk: Chunk, held: Checkpoint): Promise<Loaded> {
  const { client, plan, table, rows } = chunk
  if (plan.key.length === 0 || plan.mode === 'append') return appendChunk(chunk)
  const fresh = held.fresh ?? (rows > 0 && (await isEmpty(client, table)))
  return upsertChunk(chunk, fresh)
}

/** What the chunk changes in the checkpoint. */
function after({ plan, rows, position, last }: PostRequest, held: Checkpoint, result: PostResult): Partial<Checkpoint> {
  const ascending = plan.stream.incremental?.order === 'ascending'
  // PostgreSQL holds no NUL; a watermark left out is read again, never skipped.
  const seen = rows.watermark?.includes('\0') ? null : rows.watermark
  const pending = highestMark(held.pending, seen)
  const moves = ascending || last
  return {
    seq: rows.seq, complete: last, position: last ? null : position,
    watermark: moves ? highestMark(held.watermark, pending) : held.watermark,
    pending: last ? null : pending,
    fresh: rows.rows === 0 ? held.fresh : result.updated + result.unchanged === 0,
    lastResult: result,
    ...(last && plan.mode === 'replace' ? { side: null, sideSchema: null, sideShape: null } : {}),
  }
}
