import type { Logger } from 'pino'
import type { Store } from '../model/ports.ts'
import type { Unopened } from './codec/index.ts'

const AGAIN_MS = 60_000

/**
 * Makes heard that a payload of a run does not open: in the worker's log at once and every minute, and once in the run's own log. Temporal tries
 * the step again and again meanwhile, since another worker may have the key.
 */
export function tellUnopened(log: Pick<Logger, 'error'>, store: Pick<Store, 'listRuns' | 'log'> | undefined): Unopened {
  const told = new Map<string, number>()
  return ({ message, cure }, workflowId = '') => {
    const last = told.get(workflowId)
    if (last !== undefined && performance.now() - last < AGAIN_MS) return
    told.set(workflowId, performance.now())
    log.error({ type: 'VaultKey', workflowId }, `${workflowId || 'A client'} cannot go on: ${message}. Cure: ${cure}`)
    if (store && last === undefined) void tellRun(store, workflowId, `cannot go on: ${message}. Cure: ${cure}`).catch(() => {})
  }
}

/** `workflowId`: `sync/<sync>` or `sync/<sync>/<stream>`; both names may hold slashes. */
async function tellRun(store: Pick<Store, 'listRuns' | 'log'>, workflowId: string, message: string): Promise<void> {
  const name = /^sync\/(.+)$/.exec(workflowId)?.[1]
  if (name === undefined) return
  for (let end = name.length; end > 0; end = name.lastIndexOf('/', end - 1)) {
    const [run] = await store.listRuns({ sync: name.slice(0, end), limit: 1 })
    if (run?.outcome === 'running') return store.log({ run: run.run, stream: name.slice(end + 1), level: 'error', message })
  }
}
