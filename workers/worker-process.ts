import { IsthmusError } from '../model/errors.ts'
import { redactor } from '../model/redact/index.ts'
import { tellCrashes } from './crash.ts'
import { runWorker, type RunWorkerOptions } from './run-worker.ts'
import { workerLogger } from './runtime.ts'
import { stopSignals } from './stop-signals.ts'
import type { WorkerMessage } from './worker-child.ts'

/** Exit code for settings that must be corrected first: starting again is no use. */
const EXIT_CONFIG = 78

/**
 * The whole life of a worker process: runs until SIGTERM, SIGINT, the parent's word or its disappearance, drains, and exits:
 * 0 after a drain, 130 at once after a second signal, 78 for settings that must be corrected, 1 for anything else. Never returns.
 */
export async function workerProcess(options: Omit<RunWorkerOptions, 'signal' | 'onReady'> = {}): Promise<never> {
  tellCrashes((text) => workerLogger().fatal(text))
  const stop = stopSignals(() => workerLogger().warn('The worker was told to stop twice and stops at once; what it worked at is begun again'))
  process.on('disconnect', stop.ask)
  process.on('message', (message: { type?: string }) => { if (message?.type === 'stop') stop.ask() })
  try {
    await runWorker({ ...options, signal: stop.signal, onReady: () => void tell({ type: 'ready' }) })
    process.exit(0)
  } catch (error) {
    const known = error instanceof IsthmusError ? error : null
    const final = known !== null && !known.retryable
    workerLogger().fatal(known ? { type: known.type } : { error }, known ? known.format() : 'The worker failed')
    const { type, message, file, field, cure } = known ?? { type: 'Transient' as const, message: `The worker failed: ${error instanceof Error ? error.message : String(error)}`, file: undefined, field: undefined, cure: undefined }
    await tell({ type: 'failed', final, error: { type, message: redactor.text(message), file, field, cure } })
    process.exit(final ? EXIT_CONFIG : 1)
  }
}

function tell(message: WorkerMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) return resolve()
    process.send!(message, () => resolve())
  })
}
