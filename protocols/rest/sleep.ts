import { abortError } from '../http/index.ts'

const MAX_TIMER_MS = 60_000

/** Resolves at a moment of the clock `now`, never before it: timers alone may fire a millisecond early. Rejects with the AbortError. */
export async function sleepUntil(untilMs: number, now: () => number, signal: AbortSignal): Promise<void> {
  for (let left = untilMs - now(); left > 0; left = untilMs - now()) await sleep(Math.min(Math.ceil(left), MAX_TIMER_MS), signal)
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortError(signal))
    const onAbort = () => {
      clearTimeout(timer)
      reject(abortError(signal))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
