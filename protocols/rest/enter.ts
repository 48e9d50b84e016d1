import type { PageStop } from '../../model/index.ts'
import { abortError } from '../http/index.ts'
import type { Call } from './call.ts'
import { sleepUntil } from './sleep.ts'

/** Waits up to this long are slept here; longer ones go back to the caller. */
export const MAX_WAIT_MS = 10_000

/**
 * Waits until one request may be sent: the connection's pause is over and the account's allowance has a place.
 * Gives the stop `throttled` when that takes longer than 10 s.
 */
export async function enter(call: Call, signal: AbortSignal): Promise<PageStop | null> {
  const { gate } = call.options.reader.connection
  const { now } = call
  const { reserve } = call.options
  for (;;) {
    if (signal.aborted) throw abortError(signal)
    const pause = gate.openAt() - now()
    if (pause > MAX_WAIT_MS) return { kind: 'throttled', untilMs: gate.openAt(), reason: gate.reason() }
    if (pause > 0) {
      await sleepUntil(gate.openAt(), now, signal)
      continue
    }
    if (reserve === null) return null
    const place = (await reserve()).getTime()
    if (place - now() > MAX_WAIT_MS) {
      const reason = 'the allowance of this account'
      // The other requests under way would reserve places they cannot use.
      gate.block(place, reason)
      return { kind: 'throttled', untilMs: place, reason }
    }
    await sleepUntil(place, now, signal)
    // A pause that began meanwhile makes the place worthless: places taken before it would all be used at once after it.
    if (gate.openAt() <= now()) return null
  }
}
