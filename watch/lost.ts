import type { Logger } from 'pino'
import { IsthmusError } from '../model/errors.ts'
import type { Alert, Severity } from '../model/watch/index.ts'
import { projectEnvironment } from '../project/index.ts'
import type { ProjectReader } from './project.ts'
import { sendAlert } from './sinks/index.ts'

/** Looks that fail in a row until it counts. */
const PATIENCE = 6

/** Tells that the database of Isthmus is gone, which cannot stand in it. */
export interface DatabaseLost {
  failed(error: unknown, signal: AbortSignal): Promise<void>
  back(): Promise<void>
}

/** Each worker that has lost the database tells of it once, and once that it is back: without the database nobody can agree who does. Not tried again. */
export function databaseLost(projectDir: string, project: ProjectReader, log: Pick<Logger, 'error' | 'info' | 'warn'>): DatabaseLost {
  let failures = 0
  let since: Date | null = null
  let told = false
  const tell = async (event: Alert['event'], what: string, signal: AbortSignal): Promise<void> => {
    const at = since ?? new Date()
    const problem = { id: 0, fingerprint: 'database', kind: 'database' as const, severity: 'error' as Severity, sync: null, stream: null, connection: null, what, cure: 'see that PostgreSQL runs and can be reached', since: at, openedAt: at, seenAt: new Date(), resolvedAt: event === 'resolved' ? new Date() : null }
    const { config } = await project.read()
    await Promise.all(config.alerts.map((sink) => sendAlert(sink, { id: Math.floor(at.getTime() / 1000), event, sink: '', problem, tries: 0, createdAt: new Date() }, projectEnvironment(projectDir), signal).catch((error: Error) => log.warn(`An alert could not be delivered: ${error.message}`))))
  }
  return {
    async failed(error, signal) {
      if (!(error instanceof IsthmusError) || (error.type !== 'Unreachable' && error.type !== 'Transient')) return
      since ??= new Date()
      failures += 1
      if (told || failures < PATIENCE) return
      told = true
      log.error('Problem: the database of Isthmus cannot be reached')
      await tell('opened', `the database of Isthmus cannot be reached: ${error.message}`, signal)
    },
    async back() {
      if (told) {
        log.info('Resolved: the database of Isthmus can be reached again')
        await tell('resolved', 'the database of Isthmus can be reached again', AbortSignal.timeout(30_000))
      }
      failures = 0
      since = null
      told = false
    },
  }
}
