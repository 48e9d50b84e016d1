import type { Closed, Pacer, Permit } from '../../model/index.ts'
import { abortError } from '../http/index.ts'
import { pauseDelay } from './backoff.ts'
import { sleepUntil } from './sleep.ts'

/** Waits up to this long are slept here; longer ones go back to the caller. */
export const MAX_WAIT_MS = 10_000

/** A pacer without a store: it knows the pauses that the API asked for, in this process, and nothing else. */
export function createGate(now: () => number = Date.now): Pacer {
  let closed: Closed | null = null
  let pauses = 0
  let pausedAt = 0
  const current = (): Closed | null => (closed && closed.untilMs > now() ? closed : null)
  const permit = (): Permit => {
    let sentAt = now()
    return {
      sent() {
        sentAt = now()
      },
      async release(end) {
        if (end.kind === 'ok' && current() === null) pauses = 0
        if (end.kind !== 'throttled') return
        // Answers to requests that were under way when the pause began are the same refusal.
        if (sentAt >= pausedAt) pauses++
        pausedAt = now()
        const grown = end.untilMs === null || pauses > 1 ? now() + pauseDelay(Math.max(1, pauses)) : 0
        const untilMs = Math.max(end.untilMs ?? 0, grown) + 1
        if (untilMs > (closed?.untilMs ?? 0)) closed = { kind: 'throttled', untilMs, reason: end.reason, type: 'RateLimited', opening: 0 }
      },
    }
  }
  return {
    closed: current,
    async enter(signal) {
      for (;;) {
        if (signal.aborted) throw abortError(signal)
        const pause = current()
        if (pause === null) return permit()
        if (pause.untilMs - now() > MAX_WAIT_MS) return pause
        await sleepUntil(pause.untilMs, now, signal)
      }
    },
  }
}
