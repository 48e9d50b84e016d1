import type { CompleteResult } from '../model/run.ts'
import type { OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import type { StepContext } from './step.ts'
import type { CompleteRequest } from './types.ts'

/** Does what follows from a scan that has seen everything, and tells it in the run's log. */
export async function completeStream(deps: ActivityDeps, streams: OpenStreams, request: CompleteRequest, step: StepContext): Promise<CompleteResult> {
  const { run, stream, epoch, approved } = request
  const open = await streams.get(request)
  const result = await open.destination.complete(open.stream, open.streamKey, epoch, approved, step.signal)
  const log = (level: 'info' | 'warn', message: string) => deps.store.log({ run, stream, level, message })
  if (result.kind === 'approval') await log('warn', `waits for approval: ${result.reason}`)
  else if (result.note) await log('warn', result.note)
  else if (result.removed > 0) await log('info', `${result.removed} rows are no longer at the source: ${HOW[open.stream.mode === 'replace' ? 'replace' : open.stream.deletes.mode]}`)
  if (result.kind === 'done') await deps.store.saveProgress(run, { stream, counts: { removed: result.removed } }).catch(() => undefined)
  return result
}

const HOW = { replace: 'replaced with the others', soft: 'marked as deleted', hard: 'deleted', none: 'left' }
