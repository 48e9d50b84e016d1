import { durationMs } from '../../model/duration.ts'
import { IsthmusError } from '../../model/errors.ts'
import type { BackfillOrder, BackfillSpec } from '../../model/backfill.ts'
import type { Plan, StreamPlan } from '../../model/plan.ts'
import { fieldIncrementOf } from '../../model/source.ts'

/** What a person asks for. */
export interface BackfillOptions {
  /** ISO date or time, UTC unless it names a zone. */
  from: string
  /** ISO date (that whole day is included) or time (excluded). Default: now. What lies ahead of now is left out. */
  to?: string
  /** Length of a window. Default `7d`. */
  window?: string
  /** Windows at once, 1 to 32. Default 4. */
  concurrency?: number
  /** Which windows are read first. Default `newest`. */
  order?: BackfillOrder
  /** Only these streams of the sync. Default: all. */
  streams?: string[]
}

export const DAY_MS = 86_400_000
const MAX_WINDOWS = 1_000_000
const MIN_WINDOW_MS = 60_000
/** As `MAX_CONCURRENCY` in workflows/backfill-state.ts. */
const MAX_CONCURRENCY = 32
/** A date, or a time with or without a zone. */
export const MOMENT = /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))(?:[T ]((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/

const wrong = (field: string, message: string, cure: string): IsthmusError => new IsthmusError('InvalidInput', message, { field, cure })

/** Epoch ms of a moment. A date means its beginning, or as an `end` the end of that day. Throws InvalidInput. */
export function momentOf(text: string, field: string, end: boolean): number {
  const [, day, time, zone = 'Z'] = MOMENT.exec(text.trim()) ?? []
  const ms = day === undefined ? NaN : Date.parse(`${day}T${time ?? '00:00'}${zone}`)
  if (Number.isNaN(ms) || new Date(Date.parse(`${day}T00:00Z`)).toISOString().slice(0, 10) !== day) throw wrong(field, `"${text.slice(0, 40)}" is no date`, 'write it as 2024-12-31, or as 2024-12-31T18:00:00Z')
  return time === undefined && end ? ms + DAY_MS : ms
}

/** The options of a backfill, checked and with all defaults, and the plan with its streams alone. Throws InvalidInput or NotFound. */
export function specOf(plan: Plan, options: BackfillOptions, now = Date.now()): { spec: BackfillSpec; concurrency: number } {
  const from = momentOf(options.from, 'from', false)
  const asked = options.to === undefined ? now : momentOf(options.to, 'to', true)
  // Whole seconds, so that the same range has the same name.
  const days = plan.streams.some((s) => fieldIncrementOf(s.stream)?.format === 'date')
  // A bound that is written as a day would leave the rest of that day out.
  const to = days ? Math.ceil(Math.min(asked, now) / DAY_MS) * DAY_MS : Math.min(asked, Math.floor(now / 1000) * 1000)
  if (from >= to && from >= now) throw wrong('from', `${options.from} lies ahead of now, where there is nothing to read`, 'give a moment that is past')
  if (from >= to) throw wrong('to', 'the range is empty', 'let `to` lie behind `from`; what lies ahead of now is left out')
  let windowMs: number
  try {
    windowMs = durationMs(options.window ?? '7d')
  } catch {
    throw wrong('window', `"${String(options.window).slice(0, 40)}" is no length of a window`, 'write a number and a unit, for example 1d, 7d or 12h')
  }
  if (windowMs < MIN_WINDOW_MS) throw wrong('window', 'a window is at least one minute long', 'write a longer one, for example 1d')
  const count = Math.ceil((to - from) / windowMs)
  if (count > MAX_WINDOWS) throw wrong('window', `the range has ${count} windows, more than ${MAX_WINDOWS}`, 'take longer windows')
  const { concurrency = 4, order = 'newest' } = options
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MAX_CONCURRENCY) throw wrong('concurrency', `${String(concurrency)} windows at once cannot be`, `give a whole number from 1 to ${MAX_CONCURRENCY}`)
  if (order !== 'newest' && order !== 'oldest') throw wrong('order', `"${String(order).slice(0, 40)}" is no order`, 'write newest or oldest')
  for (const stream of plan.streams) checkStream(plan, stream, { from, windowMs })
  return { spec: { from: iso(from), to: iso(to), windowMs, order, streams: plan.streams.map((s) => s.name) }, concurrency }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/** Refuses a stream that cannot be read window by window, or whose rows could not be told apart. */
function checkStream(plan: Plan, s: StreamPlan, { from, windowMs }: { from: number; windowMs: number }): void {
  const others = plan.streams.length > 1 ? ', or leave this one out with `streams`' : ''
  const fail = (message: string, field: string, cure: string): never => {
    throw new IsthmusError('InvalidInput', `the stream "${s.name}" ${message}`, { file: plan.file, field, cure: cure + others })
  }
  if (s.destination.kind !== 'postgres') fail('goes to an action of an API, which would be called again for each record', 'to', 'backfill into a table')
  if (s.mode !== 'upsert') fail(`has mode ${s.mode}: ${s.mode === 'append' ? 'records that are there already would be added again' : 'its table is exchanged as a whole'}`, 'mode', "use mode: 'upsert' with a key")
  const incremental = fieldIncrementOf(s.stream)
  if (!incremental) return fail('has no field that tells when a record changed', 'from.incremental', "give it incremental: { field: 'updated_at', send: 'updated_since', until: 'updated_before' }")
  if (!canBound(s)) fail('can be asked for what changed since a moment, but not up to one', 'from.incremental.until', "name the API's parameter: incremental: { ..., until: 'updated_before' }, or put {until} where the bound belongs in its request")
  if (incremental.format === 'date' && (windowMs % DAY_MS !== 0 || from % DAY_MS !== 0)) fail('is asked by days', 'window', 'let windows begin at midnight UTC and be whole days long')
}

/** Something of the stream's requests says up to when. */
function canBound({ stream }: StreamPlan): boolean {
  return stream.sql !== null || stream.window !== null || fieldIncrementOf(stream)?.until !== undefined || JSON.stringify({ ...stream, incremental: null }).includes('{until}')
}

/** Windows of one stream. */
export function windowCount({ from, to, windowMs }: BackfillSpec): number {
  return Math.ceil((Date.parse(to) - Date.parse(from)) / windowMs)
}

/** `2024-01-08`, with the time of day when it is not midnight UTC. */
export function momentText(text: string): string {
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text.endsWith(':00.000Z') ? `${text.slice(0, 16)}Z` : `${text.slice(0, 19)}Z`
}

/** The workflow of a backfill: one of a sync and range is open at a time. */
export function backfillWorkflowId(sync: string, { from, to, streams }: BackfillSpec, all: boolean): string {
  return `backfill/${sync}/${momentText(from)}..${momentText(to)}${all ? '' : `/${streams.join(',')}`}`
}
