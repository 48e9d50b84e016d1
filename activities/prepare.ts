import { smallChunk } from './range.ts'
import { tableName } from '../model/table-name.ts'
import type { OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import type { PrepareRequest, PrepareResult } from './types.ts'
import { noteStarted } from './watch.ts'

/** Checks and extends the destination, takes hold of the stream, tells where to begin. */
export async function prepareStream(deps: ActivityDeps, streams: OpenStreams, target: PrepareRequest): Promise<PrepareResult> {
  const { stream, streamKey, destination, reader } = await streams.get(target)
  await destination.check(stream)
  const { run, round, committed, used } = target
  const from = await destination.begin(stream, streamKey, round === 0 ? run : `${run}#${round}`, { committed, used, anew: target.anew !== '' })
  if (!target.range) await noteStarted(deps.store, target, stream)
  // Windows of a backfill have one log.
  const log = target.range?.of ?? target.run
  if (target.anew) await deps.store.log({ run: log, stream: target.stream, level: 'warn', message: `reads from the beginning again: ${target.anew}` })
  if (from.resumed) {
    await deps.store.log({ run: log, stream: target.stream, level: 'info', message: 'goes on where an earlier run stopped' })
  }
  return {
    ...from,
    full: from.since === null && !from.resumed,
    needsToken: reader.auth.needsToken,
    connection: stream.connection,
    table: tableName(stream),
    chunk: target.range ? smallChunk(stream.chunk) : stream.chunk,
    guard: stream.guard,
    repeatable: stream.mode !== 'append',
  }
}
