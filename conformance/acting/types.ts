import type { Action, PostResult, RefusedRow, Source, Token } from '../../model/index.ts'
import type { Passed, Proxy } from '../proxy.ts'

/** What a record came to at the API. */
export interface Effect {
  /** Values of columns, as they arrived. */
  record: Record<string, string>
  method: string
}

export interface SinkOptions {
  source: Source
  action: Action
  /** Columns that identify a record. */
  key: string[]
  /** Records with this value in a column of the key are refused; null for none. */
  refuses: string | null
  /** Folder that files of the source (a WSDL) are relative to. */
  projectDir: string
}

/** An API that takes records, recognises repeated ones where the action says so, and answers look-ups. */
export interface Sink {
  url: string
  /** What records came to, in order. */
  readonly effects: Effect[]
  close(): Promise<void>
}

/** An action the suite is run over. */
export interface ActingSubject {
  name: string
  source: Source
  action: Action
  /** Columns that identify a record. */
  key: string[]
  missing?: string | null
  /** What answers, for people. Default `double`. */
  server?: string
  /** Starts what answers. Default: a double made from the description. */
  start?(options: SinkOptions): Promise<Sink>
  /** Folder that files of the source are relative to. Default: one of the case's own, which is empty. */
  projectDir?: string
}

export interface PostOnce {
  /** Values of columns; those that are not given are made. */
  rows: Record<string, string>[]
  token?: () => Promise<Token | null>
  signal?: AbortSignal
}

export interface ActingBench {
  subject: ActingSubject
  /** Names of the columns the action uses. */
  columns: string[]
  proxy: Proxy
  /** What the records came to at the API, in order. */
  effects(): Effect[]
  /** The nth record. */
  row(n: number, more?: Record<string, string>): Record<string, string>
  /** Posts rows as one chunk, as a new process would; the same chunk again when `again`. Waits for what a workflow waits for. */
  post(once: PostOnce & { again?: boolean }): Promise<{ result: PostResult; refused: RefusedRow[]; notes: string[] }>
}

export interface ActingCase {
  name: string
  shows: string
  covers: number[]
  skip(subject: ActingSubject): string | null
  /** Records with this value of the key are refused by the API. */
  refuses?: number
  run(bench: ActingBench): Promise<void>
}

/** What the action itself asks for, not what it needs before (a token against forgery). */
export function isCall({ headers }: Passed): boolean {
  return !/^fetch$/i.test(String(headers['x-csrf-token'] ?? ''))
}
