import type { FreshRequest, FreshResult } from '../model/owner.ts'
import type { ConnectionState, TokenState } from './types.ts'

/** Nobody has asked for so long: the workflow ends, and the next one who asks starts it again. */
const IDLE_MS = 10 * 60_000
/** Tokens that live shorter are renewed when somebody asks. */
const MIN_AHEAD_LIFE_MS = 2 * 60_000
/** Lives of a token for which it is renewed without anybody asking. */
const LIVES = 2
/** An answer that is older is asked for again: the store knows better. */
const KNOWN_MS = 5_000
/** A token is not handed out in its last seconds. */
const MARGIN_MS = 5_000
/** Tokens of a connection that are remembered: one for each set of credentials that is in use. */
const MAX_TOKENS = 20

/** A token of which nothing is known. */
export function newToken(): TokenState {
  return { version: 0, issuedAt: null, expiresAt: null, renewable: false, reconnect: null, error: null, ask: null, askedAt: 0, toldAt: 0 }
}

/** Takes in what a refresh came to. One `ahead` of need that failed is no news: the token is valid still. */
export function learn(token: TokenState, { seen, ahead, result }: { seen: number; ahead: boolean; result: FreshResult }, now: number): void {
  token.toldAt = now
  token.error = result.kind === 'failed' && !ahead ? result.error : null
  token.reconnect = result.kind === 'reconnect' ? result.error : null
  if (result.kind === 'fresh') Object.assign(token, { version: result.version, issuedAt: result.issuedAt, expiresAt: result.expiresAt, renewable: result.renewable })
  else token.renewable = false
  if (result.kind === 'reconnect') token.version = Math.max(token.version, seen)
}

/** What a caller can be told without a look at the store: what was learnt a moment ago. null: there is nothing. */
export function known(token: TokenState, { seen }: FreshRequest, now: number): FreshResult | null {
  if (now - token.toldAt > KNOWN_MS) return null
  if (token.reconnect) return seen > token.version ? null : { kind: 'reconnect', error: token.reconnect }
  if (token.version <= seen || token.error || (token.expiresAt !== null && Date.parse(token.expiresAt) - MARGIN_MS <= now)) return null
  return { kind: 'fresh', version: token.version, issuedAt: token.issuedAt, expiresAt: token.expiresAt, renewable: token.renewable, for: '' }
}

/**
 * When a token is renewed ahead of its end, epoch ms: at half of its life. null when it is not: nothing is gained where no refresh token is used
 * (and a login makes another session), it lives short, or nobody has asked for a while.
 */
export function dueAt({ renewable, issuedAt, expiresAt, ask, askedAt }: TokenState): number | null {
  if (!renewable || !ask || issuedAt === null || expiresAt === null) return null
  const life = Date.parse(expiresAt) - Date.parse(issuedAt)
  const due = Date.parse(issuedAt) + life / 2
  return life < MIN_AHEAD_LIFE_MS || due > askedAt + LIVES * life ? null : due
}

/** When the workflow has to do something of its own: renew a token, or end. */
export function nextAt(state: ConnectionState): { at: number; what: 'renew' | 'end' } {
  const due = Math.min(...Object.values(state.tokens).map((t) => dueAt(t) ?? Infinity))
  return due < Infinity ? { at: due, what: 'renew' } : { at: state.askedAt + IDLE_MS, what: 'end' }
}

/** What survives continue-as-new: the tokens that were asked for last. */
export function carried(state: ConnectionState): ConnectionState {
  const tokens = Object.entries(state.tokens).sort(([, a], [, b]) => b.askedAt - a.askedAt).slice(0, MAX_TOKENS)
  return { ...state, tokens: Object.fromEntries(tokens) }
}
