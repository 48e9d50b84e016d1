/** Arguments and results of the activities: references and counts only, never records, tokens or page bodies. */
import type { FreshRequest, FreshResult } from '../model/owner.ts'
import type { BackfillEnd, WindowRange } from '../model/backfill.ts'
import type { Guard } from '../model/plan.ts'
import type { CompleteResult, Counts, PageResult, Position, PostResult, RunError, RunReceipt, StagedPages, StagedRows } from '../model/run.ts'

/** Which stream of which run an activity works for. */
export interface StreamTarget {
  /** Id of the sync. */
  sync: string
  run: string
  /** Hash of the stored plan. */
  plan: string
  stream: string
  /** How often a person sent the stream on within this run: a new round opens everything anew. */
  round: number
  /** A window of a backfill; absent in runs of a sync. */
  range?: WindowRange
}

export interface PrepareRequest extends StreamTarget {
  /** Why the scan begins anew instead of where it stopped; '' when it goes on. */
  anew: string
  /** Last chunk committed in this run; a scan that goes on is continued behind it. */
  committed: number
  /** Highest chunk number used in this run; another scan goes on behind it, so that no page staged for the old one is taken for its own. */
  used: number
}

export interface PrepareResult {
  epoch: number
  /** Chunks of this run that are committed already (not 0 only when the activity is repeated). */
  seq: number
  position: Position | null
  since: string | null
  /** An interrupted scan of an earlier run is continued. */
  resumed: boolean
  /** The scan has no lower bound and begins here: it will have seen every record. */
  full: boolean
  /** Records of the last complete full scan; null when unknown. */
  lastFull: number | null
  /** The connection signs in with tokens that expire. */
  needsToken: boolean
  connection: string
  /** Destination table as shown to people, for example `public.orders`. */
  table: string
  /** Bounds of one chunk. */
  chunk: { ms: number; bytes: number; requests: number }
  guard: Guard
  /** Records read again double nothing: rows have a key, or are exchanged. */
  repeatable: boolean
}

/** A stream of a paused run. */
export interface PauseRequest extends StreamTarget {
  counts: Counts
  note: string
}

/** A stream that waits for a person. */
export interface ParkRequest extends StreamTarget {
  counts: Counts
  error: RunError
  /** ISO time of its own next try; null when it waits for a person. */
  until: string | null
  /** It stopped because it could not sign in: to which account, and the token that was to follow. */
  signIn?: { seen: number; of?: 'destination' }
}

export interface ParkResult {
  /** A person has signed in since it stopped: it can go on at once. */
  signedIn: boolean
}

export interface AuthenticateRequest extends StreamTarget {
  /** The token version that was refused; -1 takes any valid one. */
  seen: number
  /** Which account: that of the source (default), or that of the action the stream goes to. */
  of?: 'destination'
}

export interface AuthenticateResult {
  version: number
  /** ISO time; null when unknown. */
  expiresAt: string | null
  /** A new token was fetched by this call. */
  refreshed: boolean
}

export interface RefreshRequest extends FreshRequest {
  connection: string
  /** Before the token's end, without anybody asking: what stands in the way is no news. */
  ahead: boolean
}

export interface PageRequest extends StreamTarget {
  seq: number
  position: Position | null
  since: string | null
  budget: { ms: number; bytes: number; requests: number }
  /** The client's look at the first page began here too: take that page over instead of asking for it again. */
  adopt: boolean
  /** One page at a time, none ahead: the chunk before was interrupted, and what is asked for ahead would be asked for again. */
  inTurn?: boolean
  /** Sums of the chunks before, for the live view. */
  before: { pages: number; records: number; requests: number }
}

export interface MapRequest extends StreamTarget {
  pages: StagedPages
  since: string | null
}

export interface PostStepRequest extends StreamTarget {
  epoch: number
  rows: StagedRows
  position: Position | null
  last: boolean
  /** A person has agreed that records are sent to an action that asks for it. */
  approved?: boolean
  /** Sums of the chunks before, for the live view. */
  before: Counts
}

export interface CompleteRequest extends StreamTarget {
  epoch: number
  /** A person has agreed to remove an unusual share of the rows. */
  approved: boolean
}

/** A run that a schedule starts. */
export interface BeginRequest {
  sync: string
  /** Id of the run. */
  run: string
  /** ISO time for which the schedule starts it; null when somebody had it start one. */
  dueAt: string | null
  /** Hash of the stored plan, for a sync that is not deployed with a schedule. Absent for schedules. */
  plan?: string
}

export type BeginResult =
  | { kind: 'run'; plan: string; streams: { name: string; connection: string; table: string }[]; searchAttributes: boolean }
  /** Nothing is started: a run of the sync is open, or its schedule is no longer deployed. */
  | { kind: 'skipped'; reason: string }

export interface Activities {
  /** Makes the run that a schedule starts: its row, with the plan and the settings of the deploy; or tells why there is none. */
  begin(request: BeginRequest): Promise<BeginResult>
  /** Keeps Temporal's id of a run that has started. */
  begun(request: { run: string; temporalRunId: string }): Promise<void>
  /** Takes back a run that could not be started after all, and notes why. */
  unbegin(request: BeginRequest & { reason: string }): Promise<void>
  /** Checks and extends the destination, takes hold of the stream, tells where to begin. */
  prepare(request: PrepareRequest): Promise<PrepareResult>
  /** Makes sure that a valid token lies in the store. Never returns it. */
  authenticate(request: AuthenticateRequest): Promise<AuthenticateResult>
  /** Gets a newer token for the owner of a connection and stores it. What went wrong is told, not thrown. */
  refresh(request: RefreshRequest): Promise<FreshResult>
  /** Reads pages from a position until the chunk's budget is spent, and stages them. */
  page(request: PageRequest): Promise<PageResult>
  /** Turns staged pages into rows in the destination's load format, and sets rejects aside. */
  map(request: MapRequest): Promise<StagedRows>
  /** Loads rows and checkpoint in one transaction. */
  post(request: PostStepRequest): Promise<PostResult>
  /** Shows a parked stream to those who look at the run, and alerts once. */
  park(request: ParkRequest): Promise<ParkResult>
  /** Shows a paused stream to those who look at the run. */
  pause(request: PauseRequest): Promise<void>
  /** Ends a scan that has seen everything: removes rows that are gone, exchanges the table of mode replace. */
  complete(request: CompleteRequest): Promise<CompleteResult>
  /** Writes the receipt of a run and cleans up behind it. */
  finish(request: { receipt: RunReceipt; error: RunError | null }): Promise<void>
  /** Notes how a backfill stands; at its end cleans up behind it. */
  noteBackfill(request: BackfillEnd): Promise<void>
}
