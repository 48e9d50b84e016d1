import type { PageStop } from '../../model/run.ts'
import { abortError } from '../../protocols/http/index.ts'
import type { Connection } from '../../protocols/rest/index.ts'
import { sleepUntil } from './sleep.ts'

/** Waits up to this long are slept here; longer ones go back to the caller. */
export const MAX_WAIT_MS = 10_000

/**
 * Waits until one request may be sent: the connection's pause is over and the account's allowance has a place.
 * Gives the stop `throttled` when that takes longer than 10 s. The one place where requests of actions are paced.
 */
export async function enter(connection: Connection, reserve: (() => Promise<Date>) | null, signal: AbortSignal): Promise<PageStop | null> {
  const { gate } = connection
  for (;;) {
    if (signal.aborted) throw abortError(signal)
    const pause = gate.openAt() - Date.now()
    if (pause > MAX_WAIT_MS) return { kind: 'throttled', untilMs: gate.openAt(), reason: gate.reason() }
    if (pause > 0) {
      await sleepUntil(gate.openAt(), signal)
      continue
    }
    if (reserve === null) return null
    const place = (await reserve()).getTime()
    if (place - Date.now() > MAX_WAIT_MS) {
      const reason = 'the allowance of this account'
      gate.block(place, reason)
      return { kind: 'throttled', untilMs: place, reason }
    }
    await sleepUntil(place, signal)
    if (gate.openAt() <= Date.now()) return null
  }
}
