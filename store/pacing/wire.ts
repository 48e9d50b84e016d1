import type pg from 'pg'
import type { ErrorType } from '../../model/errors.ts'
import type { HeardLimits } from '../../model/pacer.ts'

/** What a process tells and asks in one round trip; see `isthmus.pace` in migrations/011. */
export interface Ask {
  cap: number
  /** Requests under way. */
  using: number
  /** Calls that wait, interactive ones included. */
  waiting: number
  interactive: number
  /** Slots it would use. */
  demand: number
  /** What the quick answers of the account take, ms. */
  quick: number
  /** Declared windows and [concurrency, 0], now and then. */
  limits?: [requests: number, ms: number][]
  /** Places whose requests have ended: sent and answered at most so long after the place was given, and by how much longer the answer took than quick ones; ms. */
  ended?: [n: number, sent: number, slow: number, answered: number | null][]
  report?: Report
  /** Points that the next request takes, as far as its stream is known. */
  cost?: number
  costs?: Costs
}

/** What is known of the account's bucket of points. */
export interface Costs {
  max?: number
  rate?: number
  /** Points there are now, as the last answer tells. */
  available?: number
  /** Points that the last request needed. */
  need?: number
  /** Places whose requests have ended, and what they took. */
  ended?: [n: number, points: number][]
}

export interface Report {
  /** There was an answer since the last report. */
  ok: boolean
  /** Failures after the last answer. */
  fails: number
  type: ErrorType
  reason: string
  /** The probe of an open breaker is among them. */
  probe: boolean
  using: number
  throttled?: { ms: number | null; sentAgo: number; reason: string; rate: number }
  heard?: HeardLimits
  /** Place of the request that heard it. */
  n?: number | null
}

export interface Answer {
  /** Requests this process may have under way. */
  slots: number
  /** There are windows: each request needs a place. */
  paced: boolean
  /** Places given: numbers `first` and up. */
  first: number
  count: number
  /** The one request let through is the probe of an open breaker. */
  probe: boolean
  /** When it makes sense to ask again. */
  waitMs: number
  why: '' | 'blocked' | 'down' | 'probe' | 'window' | 'hold' | 'cost'
  /** Between two requests of the tightest window. */
  gapMs: number
  /** Processes that want slots. */
  active: number
  /** Successes are worth to be told at once. */
  failing: boolean
  blockedMs: number | null
  blockedReason: string
  down: boolean
  downMs: number | null
  downMsNext: number
  /** Epoch ms of the first failure; null when there is none. */
  since: number | null
  failure: string
  failureType: ErrorType | ''
  opening: number
  /** The opening that this report has closed. */
  closed: number | null
  /** Requests take points from a bucket. */
  costs?: boolean
}

/** Asks the database. */
export async function ask(pool: pg.Pool, account: string, process: string, question: Ask): Promise<Answer> {
  const { rows } = await pool.query<{ pace: Answer }>({ name: 'isthmus_pace', text: 'select isthmus.pace($1, $2, $3) as pace', values: [account, process, JSON.stringify(question)] })
  return rows[0]!.pace
}
