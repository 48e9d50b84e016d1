import type { RunError } from './run.ts'

/** Which stream of which run asks for a token: where the account's credentials are found. */
export interface TokenAsk {
  sync: string
  run: string
  plan: string
  stream: string
  round: number
  of: 'source' | 'destination'
}

export interface FreshRequest {
  /** Row of the connection's token. */
  tokenKey: string
  /** The version that is of no use any more. */
  seen: number
  ask: TokenAsk
}

/** What the owner of a connection's tokens answers; never a token. */
export type FreshResult =
  /**
   * `for`: the stream (`run/stream`) whose asking led to the refresh; '' when there was no need of one. `renewable`: by a refresh token, so that it
   * can be renewed ahead of its end; times are ISO, null when it says none.
   */
  | { kind: 'fresh'; version: number; issuedAt: string | null; expiresAt: string | null; renewable: boolean; for: string }
  /** A person has to sign in again. */
  | { kind: 'reconnect'; error: RunError }
  | { kind: 'failed'; error: RunError; until: string | null }

/** The one who refreshes the tokens of connections: the workflow `connection/{name}`, asked from elsewhere. */
export interface TokenOwner {
  /** Waits for a token newer than `seen`. Throws Transient when the owner cannot be asked: nobody refreshes beside it. */
  ensureFresh(connection: string, request: FreshRequest, signal: AbortSignal): Promise<FreshResult>
}
