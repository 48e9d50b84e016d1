import { Command } from 'commander'
import { runWorker } from '../../workers/run-worker.ts'
import { workerLogger } from '../../workers/runtime.ts'
import { stopSignals } from '../../workers/stop-signals.ts'
import { action, projectOption } from './action.ts'
import { EXIT } from './output.ts'

/** A step that was abandoned may hold a socket open, and a worker that could not be made its threads; the process does not wait for them. */
const LEAVE_MS = 2_000

/** `isthmus worker`: the production form. Servers are named by the environment. */
export function workerCommand(): Command {
  return new Command('worker')
    .description('run a worker for the servers of TEMPORAL_ADDRESS (or a Temporal profile) and DATABASE_URL; SIGTERM or Ctrl-C drains it, a second one stops it at once')
    .option('--metrics-port <port>', 'serve Prometheus metrics at this port of 127.0.0.1 (or <address>:<port>); ISTHMUS_METRICS_PORT')
    .addOption(projectOption())
    .action(
      action(async (_output, options: { project: string; metricsPort?: string }) => {
        const stop = stopSignals(() => workerLogger().warn('The worker was told to stop twice and stops at once; what it worked at is begun again'))
        try {
          await runWorker({ signal: stop.signal, env: { ...process.env, ISTHMUS_PROJECT_DIR: options.project, ...(options.metricsPort !== undefined && { ISTHMUS_METRICS_PORT: options.metricsPort }) } })
        } finally {
          setTimeout(() => process.exit(), LEAVE_MS).unref()
        }
        return EXIT.ok
      }),
    )
}
