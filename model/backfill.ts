/** Shapes of backfills. Types only: workflows import this file with `import type`. */
import type { Counts, RunError } from './run.ts'

/** One window of a backfill, as its steps get it. */
export interface WindowRange {
  /** Id of the backfill: whose settings, connections and log its windows share. */
  of: string
  /** ISO times; `to` is exclusive. */
  from: string
  to: string
  /** How often a person sent the backfill on: credentials and plan are opened anew for each. */
  take: number
}

export type BackfillOrder = 'newest' | 'oldest'

/** What a backfill reads. */
export interface BackfillSpec {
  /** ISO times; `to` is exclusive. */
  from: string
  to: string
  /** Length of a window, ms; the last one may be shorter. */
  windowMs: number
  order: BackfillOrder
  /** Names of the streams. */
  streams: string[]
}

/** `stopped`: what is left are windows that wait for a person. */
export type BackfillPhase = 'starting' | 'working' | 'pausing' | 'paused' | 'waiting' | 'stopped' | 'completed' | 'skipped' | 'cancelled' | 'failed'

/** A window under way. */
export interface OpenWindow {
  stream: string
  from: string
  to: string
  attempt: number
  /** ISO time. */
  since: string
  workflowId: string
}

/** A window that could not go on: it keeps its place and waits for `retry` or `skip`. */
export interface StoppedWindow {
  stream: string
  from: string
  to: string
  attempt: number
  error: RunError
}

/** Answer of the `progress` query of a backfill. Below 16 KB. */
export interface BackfillProgress {
  id: string
  sync: string
  phase: BackfillPhase
  spec: BackfillSpec
  concurrency: number
  /** Windows of all streams; `done` are complete, `skipped` were given up. */
  windows: { total: number; done: number; skipped: number; stopped: number; open: number }
  open: OpenWindow[]
  stopped: StoppedWindow[]
  /** Of all windows that have ended, and of parts of windows that were handed back. */
  counts: Counts
  /** Why nothing new is begun; null while it works. ISO times. */
  wait: { reason: string; until: string | null } | null
  /** Time in which it worked, without pauses and waits, ms. */
  activeMs: number
  /** Records a second over that time; null before the first window has ended. */
  rate: number | null
  /** ISO time at which it is expected to end; null when unknown or paused. */
  eta: string | null
}

/** What is written down of a backfill when its phase changes for long. */
export interface BackfillEnd {
  progress: BackfillProgress
  /** Hash of the plan; with it the backfill is over, and what its windows left is removed. null: it goes on. */
  cleanUp: string | null
}

/** A backfill as the store knows it; `progress` is that of its last change of phase. */
export interface BackfillSummary {
  id: string
  sync: string
  /** Hash of the plan it was started with. */
  plan: string
  workflowId: string
  temporalRunId: string
  spec: BackfillSpec
  outcome: 'running' | 'completed' | 'skipped' | 'cancelled' | 'failed'
  progress: BackfillProgress | null
  startedAt: Date
  finishedAt: Date | null
}

export interface BackfillStore {
  /** A run has just begun, or has told within seconds that it reads or writes. Those that wait, are parked or paused do not count. */
  runsAtWork(): Promise<boolean>
  startBackfill(backfill: Pick<BackfillSummary, 'id' | 'sync' | 'plan' | 'workflowId' | 'spec'>): Promise<void>
  setBackfillRun(id: string, temporalRunId: string): Promise<void>
  /** Notes how it stands; phases that end it give its outcome. */
  noteBackfill(progress: BackfillProgress): Promise<void>
  deleteBackfill(id: string): Promise<void>
  getBackfill(id: string): Promise<BackfillSummary | null>
  /** Newest first. */
  listBackfills(filter: { sync?: string; limit: number }): Promise<BackfillSummary[]>
  /** Those that go on only when a person sends them on, as far as that was noted; at most 100. */
  stoppedBackfills(): Promise<BackfillSummary[]>
}
