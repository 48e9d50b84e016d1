import type { Store, Token } from '../model/ports.ts'
import type { OpenStream } from './context.ts'

/** A token is not used in its last seconds, since a request under way must still find it valid. */
const MARGIN_MS = 5_000

/** The token can be used now. Tokens that live shorter than twice the margin are used to their end. */
export function isValid(token: Token, now: number = Date.now()): boolean {
  if (token.version === 0) return false
  return token.expiresAt === null || token.expiresAt.getTime() - now > 0
}

/** The token should be exchanged before the next piece of work. */
function isStale(token: Token, now: number): boolean {
  return !isValid(token, now + MARGIN_MS)
}

/**
 * A valid token of the connection: the stored one if it is newer than `seen` and fresh, else a new one,
 * fetched by one process at a time and stored before anyone uses it. `seen` -1 takes any valid one.
 */
export async function signIn(store: Store, open: OpenStream, seen: number, signal: AbortSignal): Promise<{ token: Token; refreshed: boolean }> {
  const stored = await store.getToken(open.tokenKey)
  if (stored.version > seen && !isStale(stored, Date.now())) return { token: stored, refreshed: false }
  let refreshed = false
  const token = await store.refreshToken(open.tokenKey, Math.max(seen, stored.version), (current) => {
    refreshed = true
    return open.reader.auth.fetchToken(current, signal)
  })
  return { token, refreshed }
}
