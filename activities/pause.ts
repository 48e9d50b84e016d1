import type { ActivityDeps } from './deps.ts'
import type { PauseRequest } from './types.ts'

/** Shows a paused stream in the run's live view and log. */
export async function pauseStream({ store }: ActivityDeps, { run, stream, counts, note }: PauseRequest): Promise<void> {
  await store.saveProgress(run, { stream, phase: 'paused', counts, ...(note !== '' && { wait: { reason: note, until: '' } }) })
  await store.log({ run, stream, level: 'info', message: `paused${note === '' ? '' : `: ${note}`}` })
}
