import type { ErrorType } from '../model/errors.ts'
import type { Position } from '../model/run.ts'

/** Error types that end a stream at once; all others park it. The same as `parks: false` in model/errors.ts, which a test compares. */
export const NEVER_PARKS: readonly ErrorType[] = ['AlreadyRunning', 'RateLimited', 'Fenced', 'ReceiptMismatch', 'Poison', 'PayloadTooLarge']

/** Interruptions without a page between them after which a stream is parked: about two minutes of waiting. */
export const MAX_SETBACKS = 7

/** Wait after the nth interruption in a row, in ms: 2, 4, 8, 16, 32, 64 s. */
export function setbackWait(nth: number): number {
  return Math.min(2_000 * 2 ** Math.max(0, nth - 1), 64_000)
}

/** A stream parked for an outage tries again by itself, in ms: after 5, 10, 20, then every 30 minutes. null: it waits for a person. */
export function parkedWait(type: ErrorType, times: number): number | null {
  if (type !== 'Transient' && type !== 'Unreachable') return null
  return Math.min(300_000 * 2 ** Math.max(0, times - 1), 1_800_000)
}

/** A place that the API may forget: the same as `lapses` in model/position.ts, which a test compares. */
export function lapses(position: Position | null): boolean {
  if (position?.kind === 'window') return lapses(position.at)
  if (position?.kind === 'parent') return lapses(position.at) || lapses(position.in)
  return position !== null && ['cursor', 'url', 'search', 'job', 'range'].includes(position.kind)
}

/** Waits of so long are shown by the run of a stream too, in ms; shorter ones only by the stream: each costs the run's history eight events. */
export const LONG_WAIT_MS = 300_000
/** Waits that a run is told of by each stream. */
export const MAX_TOLD = 500
