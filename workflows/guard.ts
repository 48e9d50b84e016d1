import type { StagedRows } from '../model/run.ts'
import { grouped } from './counts.ts'
import { StreamStopped } from './failure.ts'
import type { StreamState } from './types.ts'

/** Shares mean little below this many records. */
const ENOUGH = 100

/** Stops a stream in which an unusual share of the records does not fit, before the chunk is written. */
export function checkRejects(state: StreamState, rows: StagedRows): void {
  const read = state.counts.read + rows.read
  const rejected = state.counts.rejected + rows.rejected
  if (state.approved.rejects || read < ENOUGH || rejected <= state.guard.rejects * read) return
  throw new StreamStopped({
    type: 'Implausible', field: 'guard.rejects',
    message: `${grouped(rejected)} of ${grouped(read)} records do not fit the model, more than the ${percent(state.guard.rejects)} allowed`,
    cure: 'correct the mapping and retry, or approve to set them aside',
  })
}

/** Stops a complete scan that found far fewer records than the last one, before anything is removed for it. */
export function checkDrop(state: StreamState): void {
  const { lastFull, scanned, guard } = state
  if (state.approved.drop || !state.full || lastFull === null || lastFull < ENOUGH || scanned >= (1 - guard.drop) * lastFull) return
  throw new StreamStopped({
    type: 'Implausible', field: 'guard.drop',
    message: `a complete scan gave ${grouped(scanned)} records, the last one ${grouped(lastFull)}: a drop of more than ${percent(guard.drop)}`,
    cure: 'look at the source, then retry, or approve if that is right',
  })
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
