import { durationMs } from '../model/duration.ts'
import type { StreamPlan } from '../model/plan.ts'
import type { Store } from '../model/ports.ts'
import type { Source } from '../model/source.ts'
import type { Value } from '../model/value.ts'
import { lapsesOf } from '../protocols/rest/index.ts'
import { mergeShapes, shapeOf, type Shape } from '../model/watch/index.ts'
import type { StreamTarget } from './types.ts'

/** Records of a chunk whose form is looked at: evenly the first ones of its pages. */
const LOOK = 100
const A_PAGE = 20
/** Streams whose form is remembered at a time. */
const MAX_KEPT = 500

/** Tells that a run has taken hold of a stream. What is watched never stops a run. */
export async function noteStarted(store: Store, { sync, run, stream }: StreamTarget, { connection, freshness }: Pick<StreamPlan, 'connection' | 'freshness'>): Promise<void> {
  // Plans of older releases have no target.
  await store.noteStream({ kind: 'started', sync, run, stream, connection, targetMs: freshness ? durationMs(freshness) : null }).catch(() => undefined)
}

/** Notes when the credentials of a connection end, where they say so. */
export async function noteLapses(store: Store, connection: string, source: Source, resolve: (value: Value) => string): Promise<void> {
  for (const { what, at } of lapsesOf(source, resolve)) await store.noteLapse(connection, what, at).catch(() => undefined)
}

/** Notes how far a stream's incremental field has come, where that is a time. */
export async function noteWatermark(store: Store, { sync, run, stream, range }: StreamTarget, watermark: string | null): Promise<void> {
  // A window of a backfill says nothing of how far the runs have come.
  if (range) return
  const at = watermark === null ? null : timeOf(watermark)
  if (at) await store.noteStream({ kind: 'watermark', sync, run, stream, at }).catch(() => undefined)
}

/** ISO dates and times, and epochs in seconds or milliseconds; null for tokens, numbers and anything else. */
export function timeOf(text: string): Date | null {
  const epoch = /^\d{10}(\d{3})?$/.exec(text)
  const ms = epoch ? Number(text) * (epoch[1] === undefined ? 1_000 : 1) : /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d|$)/.test(text) ? Date.parse(text) : NaN
  return Number.isFinite(ms) && ms > 0 ? new Date(ms) : null
}

/** What the records of one chunk look like; only some of them are looked at. */
export class ChunkShape {
  #left = LOOK
  #shape: Shape = { n: 0, fields: {} }

  /** `marked`: numbers were not revived when they were parsed. */
  look(records: unknown[], marked: boolean): void {
    if (this.#left <= 0 || records.length === 0) return
    const some = records.slice(0, Math.min(A_PAGE, this.#left))
    this.#left -= some.length
    this.#shape = mergeShapes(this.#shape, shapeOf(some, marked))
  }

  get shape(): Shape {
    return this.#shape
  }
}

/** What this process has told of the form of a run's records: the store hears of the first chunk, and then of news only. */
export class Shapes {
  readonly #told = new Map<string, Shape>()

  async tell(store: Store, { sync, run, stream, range }: StreamTarget, { shape }: ChunkShape): Promise<void> {
    if (range) return
    if (shape.n === 0) return
    const key = `${run}\n${stream}`
    const told = this.#told.get(key)
    const merged = told ? mergeShapes(told, shape) : shape
    if (told && JSON.stringify(typesOf(told)) === JSON.stringify(typesOf(merged))) return
    this.#told.set(key, merged)
    const oldest = this.#told.keys().next().value
    if (this.#told.size > MAX_KEPT && oldest !== undefined) this.#told.delete(oldest)
    await store.noteShape({ sync, run, stream }, shape).catch(() => undefined)
  }
}

function typesOf({ fields }: Shape): [string, string[]][] {
  return Object.keys(fields).sort().map((name) => [name, [...fields[name]!.types].sort()])
}
