import type { ErrorType } from './errors.ts'

/**
 * `interactive`: a person waits for the answer; goes before `bulk` wherever both wait. `background`: takes what the others leave, and leaves them room:
 * one request at a time less than the account allows, and a part of its windows.
 */
export type Priority = 'background' | 'bulk' | 'interactive'

export interface RateWindow {
  requests: number
  ms: number
}

/** What the headers of an answer say of an account's allowance. */
export interface HeardLimits {
  windows: RateWindow[]
  /** The lengths of the windows were guessed from a reset: lower bounds. */
  guessed: boolean
  /** Requests left until `resetMs`; null when not said. */
  remaining: number | null
  /** How long until `remaining` grows again, from now; null when not said. */
  resetMs: number | null
  /** A bucket of points that every request takes from by what it costs (GraphQL). */
  cost?: HeardCost
}

/** A bucket of points that refills steadily, as an answer tells it. */
export interface HeardCost {
  /** Points the full bucket holds. */
  max: number
  /** Points that come back in a second. */
  rate: number
  /** Points there were after the request. */
  available: number
  /** Points that must be there for the request to be let in. */
  requested: number
  /** Points it took in the end; 0 when it was refused. */
  actual: number
}

/** How a request ended, as far as its account is concerned. */
export type RequestEnd =
  /** An answer came, whatever it said. */
  | { kind: 'ok' }
  /** No answer, or one that says that the system is in trouble (5xx). */
  | { kind: 'failed'; type: ErrorType; reason: string }
  /** Too many requests. `untilMs` null: it was not said for how long. */
  | { kind: 'throttled'; untilMs: number | null; reason: string }
  /** Given up while it was under way. */
  | { kind: 'dropped' }
  /** It was never sent. */
  | { kind: 'unused' }

/** The right to send one request now. */
export interface Permit {
  /** Tells that the request is sent now; without it the moment of the permit counts. */
  sent(): void
  /** Tells how it ended; exactly once. Resolves at once, but for `failed` and `throttled` when all workers can know of it. Never rejects. */
  release(end: RequestEnd, heard?: HeardLimits | null): Promise<void>
}

/** Nothing may be sent before `untilMs` (epoch ms of this process's clock). */
export interface Closed {
  /** `down`: the circuit breaker is open, `type` is the last failure's. */
  kind: 'throttled' | 'down'
  untilMs: number
  reason: string
  type: ErrorType
  /** Number of the breaker's opening, 0 when it is not open: names the event. */
  opening: number
}

/**
 * Lets requests of one account through: its limits, its concurrency, its pauses and its circuit breaker, over all processes.
 * One account has one in the store; what is handed out is a view of it for one stream and priority.
 */
export interface Pacer {
  /** Waits until one request may be sent, at most 10 s; gives what is longer back. Throws the AbortError of `signal`, or what the store throws. */
  enter(signal: AbortSignal): Promise<Permit | Closed>
  /** The pause or outage that is known now, without asking; null when there is none. */
  closed(): Closed | null
}

export interface PacerOptions {
  /** Name of the connection. */
  account: string
  /** Declared windows; all that are declared for the account anywhere hold. */
  limits: RateWindow[]
  /** Requests under way at once, over all processes. */
  concurrency: number
  /** Who asks: streams take turns. */
  stream: string
  priority: Priority
}
