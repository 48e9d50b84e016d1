import type { BackfillOrder, BackfillPhase, BackfillProgress, OpenWindow, StoppedWindow } from '../model/backfill.ts'
import type { Counts, RunError, StreamReceipt } from '../model/run.ts'
import { addCounts, noCounts } from './counts.ts'

export interface BackfillInput {
  id: string
  sync: string
  /** Hash of the stored plan. */
  plan: string
  streams: { name: string; connection: string; table: string }[]
  /** ISO times; `to` is exclusive. */
  from: string
  to: string
  windowMs: number
  order: BackfillOrder
  concurrency: number
  /** The server knows Isthmus' search attributes. */
  searchAttributes: boolean
  /** State of the run before continue-as-new; null at the beginning. */
  carried: BackfillState | null
}

/** One window of one stream, by its place in the order of reading, and which try at it this is, from 1. */
export interface Task {
  task: number
  attempt: number
}

/** What a backfill knows between its windows; small, whatever their number: windows are computed. */
export interface BackfillState {
  concurrency: number
  /** `itself`: too many windows stopped. `at`: since when, epoch ms; absent in backfills that older releases paused. */
  paused: { note: string; by: 'person' | 'itself'; at?: number } | null
  /** The source does not answer: nothing is begun before. Epoch ms. */
  rest: { until: number; reason: string } | null
  /** Rests in a row without a complete window between them. */
  rests: number
  /** First task that was never begun. */
  next: number
  /** Handed back, or to be tried again: begun before others. */
  again: Task[]
  stopped: (Task & { error: RunError })[]
  done: number
  skipped: number
  /** Windows that stopped without a complete one between them. */
  inARow: number
  counts: Counts
  activeMs: number
  /** How often a person sent it on. */
  take: number
}

/** Windows at once. */
export const MAX_CONCURRENCY = 32
/** Stopped windows that are remembered: then it pauses itself. */
const MAX_STOPPED = 25
/** Stops in a row that say that there is no use in going on. */
const MAX_IN_A_ROW = 10
/** Tries at a window that fails as if the source were away, while others may succeed. */
const MAX_ATTEMPTS = 8
/** What is wrong with the account is wrong for all windows. */
const OF_ACCOUNT: readonly string[] = ['AuthFailed', 'PermissionDenied', 'MissingEnvironment', 'VaultKey']

export function beginBackfill({ concurrency }: BackfillInput): BackfillState {
  return { concurrency, paused: null, rest: null, rests: 0, next: 0, again: [], stopped: [], done: 0, skipped: 0, inARow: 0, counts: noCounts(), activeMs: 0, take: 0 }
}

/** Windows of all streams. */
export function totalTasks({ from, to, windowMs, streams }: BackfillInput): number {
  return Math.ceil((Date.parse(to) - Date.parse(from)) / windowMs) * streams.length
}

/** The window of a task: the streams take turns within each window. */
export function windowOf(input: BackfillInput, task: number): { stream: BackfillInput['streams'][number]; from: string; to: string } {
  const { from, to, windowMs, streams, order } = input
  const i = Math.floor(task / streams.length)
  const last = totalTasks(input) / streams.length - 1
  const at = Date.parse(from) + (order === 'newest' ? last - i : i) * windowMs
  return { stream: streams[task % streams.length]!, from: new Date(at).toISOString(), to: new Date(Math.min(at + windowMs, Date.parse(to))).toISOString() }
}

/** Takes the next window out; null when all have been begun. */
export function takeNext(input: BackfillInput, state: BackfillState): Task | null {
  const again = state.again.shift()
  if (again) return again
  if (state.next >= totalTasks(input)) return null
  state.next += 1
  return { task: state.next - 1, attempt: 1 }
}

/** Nothing is left to begin. */
export function isOver(input: BackfillInput, state: BackfillState): boolean {
  return state.again.length === 0 && state.next >= totalTasks(input)
}

/** Takes in how a window ended. */
export function learnWindow(state: BackfillState, { task, attempt }: Task, receipt: StreamReceipt, now: number): void {
  addCounts(state.counts, receipt.counts)
  const { outcome, error } = receipt
  if (outcome === 'completed') {
    state.done += 1
    state.inARow = 0
    state.rests = 0
  } else if (error === null) {
    state.again.push({ task, attempt: attempt + 1 })
  } else if ((error.type === 'Transient' || error.type === 'Unreachable') && attempt < MAX_ATTEMPTS) {
    state.again.push({ task, attempt: attempt + 1 })
    // Windows that stopped together are one reason to wait.
    if (state.rest === null) {
      state.rests += 1
      state.rest = { until: now + Math.min(60_000 * 2 ** (state.rests - 1), 1_800_000), reason: error.message.slice(0, 200) }
    }
  } else {
    state.stopped.push({ task, attempt, error: { ...error, message: error.message.slice(0, 200), cure: error.cure.slice(0, 150) } })
    state.inARow += 1
    const why = OF_ACCOUNT.includes(error.type) ? error.message.slice(0, 200) : state.inARow >= MAX_IN_A_ROW || state.stopped.length >= MAX_STOPPED ? `${state.inARow >= MAX_IN_A_ROW ? `${state.inARow} windows in a row` : `${state.stopped.length} windows`} could not go on; the last one: ${error.message.slice(0, 150)}` : null
    if (why !== null) state.paused ??= { note: why, by: 'itself', at: now }
  }
}

/** Stopped windows are begun again. */
export function retryStopped(state: BackfillState): void {
  state.again.push(...state.stopped.splice(0).map(({ task, attempt }) => ({ task, attempt: attempt + 1 })))
  state.inARow = 0
  state.rest = null
}

export interface OpenTask extends Task {
  since: number
  workflowId: string
}

/** The live view. `activeSince`: when it began to work; null while it does not. */
export function progressOf(input: BackfillInput, state: BackfillState, phase: BackfillPhase, open: OpenTask[], activeSince: number | null, now: number): BackfillProgress {
  const total = totalTasks(input)
  const activeMs = state.activeMs + (activeSince === null ? 0 : now - activeSince)
  const left = total - state.done - state.skipped - state.stopped.length
  const working = phase === 'working' && state.done > 0 && activeMs > 0
  const place = (task: number): Pick<OpenWindow, 'stream' | 'from' | 'to'> => {
    const { stream, from, to } = windowOf(input, task)
    return { stream: stream.name, from, to }
  }
  const wait = state.paused ? { reason: state.paused.note || 'paused', until: null } : state.rest && phase === 'waiting' ? { reason: state.rest.reason, until: new Date(state.rest.until).toISOString() } : null
  return {
    id: input.id, sync: input.sync, phase, concurrency: state.concurrency,
    spec: { from: input.from, to: input.to, windowMs: input.windowMs, order: input.order, streams: input.streams.map((s) => s.name) },
    windows: { total, done: state.done, skipped: state.skipped, stopped: state.stopped.length, open: open.length },
    open: open.map((o) => ({ ...place(o.task), attempt: o.attempt, since: new Date(o.since).toISOString(), workflowId: o.workflowId })),
    stopped: state.stopped.map((s): StoppedWindow => ({ ...place(s.task), attempt: s.attempt, error: s.error })),
    counts: { ...state.counts }, wait, activeMs,
    rate: activeMs > 0 && state.done > 0 ? state.counts.read / (activeMs / 1000) : null,
    eta: working ? new Date(now + (activeMs / state.done) * left).toISOString() : null,
  }
}
