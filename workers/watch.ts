import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import { durationMs } from '../model/duration.ts'
import type { Store } from '../model/ports.ts'
import { Watcher } from '../watch/index.ts'
import { checkBackfills } from './backfill-check.ts'
import { checkTemporal, checkWorkers } from './temporal-check.ts'

/** Looks for problems beside the work of a worker, and tells of them. `ISTHMUS_HEALTH_EVERY`: how often, instead of what the project says. */
export function openWatcher(store: Store | undefined, client: Client, { projectDir, env, log }: { projectDir: string; env: NodeJS.ProcessEnv; log: Logger }): Watcher | null {
  if (!store) return null
  const every = env.ISTHMUS_HEALTH_EVERY
  const everyMs = every === undefined ? undefined : durationMs(every)
  const watcher = new Watcher({
    store, projectDir, log,
    // This worker polls itself: what may be missing is a queue that another one should serve.
    checks: [{ kind: 'temporal', run: () => checkTemporal(client) }, { kind: 'worker', run: async () => (await checkWorkers(client).catch(() => ({ findings: [] }))).findings }, { kind: 'stopped', run: () => checkBackfills(store, client) }],
    ...(everyMs !== undefined && { everyMs, firstMs: Math.min(everyMs, 10_000) }),
  })
  watcher.start()
  return watcher
}
