import { IsthmusError } from '../model/errors.ts'
import { tokenSignal } from '../model/signals.ts'
import type { TokenAsk, TokenOwner } from '../model/owner.ts'
import type { Store, Token, TokenRefresh } from '../model/ports.ts'
import type { RestReader } from '../protocols/rest/index.ts'

/** What is signed in to: the stream's source, or the account of its action. */
export interface SignInTarget {
  tokenKey: string
  reader: Pick<RestReader, 'auth'>
  /** Name of the connection and where its credentials are found; null where no owner can be asked for it. */
  owned: { connection: string; ask: TokenAsk } | null
}

/** A token is not used in its last seconds, since a request under way must still find it valid. */
const MARGIN_MS = 5_000
/** Bounds the exchange of a token, which nothing cancels once it has begun. */
const EXCHANGE_MS = 60_000
/** Tokens that live shorter are exchanged inside the step that reads pages: leaving it costs two steps each time. */
const SHORT_LIFE_MS = 60_000

/** How long before its end a token counts as over: 5 s, but at most a tenth of its life. */
export function marginMs({ expiresAt, issuedAt }: Token): number {
  if (!expiresAt || !issuedAt) return MARGIN_MS
  return Math.max(0, Math.min(MARGIN_MS, (expiresAt.getTime() - issuedAt.getTime()) / 10))
}

/** The token can be used for a while. */
export function isFresh(token: Token, now: number = Date.now()): boolean {
  if (token.version === 0) return false
  return token.expiresAt === null || token.expiresAt.getTime() - marginMs(token) > now
}

/** The token lives so short that it is exchanged inside the step that reads pages. */
export function isShortLived({ expiresAt, issuedAt }: Token): boolean {
  return !!expiresAt && !!issuedAt && expiresAt.getTime() - issuedAt.getTime() < SHORT_LIFE_MS
}

/**
 * A valid token of the connection: the stored one if it is newer than `seen` and fresh, else a new one, fetched by one process
 * at a time and stored before anyone uses it. `seen` -1 takes any valid one. `where` names the run and stream whose log tells when a
 * person has to sign in again. With an owner it is the owner who refreshes, and who is asked for it; tokens signed here need none.
 */
export async function signIn(
  store: Store, open: SignInTarget, seen: number, where: TokenRefresh['log'], signal: AbortSignal, owner: TokenOwner | null = null,
): Promise<{ token: Token; refreshed: boolean }> {
  const stored = await store.getToken(open.tokenKey)
  if (stored.version > seen && isFresh(stored)) return { token: stored, refreshed: false }
  const { auth } = open.reader
  if (owner && open.owned && auth.kind !== 'signedJwt') {
    const { connection, ask } = open.owned
    const result = await owner.ensureFresh(connection, { tokenKey: open.tokenKey, seen: Math.max(seen, stored.version), ask }, signal)
    if (result.kind === 'fresh') {
      const token = await store.getToken(open.tokenKey)
      if (token.version < result.version) throw new IsthmusError('Transient', `the token of ${connection} was removed in this moment`, { cure: 'try again' })
      return { token, refreshed: result.for === `${ask.run}/${ask.stream}` }
    }
    const { type, message, field, cure } = result.error
    throw new IsthmusError(type, message, { field, cure, ...(result.kind === 'failed' && result.until && { until: new Date(result.until) }) })
  }
  const refresh: TokenRefresh = {
    presents: (current) => auth.presents(current),
    // Not cancelled with the caller: a refresh token would be used up and its successor lost.
    fetch: (current) => auth.fetchToken(current, AbortSignal.timeout(EXCHANGE_MS)),
    verdict: (error) => auth.verdict(error),
    reconnect: (reason) => auth.reconnect(reason),
    log: where,
  }
  const connection = open.owned?.connection ?? open.tokenKey.slice(0, open.tokenKey.lastIndexOf('/'))
  try {
    const got = await store.refreshToken(open.tokenKey, Math.max(seen, stored.version), refresh, signal)
    if (got.refreshed) tokenSignal.tell({ connection, outcome: 'refreshed' })
    return got
  } catch (error) {
    if (!signal.aborted && tokenSignal.heard) {
      const lost = await store.reconnectReason(open.tokenKey).catch(() => null)
      tokenSignal.tell({ connection, outcome: lost === null ? 'failed' : 'reconnect' })
    }
    throw error
  }
}

/** How the owner of a connection's tokens finds the credentials of a stream. */
export function ownedBy(connection: string, target: Omit<TokenAsk, 'of'> | undefined, of: TokenAsk['of']): SignInTarget['owned'] {
  if (!target) return null
  const { sync, run, plan, stream, round } = target
  return { connection, ask: { sync, run, plan, stream, round, of } }
}
