import type { BackfillSpec } from '../../model/backfill.ts'
import { durationMs } from '../../model/duration.ts'
import { newestColumn } from '../../model/newest-column.ts'
import type { Plan, StreamPlan } from '../../model/plan.ts'
import { allowedRate } from '../estimate.ts'
import type { Sample } from './look.ts'
import { windowCount } from './spec.ts'

/** Expected work of a backfill. null = not known. */
export interface BackfillEstimate {
  spec: BackfillSpec
  concurrency: number
  /** Windows of all streams. */
  windows: number
  records: number | null
  calls: number | null
  seconds: number | null
  /** Some windows held more than the look has seen: the figures are lower bounds. */
  atLeast: boolean
  streams: { stream: string; windows: number; records: number | null; calls: number | null; sampled: number }[]
  /** What a person should know before it begins. */
  warnings: string[]
}

/** A window costs this much beside its requests: its steps in Temporal. */
const WINDOW_SECONDS = 0.6
/** Records a second that one worker loads beside other work. */
const LOADED = 15_000
/** As in store/pacing/room.ts: what is left to runs. */
const slower = (s: StreamPlan): number => (s.source.limits.some((l) => durationMs(l.per) > 10_000) ? 2 : 1.25)

/** Estimates calls and time from looks into some windows. */
export function estimateBackfill(plan: Plan, spec: BackfillSpec, concurrency: number, samples: Sample[]): BackfillEstimate {
  const each = windowCount(spec)
  const streams = plan.streams.map((s) => {
    const looks = samples.find((one) => one.stream === s.name)
    const n = looks?.windows.length ?? 0
    const mean = (what: 'records' | 'calls'): number | null => (looks && n > 0 ? Math.round((looks.windows.reduce((sum, w) => sum + w[what], 0) / n) * each) : null)
    const calls = mean('calls')
    const records = mean('records')
    const atOnce = Math.min(concurrency, Math.max(1, s.source.concurrency - 1))
    const paced = calls === null ? null : Math.max(calls / (allowedRate(s) / slower(s)), (calls * (looks?.ms ?? 0)) / 1000 / atOnce)
    return { stream: s.name, windows: each, records, calls, sampled: n, paced, whole: looks?.windows.every((w) => w.whole) ?? true }
  })
  const sum = (what: 'records' | 'calls'): number | null => (streams.some((s) => s[what] === null) ? null : streams.reduce((total, s) => total + s[what]!, 0))
  const windows = each * streams.length
  const records = sum('records')
  const paced = streams.some((s) => s.paced === null) ? null : Math.max(...streams.map((s) => s.paced!), 0)
  const seconds = paced === null ? null : Math.ceil(Math.max(paced, (windows * WINDOW_SECONDS) / concurrency, (records ?? 0) / LOADED))
  return {
    spec, concurrency, windows, records, calls: sum('calls'), seconds, atLeast: streams.some((s) => !s.whole),
    streams: streams.map(({ paced: _, whole: _whole, ...s }) => s), warnings: warningsOf(plan),
  }
}

function warningsOf(plan: Plan): string[] {
  return plan.streams.flatMap((s) => [
    ...(newestColumn(s) === null ? [`${s.name}: no column of the model holds the field by which records change, so a row that a run has written meanwhile may be overwritten by an older copy`] : []),
    ...(s.stream.parent ? [`${s.name}: each window asks for all parents`] : []),
  ])
}
