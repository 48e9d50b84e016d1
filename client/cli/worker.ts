import { Command } from 'commander'
import { runWorker } from '../../workers/run-worker.ts'
import { action, projectOption } from './action.ts'
import { EXIT } from './output.ts'

/** `isthmus worker`: the production form. Servers are named by the environment. */
export function workerCommand(): Command {
  return new Command('worker')
    .description('run a worker for the servers of TEMPORAL_ADDRESS (or a Temporal profile) and DATABASE_URL, until SIGTERM')
    .option('--metrics-port <port>', 'serve Prometheus metrics at this port of 127.0.0.1 (or <address>:<port>); ISTHMUS_METRICS_PORT')
    .addOption(projectOption())
    .action(
      action(async (_output, options: { project: string; metricsPort?: string }) => {
        const stop = new AbortController()
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
        await runWorker({ signal: stop.signal, env: { ...process.env, ISTHMUS_PROJECT_DIR: options.project, ...(options.metricsPort !== undefined && { ISTHMUS_METRICS_PORT: options.metricsPort }) } })
        return EXIT.ok
      }),
    )
}
