import type { Position, Source, Stream, Token } from '../model/index.ts'
import type { ReadResult } from '../protocols/rest/index.ts'
import type { Proxy } from './proxy.ts'

export type Over = 'http' | 'database' | 'file'

/** Something the suite is run over: a stream of a protocol, of a connector, or of a sync. */
export interface Subject {
  /** `rest-cursor`, `hubspot/contacts`, ... */
  name: string
  /** What answers, for people: `double`, `graphql-yoga`, `PostgreSQL`, ... */
  server: string
  /** It is read over HTTP (default), from a database, or from a file: cases about one say nothing about the others. */
  over?: Over
  /** Why it cannot run here; null when it can. */
  missing?: string | null
  start(options: StartOptions): Promise<Running>
}

/** How a double is to behave beside its description. */
export interface Quirks {
  /** The page at this place (from 0) is empty although more follow. */
  emptyPage?: number
  /** From this page on the same next cursor or address is given again and again. */
  repeatFrom?: number
}

export interface StartOptions {
  records: number
  pageSize: number
  quirks?: Quirks
  /** Database of Isthmus, whose tables exist. */
  databaseUrl: string
}

/** A subject's server, running. */
export interface Running {
  /** Of a database its address, of a file ''. */
  url: string
  source: Source
  stream: Stream
  /** Keys of all its records, in no order. */
  keys: string[]
  /** Values of credentials by name of environment variable, credential or setting. */
  values: Record<string, string>
  /** The server knows the quirks it is started with. */
  quirky: boolean
  /** A lower bound and the keys of the records above it; null when the stream knows no increments. */
  since: { bound: string; keys: string[] } | null
  /** Folder that files of the source are relative to. */
  projectDir?: string
  close(): Promise<void>
}

/** What a case works with: a fresh server, a proxy in front of it that can be told to misbehave, and a reader. */
export interface Bench {
  subject: Subject
  running: Running
  proxy: Proxy
  /** Database of Isthmus, whose tables exist. */
  databaseUrl: string
  /** Opens a reader and reads; a new one each time, as a new process would. */
  read(options?: ReadOnce): Promise<ReadOutcome>
  /** Reads until the end; between calls the position goes through JSON. What a workflow waits for is not waited for: the clock is moved. */
  toEnd(options?: ReadOnce & { calls?: number }): Promise<ReadOutcome & { results: ReadResult[] }>
}

export interface ReadOnce {
  position?: Position | null
  since?: string | null
  requests?: number
  inTurn?: boolean
  token?: () => Promise<Token | null>
  signal?: AbortSignal
  /** Called before a page is taken. */
  onPage?: (nth: number) => void | Promise<void>
}

export interface ReadOutcome {
  result: ReadResult
  /** Keys of the records handed over, in order. */
  keys: string[]
  /** Bodies as staged. */
  bodies: Buffer[]
  /** What the API told of itself. */
  notices: string[]
}

/** A case of the suite. */
export interface Case {
  name: string
  /** What it shows, in one sentence. */
  shows: string
  /** Numbers of the misbehaviours (systems.md, section 3) that it is about. */
  covers: number[]
  /** What it is about; over HTTP when it does not say. */
  over?: Over[]
  /** Why it says nothing about this subject; null when it does. */
  skip(running: Running, subject: Subject): string | null
  /** How the double is started. */
  start?: Partial<StartOptions>
  /** Throws what is wrong. */
  run(bench: Bench): Promise<void>
}

export interface CaseResult {
  subject: string
  case: string
  outcome: 'passed' | 'failed' | 'skipped'
  /** Why it failed or was skipped. */
  reason: string
  ms: number
}
