import type { Authenticator } from '../auth/index.ts'
import type { ReadOptions, ReadResult } from '../rest/index.ts'

/** Options of one call that reads pages, whatever they are pages of. */
export type SourceRead = Omit<ReadOptions, 'reader'>

/** A stream, ready to be read: of an API, of a query, or of a file. */
export interface SourceReader {
  /** Signs in for the connection; says that there is nothing to sign in to where there is no API. */
  readonly auth: Authenticator
  /** Changes when what the connection signs in with changes; says nothing about the values. */
  readonly fingerprint: string
  /** Other calls of the account are paced and its health is kept: it is an API. */
  readonly remote: boolean
  /** See `readPages`. */
  read(options: SourceRead): Promise<ReadResult>
  close(): Promise<void>
}
