import type { LogEntry } from '@temporalio/worker'
import pino from 'pino'
import { redactor } from '../model/redact/index.ts'

let logger: pino.Logger | null = null
let installed = false

/** JSON lines on stdout. Level from `ISTHMUS_LOG_LEVEL` (`info` by default). Written at once, so that none is lost at the end. */
export function workerLogger(env: NodeJS.ProcessEnv = process.env): pino.Logger {
  const level = env.ISTHMUS_LOG_LEVEL ?? 'info'
  logger ??= createLogger(level, pino.destination({ fd: 1, sync: true }))
  return logger
}

/** A logger whose lines pass through the redactor of the process: whatever is logged, by us or by the SDK. */
export function createLogger(level: string, to: pino.DestinationStream): pino.Logger {
  return pino(
    {
      level: level in pino.levels.values ? level : 'info',
      base: { pid: process.pid },
      hooks: { logMethod(args, method) { method.apply(this, clean(args) as typeof args) } },
    },
    to,
  )
}

/** Arguments of a call of the logger, redacted: object and message, or message alone, each with values to be put in. */
function clean([first, ...rest]: unknown[]): unknown[] {
  const others = rest.map((value) => redactor.value(value))
  if (first instanceof Error) return [{ err: redactor.value(first) }, ...(others.length > 0 ? others : [redactor.text(first.message)])]
  return [redactor.value(first), ...others]
}

function write(entry: LogEntry): void {
  const { sdkComponent } = (entry.meta ?? {}) as { sdkComponent?: string }
  const level = entry.level.toLowerCase() as 'trace' | 'debug' | 'info' | 'warn' | 'error'
  // The SDK tells of its own states at level info; what workflows and activities say at that level is kept.
  if (level === 'info' && sdkComponent !== 'workflow' && sdkComponent !== 'activity') return
  // So it is meant on the queue of API calls.
  if (entry.message.startsWith('No workflows registered')) return
  workerLogger()[level](entry.meta ?? {}, entry.message)
}

/** Sets up the Temporal SDK in this process, once: quiet log, no metrics, signals left to the caller. */
export async function installRuntime(): Promise<void> {
  if (installed) return
  installed = true
  const { DefaultLogger, makeTelemetryFilterString, Runtime } = await import('@temporalio/worker')
  Runtime.install({
    logger: new DefaultLogger('INFO', write),
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) } },
  })
}
