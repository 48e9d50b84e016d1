/** Interfaces between the folders. Each is implemented once, in the folder its comment names. */
import type { ChunkRef, CompleteResult, Counts, Outcome, Position, PostResult, RefusedRow, RunReceipt, Segment, StagedPages, StagedRows, StreamProgress } from './run.ts'
import type { BackfillStore } from './backfill.ts'
import type { Column, Mode, Plan, StreamPlan } from './plan.ts'
import type { ConnectionStore, ConnectLinkStore, PayloadKeys } from './connections.ts'
import type { Pacer, PacerOptions } from './pacer.ts'
import type { InboxStore } from './webhook.ts'
import type { RejectStore } from './rejects.ts'
import type { ApiKeyStore, TriggerStore } from './triggers.ts'
import type { RemapDifference, RemapRequest, RemapStore } from './remap.ts'
import type { ScheduleStore } from './schedules.ts'
import type { WatchStore } from './watch/index.ts'

// ---------------------------------------------------------------- stage/
export interface PageFrame {
  /** Decoded body, exactly as received. */
  body: Buffer
  records: number
  /** Where reading goes on after this page; null after the last. */
  next: Position | null
  /** No page follows. */
  last: boolean
  /** JSON text of what each record gets as `_parent`; null when there is no parent. */
  parent?: string | null
  /** Token from which the next run goes on, when this page holds one (increments of kind token and etag). */
  mark?: string | null
}

export interface FrameWriter {
  /** Resolves when the frame is in the file (survives a SIGKILL of this process). */
  append(frame: PageFrame): Promise<void>
  /** Ends the file and gives the segment that counts. */
  close(): Promise<Segment>
}

/** Where a chunk's pages and rows wait between steps. A folder by default. */
export interface Stage {
  /** Complete frames that earlier attempts at this chunk left, in reading order, without their bodies. */
  resume(chunk: ChunkRef): Promise<{ segments: Segment[]; records: number; bytes: number; next: Position | null; last: boolean } | null>
  /** A writer of a file no other attempt writes. */
  writer(chunk: ChunkRef): Promise<FrameWriter>
  /** Frames in order, one in memory at a time. Throws StageLost when a file is missing or short. */
  frames(pages: Pick<StagedPages, 'run' | 'stream' | 'seq' | 'segments'>): AsyncIterable<PageFrame>
  /** A new file for rows or rejects; returns a path that only this attempt writes, as reference and as absolute path. */
  newFile(chunk: ChunkRef, kind: 'rows' | 'rejects' | 'keys'): Promise<{ ref: string; path: string }>
  /** Absolute path of a reference made by `newFile`. Throws StageLost when it is gone, InvalidInput when it leaves the stage. */
  path(ref: string): Promise<string>
  /** Removes the row files of a chunk that is committed; raw pages stay. */
  dropRows(chunk: ChunkRef): Promise<void>
  /** Chunks of a run's stream that have pages here, in order; without the client's look at the first page (0). */
  chunks(run: string, stream: string): Promise<number[]>
  /** Removes everything of a run. */
  remove(run: string): Promise<void>
  /** Removes everything of runs older than `ms`. */
  purge(ms: number): Promise<void>
  /** An error of writing here as one that names the folder and the cure (Transient). Others are given back as they are. */
  blame(error: unknown): unknown
}

// ---------------------------------------------------------------- protocols/
export interface PageRead {
  body: Buffer
  records: number
  /** The records, parsed with numbers left marked (`parseExact` with `revive: false`); the reader is done with them. */
  list: unknown[]
  next: Position | null
  last: boolean
  /** See `PageFrame`. */
  parent: string | null
  mark: string | null
  /** How many records the query has in all; null when the answer does not say. */
  total: number | null
}

// ---------------------------------------------------------------- model/mapping
export type MapFunction = (record: any) => Record<string, unknown> | null | undefined

/** Turns parsed records into rows of PostgreSQL's COPY text format. */
export interface Mapper {
  /**
   * Appends the row of `record` (with its newline) to `out`.
   * Returns null when mapped, `filtered` when the map function gave null, else why it is rejected.
   */
  map(record: unknown, out: { text: string }): null | 'filtered' | { reason: string; field: string }
  /** The key of a record that was rejected; null when it cannot be read. */
  keyOf(record: unknown): RejectedKey | null
}

/** Key of a record that has no row, so that the row it had before is known to be still at the source. */
export interface RejectedKey {
  /** Cells of the key's columns in COPY's text format, between tabs, without line break. */
  cells: string
  /** The map function gave no key: this is what stands under the stream's key in the record. Believed only when there is such a row. */
  guessed: boolean
}

// ---------------------------------------------------------------- destinations/
export interface StreamCheckpoint {
  /** Counts the runs that took hold of this stream: the fence. */
  epoch: number
  /** Last chunk committed in this epoch. */
  seq: number
  /** Position of an interrupted scan to go on from, if its identity is still the same. */
  position: Position | null
  /** An interrupted scan is being continued. */
  resumed: boolean
  /** Lower bound sent to the source in this scan (already minus overlap); null reads everything. */
  since: string | null
  /** Records that the last complete scan without lower bound read; null when there was none of this identity. */
  lastFull: number | null
}

export interface PostRequest {
  plan: StreamPlan
  streamKey: string
  epoch: number
  rows: StagedRows
  /** Where to go on after this chunk. */
  position: Position | null
  /** The scan is complete with this chunk. */
  last: boolean
  /** Records that this run sent to an action before, and whether a person has agreed to send more than the action allows by itself. Default: 0, false. */
  sent?: number
  approved?: boolean
  /** Keys of the chunk's records that were rejected before: null where one could not be read. Default: there are none. */
  rejected?: (RejectedKey | null)[]
  /** Column that tells which version of a record is newer: a row that has a higher value there already stays and counts as unchanged. Default null: the row given wins. */
  newest?: string | null
}

/** A database that takes rows. destinations/postgres implements it. */
export interface RowDestination {
  /** Throws DestinationMismatch (naming column, types and cure) or Unreachable. Changes nothing. */
  check(plan: StreamPlan): Promise<void>
  /** What `begin` would tell, without taking hold of the stream and without changing anything. */
  peek(plan: StreamPlan, streamKey: string): Promise<Pick<StreamCheckpoint, 'position' | 'since'>>
  /** Creates or extends the table, takes hold of the stream (epoch + 1) and tells where to begin. `run` is kept with it: the same run gets the same epoch again. `seqs` are the numbers of chunks this run has used before (0: none): a scan goes on behind `committed`, another one behind `used`; `anew` forgets an interrupted scan. */
  begin(plan: StreamPlan, streamKey: string, run: string, seqs?: { committed: number; used: number; anew: boolean }): Promise<StreamCheckpoint>
  /**
   * Rows and checkpoint in one transaction, fenced by (epoch, seq). Throws Fenced.
   * Rows that the destination refuses for what is in them (at most 1,000 a chunk, else Contract) are told to `refused` before
   * the commit, the same ones again when the step is repeated.
   */
  post(request: PostRequest, path: string, signal: AbortSignal, refused?: (rows: RefusedRow[]) => Promise<void>): Promise<PostResult>
  /**
   * Ends a complete generation, after its last chunk: rows that are no longer at the source are removed as `plan.deletes` says, mode replace
   * exchanges the table. Fenced by the epoch, one transaction, repeatable. Above the plan's share nothing is changed without `approved`.
   */
  complete(plan: StreamPlan, streamKey: string, epoch: number, approved: boolean, signal: AbortSignal): Promise<CompleteResult>
  /**
   * Loads rows outside of a scan (rejects sent again): by key, or each once by its name, so repeatable; no checkpoint moves.
   * With `dry` nothing is changed: the counts are what it would do.
   */
  apply(request: ApplyRequest, path: string, signal: AbortSignal, refused?: (rows: RefusedRow[]) => Promise<void>): Promise<Applied>
  /** How far the stream is: another text as soon as a run takes hold of it or commits a chunk. */
  mark(streamKey: string): Promise<string>
  /**
   * Brings the rows of staged pages into the form of a changed mapping, in one transaction: the newest version of each key counts. Mode upsert inserts
   * and updates, mode replace makes the table anew. Throws AlreadyRunning when the stream is not where `mark` said, Contract when rows are refused; then nothing is changed.
   */
  remap(request: RemapRequest, signal: AbortSignal): Promise<RemapDifference>
  /** Forgets the checkpoints whose stream key begins so. */
  forget(prefix: string): Promise<void>
  close(): Promise<void>
}

export interface ApplyRequest {
  plan: StreamPlan
  rows: Pick<StagedRows, 'rows'>
  dry: boolean
  /** Column that tells which version of a record is newer: a row whose key has a higher value there already is left out. null: the row given wins. */
  newest: string | null
  /** For tables without a key: a name for each row; a row of a name that was applied before is left out and counts as unchanged. */
  once: string[] | null
}

export interface Applied extends PostResult {
  /** Lines (from 1) that were left out because the table holds a newer version. */
  older: number[]
  /** At most 20 rows that change, new ones last. */
  samples: RowChange[]
}

/** One row as it is and as it would become; columns as text, null for NULL. */
export interface RowChange {
  key: Record<string, string | null>
  before: Record<string, string | null> | null
  after: Record<string, string | null>
}

// ---------------------------------------------------------------- store/
export interface RunSummary {
  run: string
  /** Id of the sync; that of a tenant's ends in `@<tenant>`. */
  sync: string
  outcome: Outcome | 'running'
  startedAt: Date
  finishedAt: Date | null
  /** When it was due, for a run that its schedule started; null for one that somebody started. */
  dueAt: Date | null
  workflowId: string
  /** Temporal's run id; '' until it is known. */
  temporalRunId: string
  receipt: RunReceipt | null
  error: string | null
}

export interface LogLine {
  at: Date
  run: string
  stream: string
  level: 'info' | 'warn' | 'error'
  message: string
}

export interface LiveProgress {
  stream: string
  phase: StreamProgress['phase']
  counts: Counts
  wait: { reason: string; until: string } | null
  at: Date
}

export interface Token {
  /** Grows with every refresh. 0 = never had one. */
  version: number
  accessToken: string
  expiresAt: Date | null
  refreshToken: string | null
  /** When it was asked for; absent when that is not known. */
  issuedAt?: Date | null
}

/**
 * What became of a refresh token when the request that presented it failed. `unused`: it works as before; `refused`: the provider does
 * not take it any more; `unclear`: a provider that rotates may have used it up.
 */
export type TokenVerdict = 'unused' | 'refused' | 'unclear'

/** How a connection gets its next token. */
export interface TokenRefresh {
  /** What the request presents that may work only once; null when it presents nothing of that kind. Only a keyed fingerprint of it is kept. */
  presents(current: Token): string | null
  /** Gets the token after `current`. It is not cancelled once begun; it must end within a minute. */
  fetch(current: Token): Promise<Omit<Token, 'version'>>
  verdict(error: unknown): TokenVerdict
  /** The error that asks a person to sign in again. */
  reconnect(reason: string): Error
  /** The log that gets the one alert when a person has to sign in again. */
  log: { run: string; stream: string }
}

/** The state tables of Isthmus in PostgreSQL (schema `isthmus`). */
export interface Store extends RejectStore, RemapStore, ConnectionStore, ConnectLinkStore, TriggerStore, ApiKeyStore, ScheduleStore, InboxStore, WatchStore, BackfillStore {
  migrate(): Promise<void>
  savePlan(plan: Plan): Promise<void>
  getPlan(hash: string): Promise<Plan>
  /** `dueAt`: the time for which a schedule started it. */
  startRun(run: { run: string; sync: string; plan: string; workflowId: string; dueAt?: Date | null }): Promise<void>
  setTemporalRun(run: string, temporalRunId: string): Promise<void>
  finishRun(receipt: RunReceipt, error: string | null): Promise<void>
  deleteRun(run: string): Promise<void>
  /** Hash of the plan a run was started with; null when there is no such run. */
  planOf(run: string): Promise<string | null>
  getRun(run: string): Promise<RunSummary | null>
  /** Newest first. */
  listRuns(filter: { sync?: string; tenant?: string; limit: number }): Promise<RunSummary[]>
  progress(run: string): Promise<LiveProgress[]>
  /** Merges into the live view of a stream: counts that are given replace the old ones; `wait` is cleared unless given. Without a phase, phase and wait stay. */
  saveProgress(run: string, progress: { stream: string; phase?: LiveProgress['phase']; counts: Partial<Counts>; wait?: LiveProgress['wait'] }): Promise<void>
  log(line: Omit<LogLine, 'at'>): Promise<void>
  logs(run: string, after: number): Promise<(LogLine & { id: number })[]>
  /** Sealed values of a connection: environment names and what they stood for when a client last ran. */
  saveSettings(connection: string, values: Record<string, string>): Promise<void>
  getSettings(connection: string): Promise<Record<string, string>>
  getToken(connection: string): Promise<Token>
  /**
   * Gets a token newer than `seen`: the stored one if it is, else by `refresh`, which over all processes one at a time does. That a refresh
   * token is being presented is committed before the request leaves, and the new pair before anyone gets it. A refresh token whose
   * answer was lost is never presented again (unless the provider is known not to rotate): every call throws `refresh.reconnect`.
   * `refreshed`: by this very call. Throws also what `fetch` threw, the AbortError of `signal` (a refresh that has begun goes on behind it),
   * and Transient when another process does not come to an end.
   */
  refreshToken(connection: string, seen: number, refresh: TokenRefresh, signal?: AbortSignal): Promise<{ token: Token; refreshed: boolean }>
  /** Why a person has to sign in again; null when nobody has to. */
  reconnectReason(connection: string): Promise<string | null>
  /** Notes that the API has answered a request with this version. */
  noteServed(connection: string, version: number): Promise<void>
  /** The API has answered somebody with this version, or a later one. */
  wasServed(connection: string, version: number): Promise<boolean>
  /** Keys for payloads of Temporal. They outlive a change of the vault's key. */
  payloadKeys(): Promise<PayloadKeys>
  /** Lets requests of an account through, over all processes. Opens nothing; ends with the store. */
  pacer(options: PacerOptions): Pacer
  /** Writes a line of a run's log once for each `key`, whoever writes it. */
  logOnce(key: string, line: Omit<LogLine, 'at'>): Promise<void>
  close(): Promise<void>
}

export type { Column, Mode }
