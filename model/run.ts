/** Shapes that travel between workflow, activities and client. Types only: workflows import this file with `import type`. */
import type { ErrorType } from './errors.ts'

/** Where reading goes on. null = at the beginning. Small (below 4 KB), plain JSON. */
export type Position =
  | { kind: 'page'; page: number }
  | { kind: 'offset'; offset: number }
  | { kind: 'cursor'; cursor: string }
  | { kind: 'url'; url: string }
  /** Page `page` of the search that the API named `id`. */
  | { kind: 'search'; id: string; page: number }
  /** Byte `offset` of the file whose ETag or date is `tag`; `head` is its header line. */
  | { kind: 'range'; offset: number; tag: string; head: string }
  /**
   * Inside the window from `from` up to `to` (exclusive), ISO times; the scan ends at `until`. `after`: above which value of `split` its records
   * are asked for; `last`: that of the last record handed over.
   */
  | { kind: 'window'; from: string; to: string; until: string; after: string | null; last: string | null; at: Position | null }
  /** Inside the parent at place `index` of the parents' page `at`; `id` is its key, by which it is found when it has moved. */
  | { kind: 'parent'; at: Position | null; index: number; id: string; in: Position | null }
  /** Behind the row of a query with this key; values as texts. */
  | { kind: 'row'; key: string[] }
  /** Byte `offset` of a staged file. */
  | { kind: 'byte'; offset: number }
  /** A report job: asked about until it is `ready`, then downloaded (from `url` when it has one). `sinceMs`: when it was submitted. */
  | { kind: 'job'; job: string; sinceMs: number; ready: boolean; url: string | null; at: Position | null }

/** Names one chunk of one run in the stage. */
export interface ChunkRef {
  run: string
  stream: string
  /** 1, 2, 3, ... within the stream's run. */
  seq: number
}

/** A part of a segment file that counts: what lies behind `bytes` belongs to an attempt that did not finish. */
export interface Segment {
  file: string
  bytes: number
  frames: number
}

/** The raw pages of one chunk, in order. */
export interface StagedPages extends ChunkRef {
  segments: Segment[]
  pages: number
  records: number
  bytes: number
}

/** Rows of one chunk in the destination's load format. */
export interface StagedRows extends ChunkRef {
  file: string
  rows: number
  bytes: number
  /** File of rejects, one JSON line each; '' when there are none. */
  rejectsFile: string
  rejected: number
  filtered: number
  /** Records read from the staged pages. read = rows + filtered + rejected. */
  read: number
  /** Highest value of the incremental field seen, as text; null when none. */
  watermark: string | null
}

/** Why reading stopped before the end. All of these are returned, none is thrown. */
export type PageStop =
  | { kind: 'more' }
  | { kind: 'done' }
  /** The account's allowance is used up, or the API said 429 / Retry-After. */
  | { kind: 'throttled'; untilMs: number; reason: string }
  /** The API refused token `version`. `served`: after it had answered somebody else with it, so that the refusal tells less about the credentials. */
  | { kind: 'authRequired'; version: number; reason: string; served?: boolean }
  /** Time-outs, resets, 5xx: after the short retries inside the activity. `untilMs`: when the account's circuit breaker lets the next try through; 0 = whenever. `opening`: number of the breaker's opening when it is the reason. */
  | { kind: 'interrupted'; type: ErrorType; reason: string; untilMs: number; opening?: number }
  /** The API no longer knows the cursor or address to go on from: only a scan from the beginning gets further. */
  | { kind: 'positionLost'; reason: string }
  /** Nothing that waiting cures. */
  | { kind: 'refused'; type: ErrorType; reason: string; field: string; cure: string }

export interface PageResult {
  stop: PageStop
  /** null when no page was read. */
  chunk: StagedPages | null
  /** Where to go on; also when `stop` is not `more`. */
  position: Position | null
  requests: number
  /** How long to wait when throttled or interrupted, by the clock of the worker that read: clocks of machines differ. */
  waitMs: number
  /** Tokens fetched inside the step, because those of this API live only seconds. */
  tokenRefreshes: number
  /** An earlier attempt at this chunk was interrupted. */
  again?: boolean
}

export interface PostResult {
  inserted: number
  updated: number
  unchanged: number
  deleted: number
  /** Rows the destination itself refused; they are rejects too. */
  refused: number
  /** true when an earlier attempt had committed this chunk and only its answer was lost. */
  repeated: boolean
  /** Why posting stopped before the chunk was committed: the step is called again after what it asks for. null = the chunk is committed. */
  stop: PageStop | null
}

/** How a complete generation of records ended: what is no longer at the source was removed, or the share is so large that a person has to approve. */
export type CompleteResult =
  /** `note`: why rows that may be gone were left, in words for people. */
  | { kind: 'done'; removed: number; note?: string }
  | { kind: 'approval'; removed: number; rows: number; reason: string }

/** A row that the destination itself refused. */
export interface RefusedRow {
  /** Line in the rows file, from 1. */
  line: number
  reason: string
  /** Column the reason is about; '' when that is unknown. */
  field: string
  /** The row as JSON text, column -> value as text. */
  row: string
}

/** `read = inserted + updated + unchanged + deleted + filtered + rejected`, or the run is failed. */
export interface Counts {
  read: number
  inserted: number
  updated: number
  unchanged: number
  deleted: number
  filtered: number
  rejected: number
  /** Rows that are no longer at the source, found by a complete generation; not part of the equation. */
  removed: number
  pages: number
  requests: number
  chunks: number
  bytes: number
}

export interface Wait {
  reason: string
  ms: number
}

/** `skipped`: given up by an operator; `parked`: waits for one (the run is still open). */
export type Outcome = 'completed' | 'failed' | 'cancelled' | 'skipped' | 'parked'

export interface RunError {
  type: ErrorType
  message: string
  field: string
  cure: string
}

export interface StreamReceipt {
  stream: string
  outcome: Outcome
  /** The run went on where an earlier one had stopped. */
  resumed: boolean
  counts: Counts
  waits: { count: number; ms: number; reasons: Record<string, number> }
  tokenRefreshes: number
  error: RunError | null
}

export interface RunReceipt {
  sync: string
  run: string
  outcome: Outcome
  streams: StreamReceipt[]
  total: Counts
}

export type Phase = 'starting' | 'authenticating' | 'reading' | 'waiting' | 'paused' | 'posting' | 'finishing' | 'parked' | 'done' | 'failed' | 'cancelled' | 'skipped'

/** Answer of the `progress` query of a stream workflow. */
export interface StreamProgress {
  stream: string
  phase: Phase
  counts: Counts
  position: Position | null
  wait: { reason: string; until: string } | null
  /** Why it is parked or has ended; null while it works. */
  error: RunError | null
}
