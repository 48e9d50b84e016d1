import { noCounts } from './counts.ts'
import type { StreamInput, StreamState } from './types.ts'

/** A stream that has done nothing yet. */
export function beginState({ anew, firstPage }: StreamInput): StreamState {
  return {
    round: 0, ready: false, ended: false, anew, anews: 0, resumed: false, resumedAt: null, repeatable: true, epoch: 0, needsToken: false, tokenVersion: -1, tokenRefreshes: 0, since: null,
    chunk: { ms: 0, bytes: 0, requests: 0 }, guard: { rejects: 1, drop: 1 }, full: false, lastFull: null, scanned: 0, approved: { rejects: false, drop: false, removed: false },
    seq: 0, staged: 0, position: null, committed: { seq: 0, position: null },
    counts: { ...noCounts(), requests: firstPage?.requests ?? 0 }, waits: { count: 0, ms: 0, reasons: {} }, setbacks: 0, restarts: 0, careful: false, parks: 0,
  }
}

/** Goes on behind the last committed chunk. */
export function rewind(state: StreamState): void {
  state.seq = state.committed.seq
  state.staged = state.counts.read
  state.position = state.committed.position
}
