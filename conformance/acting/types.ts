import type { Action, Source, Token } from '../../model/index.ts'
import type { PostResult, RefusedRow } from '../../model/index.ts'
import type { Proxy } from '../proxy.ts'
import type { Effect } from './sink.ts'

/** An action the suite is run over. */
export interface ActingSubject {
  name: string
  source: Source
  action: Action
  /** Columns that identify a record. */
  key: string[]
  missing?: string | null
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
