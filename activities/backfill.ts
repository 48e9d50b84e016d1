import type { BackfillEnd } from '../model/backfill.ts'
import { IsthmusError } from '../model/errors.ts'
import type { OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import { windowKeys } from './range.ts'

/** Notes how a backfill stands; at its end removes what its windows left: checkpoints, credentials, connections. */
export async function noteBackfill(deps: ActivityDeps, streams: OpenStreams, { progress, cleanUp }: BackfillEnd): Promise<void> {
  const { id, sync, phase, counts, windows, spec } = progress
  if (cleanUp !== null) {
    for (const stream of spec.streams) await forget(deps, streams, { sync, run: id, plan: cleanUp, stream })
    await deps.store.saveSettings(`run/${id}`, {})
    await streams.close(id)
  }
  await deps.store.noteBackfill(progress)
  const level = phase === 'failed' || phase === 'stopped' ? 'error' : 'info'
  await deps.store.log({ run: id, stream: '', level, message: `${phase}: ${windows.done} of ${windows.total} windows, ${counts.read} records read, ${counts.rejected} rejected${progress.wait ? `; ${progress.wait.reason}` : ''}` })
}

/** Checkpoints that stay harm nothing: a stream or a credential that is gone by now is no reason to fail. */
async function forget(deps: ActivityDeps, streams: OpenStreams, target: { sync: string; run: string; plan: string; stream: string }): Promise<void> {
  try {
    const open = await streams.openApart({ ...target, round: 0 })
    await open.destination.forget(windowKeys(open.streamKey, target.run)).finally(() => open.close())
  } catch (error) {
    if (error instanceof IsthmusError && error.retryable) throw error
  }
}
