import type { WindowRange } from '../model/backfill.ts'
import type { Guard } from '../model/plan.ts'
import type { TokenAsk } from '../model/owner.ts'
import type { Counts, Position, RunError, Wait } from '../model/run.ts'
import type { PauseNote } from './messages.ts'

/** One stream of a run. */
export interface StreamStart {
  name: string
  connection: string
  /** Destination as shown to people, for example `public.orders`. */
  table: string
  /** Where the client's look at the first page began; null when it took none. */
  firstPage: { position: Position | null; since: string | null; requests: number } | null
  /** Why the scan begins anew instead of where the last run stopped; '' when it goes on. */
  anew: string
}

export interface SyncInput {
  /** Id of the sync, for example `acme/invoices`. */
  sync: string
  run: string
  /** Hash of the stored plan. */
  plan: string
  streams: StreamStart[]
  /** The server knows Isthmus' search attributes. */
  searchAttributes: boolean
}

/** What a schedule starts: all else stands where the deploy has put it. */
export interface ScheduledInput {
  sync: string
  /** Hash of the stored plan for a sync that is not deployed with a schedule: it runs because of events. Absent for schedules. */
  plan?: string
}

export interface StreamInput {
  sync: string
  run: string
  plan: string
  stream: string
  connection: string
  table: string
  firstPage: StreamStart['firstPage']
  anew: string
  searchAttributes: boolean
  /** A window of a backfill: what stops it ends it, and its parent decides. Absent in runs of a sync. */
  range?: WindowRange
  /** Its run shows long waits, so it tells them. Absent in runs of older releases and in windows of backfills. */
  tells?: true
  /** State of the run before continue-as-new; null at the beginning. */
  carried: StreamState | null
}

/** What a stream workflow knows; all of it survives continue-as-new. */
export interface StreamState {
  /** How often a person sent the stream on after it was parked. */
  round: number
  /** The stream is held and the fields below are those of this round. */
  ready: boolean
  /** All chunks of the scan are committed; what follows from that may not be done yet. */
  ended: boolean
  /** Why the next hold begins the scan anew; '' when it goes on. */
  anew: string
  /** Scans begun anew in this run because the place to go on from was lost. */
  anews: number
  /** What a person said who paused the run; null while it goes on. Absent in runs of older releases. */
  held?: PauseNote | null
  /** Goes on where an earlier run had stopped. */
  resumed: boolean
  /** That place, until a page was read from it. */
  resumedAt: Position | null
  /** A scan begun anew doubles nothing. */
  repeatable: boolean
  epoch: number
  needsToken: boolean
  tokenVersion: number
  /** A sign-in under way, or the last one when it failed: for which account, and the token it was to follow. Absent in runs of older releases. */
  signIn?: { seen: number; of?: 'destination' } | null
  tokenRefreshes: number
  since: string | null
  chunk: { ms: number; bytes: number; requests: number }
  guard: Guard
  /** The scan reads everything, from its beginning in this run. */
  full: boolean
  /** Records of the last complete scan; null when unknown. */
  lastFull: number | null
  /** Records committed in this scan. */
  scanned: number
  /** What a person has approved in this run. */
  approved: { rejects: boolean; drop: boolean; removed: boolean; sending?: boolean }
  /** Chunks read. */
  seq: number
  /** Records read so far, also of chunks that are not committed yet. */
  staged: number
  /** Where reading goes on. */
  position: Position | null
  /** Last chunk committed, and where reading went on after it. */
  committed: { seq: number; position: Position | null }
  counts: Counts
  waits: { count: number; ms: number; reasons: Record<string, number> }
  /** Interruptions in a row without a page between them. */
  setbacks: number
  /** Long waits that its run was told of. Absent until there is one. */
  told?: number
  /** Times the chunk in work was read again because its staged pages were gone. */
  restarts: number
  /** Times the stream was parked. */
  parks: number
  /** The last chunk was interrupted: the next one is short and read one page at a time. */
  careful: boolean
}

export type { Wait }

/** A sync that runs when events arrive. */
export interface TriggeredInput {
  sync: string
  /** Hash of the stored plan that the receiver of the events had; null when none wait. */
  plan: string | null
}

/** What is known of one token of a connection; never the token. */
export interface TokenState {
  /** The one that was got last, or the one that was of no use any more when a refresh failed. */
  version: number
  /** ISO times; null when it says none. */
  issuedAt: string | null
  expiresAt: string | null
  /** It is renewed by a refresh token, and that may be done ahead of its end. */
  renewable: boolean
  /** A person has to sign in again: why. */
  reconnect: RunError | null
  /** Why the last refresh failed. */
  error: RunError | null
  /** Who asked last. */
  ask: TokenAsk | null
  /** When; epoch ms. */
  askedAt: number
  /** When a refresh came to an end; epoch ms. */
  toldAt: number
}

export interface ConnectionState {
  /** By row of the token. */
  tokens: Record<string, TokenState>
  /** Epoch ms. */
  askedAt: number
}

export interface ConnectionInput {
  connection: string
  /** The server knows Isthmus' search attributes. */
  searchAttributes: boolean
  /** State of the run before; null at the beginning. */
  carried: ConnectionState | null
}
