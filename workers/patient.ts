import { setTimeout as sleep } from 'node:timers/promises'
import { isGrpcDeadlineError } from '@temporalio/client'

/** Waits before the second and later tries, ms. */
const WAITS = [500, 1_000, 2_000, 4_000, 8_000]

/**
 * Repeats a call of Temporal that may be repeated while the server answers that it was too busy to get it done in its time (DEADLINE_EXCEEDED), which the client itself does not
 * repeat. Six tries; then the server's error.
 */
export async function patient<R>(call: () => Promise<R>, waits: readonly number[] = WAITS): Promise<R> {
  for (let tried = 0; ; tried += 1) {
    try {
      return await call()
    } catch (error) {
      const wait = waits[tried]
      if (wait === undefined || !tooBusy(error)) throw error
      await sleep(wait)
    }
  }
}

function tooBusy(error: unknown): boolean {
  return isGrpcDeadlineError(error) || isGrpcDeadlineError((error as { cause?: unknown } | null)?.cause)
}
