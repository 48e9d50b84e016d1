import type { Store } from '../model/ports.ts'
import type { PageStop } from '../model/run.ts'

/** Keeps how a connection is, by how reading from it went. A health that cannot be written never stops a run. */
export async function noteHealth(store: Pick<Store, 'noteHealth'>, connection: string, stop: PageStop, read: boolean): Promise<void> {
  const at = new Date()
  if (read) await store.noteHealth(connection, { lastSuccessAt: at, ...(stop.kind === 'done' || stop.kind === 'more' ? { state: 'ok' as const, reason: '' } : {}) }).catch(() => undefined)
  if (stop.kind === 'refused' || stop.kind === 'interrupted') await store.noteHealth(connection, { lastErrorAt: at, lastErrorType: stop.type, lastErrorMessage: stop.reason }).catch(() => undefined)
}
