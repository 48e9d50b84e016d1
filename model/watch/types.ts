/** What is watched: how streams stand, the problems found, and the alerts that tell of them. */
import type { ErrorType } from '../errors.ts'
import type { Outcome, RunReceipt } from '../run.ts'

/** How one stream of a sync stands, over all its runs. */
export interface StreamWatch {
  sync: string
  stream: string
  connection: string
  /** The run that wrote `state`. */
  run: string
  state: 'running' | Outcome
  since: Date
  /** Why it stopped. Stays while it tries again, until it completes or a person gives it up. */
  errorType: ErrorType | null
  message: string
  cure: string
  /** Freshness target of its last run, in ms; null when it has none. */
  targetMs: number | null
  /** End of the last run in which it completed; null when there was none. */
  lastSuccessAt: Date | null
  /** Highest value of its incremental field that is committed, where that is a time. */
  watermarkAt: Date | null
  /** How the last complete run differs from those before in volume and share of rejects; '' when it does not. */
  volume: string
  rejects: string
  /** Fields that appeared, vanished or changed their type, and when that was seen. */
  drift: string
  driftAt: Date | null
  /** What the API says of its own future (Deprecation, Sunset, Warning), and when it said so last. */
  notice: string
  noticeAt: Date | null
  /** When it was seen first. */
  firstAt: Date
  rejectsOpen: number
}

/** What an activity tells of a stream. */
export type StreamNote = { sync: string; stream: string; run: string } & (
  | { kind: 'started'; connection: string; targetMs: number | null }
  | { kind: 'parked'; error: { type: ErrorType; message: string; cure: string } }
  | { kind: 'watermark'; at: Date }
  | { kind: 'notice'; text: string }
)

export type ProblemKind = 'stale' | 'stopped' | 'volume' | 'rejects' | 'drift' | 'notice' | 'reconnect' | 'lapsing' | 'breaker' | 'worker' | 'temporal' | 'database' | 'alerts' | 'project'
/** `error`: data is missing or late; `warning`: it may be soon; `info`: worth knowing, `isthmus health` stays 0. */
export type Severity = 'error' | 'warning' | 'info'

/** Something that is wrong now. Equal fingerprints are the same problem, however often and by whomever it is found. */
export interface Finding {
  fingerprint: string
  kind: ProblemKind
  severity: Severity
  sync: string | null
  stream: string | null
  connection: string | null
  /** One sentence: what is wrong. No secrets. */
  what: string
  cure: string
  since: Date
}

/** A problem in the store: opened once, resolved once. */
export interface Problem extends Finding {
  id: number
  openedAt: Date
  seenAt: Date
  resolvedAt: Date | null
}

/** What a look at everything came to. */
export interface Findings {
  findings: Finding[]
  /** Kinds that could be looked at: only these problems may be resolved. */
  kinds: ProblemKind[]
  /** Fingerprints that are neither there nor gone: what is open stays open. */
  held: string[]
}

/** One message to one sink. */
export interface Alert {
  id: number
  event: 'opened' | 'resolved' | 'test'
  sink: string
  problem: Problem
  /** Tries before this one. */
  tries: number
  createdAt: Date
}

/** An alert in the list of alerts. */
export interface AlertView {
  id: number
  event: Alert['event']
  sink: string
  state: 'pending' | 'sent' | 'given up'
  tries: number
  /** Why the last try failed; '' when none did. */
  error: string
  createdAt: Date
  sentAt: Date | null
  problem: Pick<Problem, 'id' | 'kind' | 'what'>
}

/** Fields of the records a run has looked at: how often each was there and of which JSON types; `n` records in all. */
export interface Shape {
  n: number
  fields: Record<string, { n: number; types: string[] }>
}

export interface WatchStore {
  /** Notes how a stream stands. */
  noteStream(note: StreamNote): Promise<void>
  /** Notes how the streams of a run ended, and how their numbers and the form of their records compare with the runs before. */
  noteReceipt(receipt: RunReceipt): Promise<void>
  /** Adds to what the records of a run's stream look like. */
  noteShape(of: { sync: string; run: string; stream: string }, shape: Shape): Promise<void>
  /** All streams that have run, at most 5,000. */
  streamWatches(): Promise<StreamWatch[]>
  /** Open breakers, accounts that wait for a person, and credentials that end. */
  accountWatches(): Promise<AccountWatch[]>
  /** Notes when a credential ends, the earliest of those of a connection; null takes back what was noted of it. */
  noteLapse(connection: string, what: string, at: Date | null): Promise<void>
  /** Runs that are open. */
  openRuns(): Promise<number>
  /** True for one caller in `everyMs`, over all processes. */
  takeWatchTurn(everyMs: number): Promise<boolean>
  /** Opens, renews and resolves problems; each change is noted once, with an alert for each sink that wants problems of its severity. */
  applyFindings(found: Findings, sinks: { name: string; severity: Severity }[]): Promise<{ opened: Problem[]; resolved: Problem[] }>
  /** Problems, the open ones first, then newest first. */
  problems(filter: { open: boolean; limit: number }): Promise<Problem[]>
  /** Puts a test alert in the queue of each sink. Gives their ids. */
  testAlerts(sinks: string[]): Promise<number[]>
  /** Takes alerts that are due for `leaseMs`, none for the sinks in `but`; one that is not settled by then is due again. In order for each sink and problem. */
  claimAlerts(leaseMs: number, limit: number, but?: string[]): Promise<Alert[]>
  /** Gives back what was claimed and not tried: it is due, and no try was made. */
  releaseAlerts(ids: number[]): Promise<void>
  alertSent(id: number): Promise<void>
  /** `retryMs` null gives it up. */
  alertFailed(id: number, error: string, retryMs: number | null): Promise<void>
  /** Newest first. */
  alerts(filter: { ids?: number[]; limit: number }): Promise<AlertView[]>
  /** Alerts that wait, and since when the oldest does. */
  alertsPending(): Promise<{ n: number; since: Date | null }>
}

/** What is known of an account that may need somebody. */
export interface AccountWatch {
  connection: string
  /** A person has to sign in again: why and since when. */
  reconnect: { reason: string; since: Date } | null
  /** The circuit breaker is open: why and since when. */
  breaker: { reason: string; since: Date } | null
  /** A credential whose end is known. */
  lapses: { what: string; at: Date } | null
}
