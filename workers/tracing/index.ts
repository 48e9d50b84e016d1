import type { Tracer } from '@opentelemetry/api'
import type { ActivityInterceptorsFactory, InjectedSinks } from '@temporalio/worker'
import type { WorkflowClientInterceptor } from '@temporalio/client'
import type { Logger } from 'pino'
import { redactor } from '../../model/redact/index.ts'
import type { TraceSinks } from '../../workflows/trace.ts'
import { traceSecrets, traceSettings, wantsTraces } from './settings.ts'

export { during } from './during.ts'

/** What makes the spans of a process. */
export interface Tracing {
  /** Of the steps of a worker. */
  steps: ActivityInterceptorsFactory
  /** Of the workflows of a worker, with the traced bundle. */
  sinks: InjectedSinks<TraceSinks>
  tracer: Tracer
  /** Sends what waits, for at most 2.5 s. */
  close(): Promise<void>
}

/** Traces this process when the environment asks for it; null, with nothing loaded, when it does not. Never throws: work does not wait for its traces. */
export async function openTracing(env: Record<string, string | undefined>, options: { service: string; log: Pick<Logger, 'info' | 'warn'> }): Promise<Tracing | null> {
  if (!wantsTraces(env)) return null
  for (const secret of traceSecrets(env)) redactor.add(secret)
  try {
    const found = traceSettings(env)
    if ('problem' in found) {
      options.log.warn(`There are no traces: ${found.problem}`)
      return null
    }
    const { startTracing } = await import('./start.ts')
    return await startTracing(found.settings, options)
  } catch (error) {
    options.log.warn({ error }, 'There are no traces: OpenTelemetry did not start')
    return null
  }
}

/** OpenTelemetry is set up in this process, be it ours or that of an app. Loads nothing. */
export function isTraced(): boolean {
  // Where its API keeps what was set up, whichever copy of it did.
  const api = (globalThis as Record<symbol, unknown>)[Symbol.for('opentelemetry.js.api.1')] as { trace?: unknown } | undefined
  return Boolean(api?.trace)
}

/** What hands the trace of a process on to the workflows it starts; none, with nothing loaded, in one that is not traced. Never throws. */
export async function clientInterceptors(): Promise<WorkflowClientInterceptor[]> {
  if (!isTraced()) return []
  try {
    return [(await import('./client.ts')).tracedClient()]
  } catch {
    // Loaders that some processes run with do not load every module.
    return []
  }
}
