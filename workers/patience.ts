import { setTimeout as sleep } from 'node:timers/promises'
import { IsthmusError } from '../model/errors.ts'

/** Hears, in words, of an outage that is waited for and of its end. */
export type Tell = (message: string) => void

export interface PatientOptions {
  tell?: Tell
  /** Ends the waiting: the outage's error is thrown then. */
  signal?: AbortSignal
  /** How long an outage may last, in ms. Default: a minute. */
  forMs?: number
}

const PAUSE_MS = 500

/** Codes of gRPC: deadline exceeded, unavailable. */
const OUTAGE_CODES: unknown[] = [4, 14]

/** What does not answer, when an error means that PostgreSQL or Temporal is away for the moment; null for any other error. */
export function outage(error: unknown): 'PostgreSQL' | 'Temporal' | null {
  if (error instanceof IsthmusError) {
    if (error.type !== 'Unreachable' && error.type !== 'Transient') return null
    return error.cause === undefined || /Temporal/.test(error.message) ? null : 'PostgreSQL'
  }
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (OUTAGE_CODES.includes((at as { code?: unknown }).code)) return 'Temporal'
  }
  return null
}

/** Repeats a question to PostgreSQL or Temporal while they are restarted. Only for questions that may be asked twice. */
export async function patient<R>(ask: () => Promise<R>, { tell, signal, forMs = 60_000 }: PatientOptions = {}): Promise<R> {
  let since = 0
  for (;;) {
    try {
      const answer = await ask()
      if (since > 0) tell?.(`it answers again after ${Math.max(1, Math.round((Date.now() - since) / 1000))} s`)
      return answer
    } catch (error) {
      const away = outage(error)
      if (away === null || signal?.aborted) throw error
      if (since === 0) {
        since = Date.now()
        tell?.(`${away} does not answer; waiting for it, the run itself goes on when it is back`)
      }
      if (Date.now() - since > forMs) throw error
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined)
    }
  }
}
