import type { ActivityDeps } from './deps.ts'
import type { ParkRequest } from './types.ts'

/** Shows a parked stream in the run's live view and log. */
export async function parkStream(deps: ActivityDeps, { run, stream, counts, error, until }: ParkRequest): Promise<void> {
  const reason = `${error.field ? `${error.field}: ` : ''}${error.message}${error.cure ? `. Cure: ${error.cure}` : ''}`
  await deps.store.saveProgress(run, { stream, phase: 'parked', counts, wait: { reason, until: until ?? '' } })
  await deps.store.log({ run, stream, level: 'error', message: `parked: ${error.type}: ${reason}${until ? `; tries again at ${until}` : ''}` })
}
