import { setTimeout as sleep } from 'node:timers/promises'
import { abortError } from '../../protocols/http/index.ts'

/** Resolves at a moment (epoch ms), never before it. Rejects with the AbortError. */
export async function sleepUntil(untilMs: number, signal: AbortSignal): Promise<void> {
  for (let left = untilMs - Date.now(); left > 0; left = untilMs - Date.now()) {
    await sleep(Math.min(Math.ceil(left), 60_000), undefined, { signal }).catch(() => undefined)
    if (signal.aborted) throw abortError(signal)
  }
}
