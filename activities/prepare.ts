import type { OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import type { PrepareResult, StreamTarget } from './types.ts'

/** Checks and extends the destination, takes hold of the stream, tells where to begin. */
export async function prepareStream(deps: ActivityDeps, streams: OpenStreams, target: StreamTarget): Promise<PrepareResult> {
  const { stream, streamKey, destination, reader } = await streams.get(target)
  await destination.check(stream)
  const from = await destination.begin(stream, streamKey, target.run)
  if (from.resumed) {
    await deps.store.log({ run: target.run, stream: target.stream, level: 'info', message: 'goes on where an earlier run stopped' })
  }
  return {
    ...from,
    full: from.since === null && !from.resumed,
    needsToken: reader.auth.needsToken,
    connection: stream.connection,
    table: `${stream.destination.schema}.${stream.destination.table}`,
    chunk: stream.chunk,
  }
}
