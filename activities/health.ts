import type { Store } from '../model/ports.ts'
import type { PageStop } from '../model/run.ts'

/**
 * Keeps how a connection is, by how its calls went. That a person has to sign in again is not decided here: calls go on with a token that is
 * still valid meanwhile. A health that cannot be written never stops a run.
 */
export async function noteHealth(store: Pick<Store, 'noteHealth'>, connection: string, stop: PageStop, answered: boolean): Promise<void> {
  const at = new Date()
  const success = answered ? { lastSuccessAt: at } : {}
  const failure = stop.kind === 'refused' || stop.kind === 'interrupted' ? { lastErrorAt: at, lastErrorType: stop.type, lastErrorMessage: stop.reason } : {}
  if (Object.keys({ ...success, ...failure }).length > 0) await store.noteHealth(connection, { ...success, ...failure }).catch(() => undefined)
}
