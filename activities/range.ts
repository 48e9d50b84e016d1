import type { WindowRange } from '../model/backfill.ts'
import { durationMs } from '../model/duration.ts'
import { IsthmusError } from '../model/errors.ts'
import type { StreamPlan } from '../model/plan.ts'
import { fieldIncrementOf } from '../model/source.ts'
import { epochMs } from '../protocols/rest/index.ts'

/** Steps of a backfill give way to those of runs: what they do at once is short, so that a run that begins does not wait for it. */
const SMALL = { ms: 10_000, bytes: 8 * 1024 * 1024 }

/** The bounds of a chunk of a backfill. */
export function smallChunk({ ms, bytes, requests }: StreamPlan['chunk']): StreamPlan['chunk'] {
  return { ms: Math.min(ms, SMALL.ms), bytes: Math.min(bytes, SMALL.bytes), requests }
}

/**
 * The plan of a stream for one window: it begins at the window's lower bound, less the overlap that the stream needs anyway, and removes nothing.
 * Throws InvalidInput for a stream without a field to go by.
 */
export function rangePlan(plan: StreamPlan, { from }: WindowRange): StreamPlan {
  const incremental = fieldIncrementOf(plan.stream)
  if (!incremental) throw new IsthmusError('InvalidInput', `the stream "${plan.name}" has no field that tells when a record changed`, { field: 'from.incremental', cure: 'give it incremental: { field, send, until }' })
  const overlap = incremental.overlap === '' ? 0 : durationMs(incremental.overlap)
  const start = new Date(Date.parse(from) - overlap).toISOString().replace('.000Z', 'Z')
  return { ...plan, deletes: { ...plan.deletes, mode: 'none' }, stream: { ...plan.stream, incremental: { ...incremental, start, overlap: '' } } }
}

/** Checkpoint of a window; that of the stream itself is not touched. */
export function windowKey(streamKey: string, { of, from }: Pick<WindowRange, 'of' | 'from'>): string {
  return `${windowKeys(streamKey, of)}${from}`
}

/** What the keys of all windows of a backfill begin with. */
export function windowKeys(streamKey: string, backfill: string): string {
  return `${streamKey}/backfill:${backfill}:`
}

/** Tells whether a value of the incremental field lies in the window; one that is no time does. */
export function insideOf(range: WindowRange): (mark: string | null) => boolean {
  const from = Date.parse(range.from)
  const to = Date.parse(range.to)
  return (mark) => {
    const at = mark === null ? NaN : epochMs(mark)
    return Number.isNaN(at) || (at >= from && at < to)
  }
}
