import type { ErrorType, Pacer, PageRead, PageStop, Position, Source, Stream, Token, Value } from '../../model/index.ts'
import type { Authenticator } from '../auth/index.ts'
import type { Notice } from '../http/index.ts'
import type { Connection } from './connection.ts'
import type { Vars } from './template.ts'

/** The page of parents that the last call was in. */
export interface ParentsPage {
  at: string
  list: unknown[]
  next: Position | null
}

/** A stream of a connection, ready to be read. */
export interface RestReader {
  readonly source: Source
  readonly stream: Stream
  readonly connection: Connection
  /** Signs in for the connection. */
  readonly auth: Authenticator
  /** Changes when what the connection signs in with changes; says nothing about the values. */
  readonly fingerprint: string
  readonly resolve: (value: Value) => string
  /** What one call learnt for the next: how far reading ahead had grown, and the largest page seen. */
  readonly memory: { window: number; pageSize: number | null; parents: ParentsPage | null }
  /** Closes the connection if the reader opened it. */
  close(): Promise<void>
}

/** Bounds of one call. The first page is always read. */
export interface Budget {
  /** Epoch ms after which no page is begun; looked at before each, since it may come nearer meanwhile. */
  readonly untilMs: number
  /** Decoded bytes. */
  bytes: number
  requests: number
}

/** One request and how it ended; for progress and traces. */
export interface RequestInfo {
  method: string
  /** Redacted. */
  url: string
  /** 1, 2, 3 for the tries of one page. */
  attempt: number
  /** null when there was no answer. */
  status: number | null
  bytes: number
  ms: number
  error: ErrorType | null
}

export interface ReadOptions {
  reader: RestReader
  /** null = the beginning. */
  position: Position | null
  /** Lower bound of the incremental field, overlap already taken off; null reads everything. */
  since: string | null
  /** Upper bound of the incremental field (exclusive), an ISO time: the window of a backfill. Absent: up to now. */
  until?: string | undefined
  budget: Budget
  /** The current token, without refreshing it. */
  token(): Promise<Token | null>
  /** Lets requests through as the account allows; null when there is none: then only pauses are kept. */
  pacer: Pacer | null
  signal: AbortSignal
  /** One page at a time: the next one is asked for when `onPage` of this one has resolved. Default: pages are read ahead. */
  inTurn?: boolean
  /** What the layers around the pages know: window, parent, job. */
  vars?: Vars
  /** The answer is taken as it is, whatever `records` says: for requests of a job. */
  raw?: boolean
  /** Called with the headers of each answer that is a page. */
  onAnswer?(headers: Record<string, string>): void
  /** Called with what the API says of its own future (Deprecation, Sunset) and with errors beside data; each once a call. */
  onNotice?(notice: Notice): void
  /** Called with each page in order, before further ones are asked for; what it throws is thrown on. */
  check?(page: { total: number | null }): void
  /** Called strictly in reading order, never twice at once. */
  onPage(page: PageRead): Promise<void>
  onRequest?(info: RequestInfo): void
  now?: () => number
}

export interface ReadResult {
  stop: PageStop
  /** Where to go on without loss: behind the last page given to `onPage`. null after `done`, or when nothing was read from the start. */
  position: Position | null
  /** Requests sent: retries, redirects and dropped read-ahead included. */
  requests: number
}
