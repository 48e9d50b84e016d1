import { newestColumn } from '../model/newest-column.ts'
import type { RejectedKey } from '../model/ports.ts'
import type { PostResult } from '../model/run.ts'
import type { OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import { noteHealth } from './health.ts'
import { refusedRejects, saveStagedRejects } from './set-aside.ts'
import type { StepContext } from './step.ts'
import type { PostStepRequest } from './types.ts'
import { noteWatermark } from './watch.ts'

/** A path that names no file: opening it fails with ENOENT. */
const NO_FILE = '/nonexistent/rows'

/** Rejects are written to the store before the chunk is committed, idempotently: a repeated step adds none. */
export async function postChunk(deps: ActivityDeps, streams: OpenStreams, request: PostStepRequest, step: StepContext): Promise<PostResult> {
  const { rows, run, stream } = request
  const open = await streams.get(request)
  const rejected: (RejectedKey | null)[] = rows.rejected > 0 ? await saveStagedRejects(deps, rows, request.sync) : []
  // Gone when an earlier attempt committed the chunk and died before it could say so: then the destination does not look at the file.
  let lost: unknown = null
  const gone = (error: unknown): string => {
    lost = error
    return NO_FILE
  }
  const path = rows.rows > 0 ? await deps.stage.path(rows.file).catch(gone) : ''
  const result = await open.destination
    .post(
      { plan: open.stream, streamKey: open.streamKey, epoch: request.epoch, rows, position: request.position, last: request.last, rejected, approved: request.approved === true, sent: request.before.inserted + request.before.updated + request.before.deleted, newest: request.range ? newestColumn(open.stream) : null },
      path,
      step.signal,
      async (refused) => deps.store.saveRejects(rows, request.sync, await refusedRejects(deps, streams, request, open, refused)),
    )
    .catch((error: unknown) => {
      throw lost !== null && (error as NodeJS.ErrnoException).code === 'ENOENT' ? lost : error
    })
  if (result.stop === null) await noteWatermark(deps.store, request, rows.watermark)
  const to = open.stream.destination
  if (to.kind === 'action') await noteHealth(deps.store, to.connection, result.stop ?? { kind: 'done' }, result.inserted + result.updated + result.unchanged + result.deleted > 0)
  // A chunk that stopped before its end is posted again from the same file.
  if (result.stop === null) await deps.stage.dropRows(rows)
  // A backfill tells how far it is by its workflow; its raw pages would fill the disk.
  if (request.range) {
    if (request.last && result.stop === null) await deps.stage.remove(run).catch(() => undefined)
    return result
  }
  const b = request.before
  await deps.store
    .saveProgress(run, {
      stream,
      // Reading goes on meanwhile, or waits: what it says of itself stays.
      phase: request.last ? 'finishing' : undefined,
      counts: {
        inserted: b.inserted + result.inserted, updated: b.updated + result.updated, unchanged: b.unchanged + result.unchanged,
        deleted: b.deleted + result.deleted, filtered: b.filtered + rows.filtered, rejected: b.rejected + rows.rejected + result.refused, chunks: b.chunks + (result.stop === null ? 1 : 0),
      },
    })
    .catch(() => undefined)
  return result
}
