import { allHandlersFinished, condition, continueAsNew, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow'
import type { FreshRequest, FreshResult } from '../model/owner.ts'
import { connectionDetails } from './connection-details.ts'
import { connectionHealthQuery, ensureFreshUpdate, reconnectedSignal } from './messages.ts'
import { remote } from './steps.ts'
import type { ConnectionInput, ConnectionState, TokenState } from './types.ts'

/** Nobody has asked for so long: the workflow ends, and the next one who asks starts it again. */
const IDLE_MS = 10 * 60_000
/** Tokens that live shorter are renewed when somebody asks. */
const MIN_PROACTIVE_LIFE_MS = 2 * 60_000
/** Lives of a token for which it is renewed without anybody asking. */
const LIVES = 2
/** Updates of one run of the workflow; Temporal allows 2,000. */
const MAX_UPDATES = 500

/**
 * Owns the tokens of one connection: whoever needs a newer one asks here, one refresh at a time, and is told the version, never the token. Renews a token
 * that is in use at half of its life. That a person has to sign in again is a state: callers are told at once until somebody has.
 */
export async function connection(input: ConnectionInput): Promise<void> {
  const state: ConnectionState = input.carried ?? { tokens: {}, askedAt: Date.now() }
  const flights = new Map<string, Promise<FreshResult>>()
  let updates = 0

  const show = (): void => setCurrentDetails(connectionDetails(input.connection, state))
  const tokenOf = (key: string): TokenState => (state.tokens[key] ??= { version: 0, expiresAt: null, refreshedAt: null, reconnect: null, error: null, ask: null, askedAt: 0 })

  async function refresh(request: FreshRequest): Promise<FreshResult> {
    const token = tokenOf(request.tokenKey)
    const result = await remote.refresh.executeWithOptions({ summary: `a token after version ${request.seen}` }, [{ connection: input.connection, ...request }])
    token.error = result.kind === 'failed' ? result.error : null
    token.reconnect = result.kind === 'reconnect' ? result.error : null
    if (token.reconnect) token.version = Math.max(token.version, request.seen)
    if (result.kind === 'fresh') Object.assign(token, { version: result.version, expiresAt: result.expiresAt, ...(result.for !== '' && { refreshedAt: new Date(Date.now()).toISOString() }) })
    show()
    return result
  }

  /** Callers that come while a refresh is under way share it. */
  function shared(request: FreshRequest): Promise<FreshResult> {
    const flight = flights.get(request.tokenKey) ?? refresh(request).finally(() => flights.delete(request.tokenKey))
    flights.set(request.tokenKey, flight)
    return flight
  }

  setHandler(ensureFreshUpdate, async (request: FreshRequest): Promise<FreshResult> => {
    updates += 1
    state.askedAt = Date.now()
    const token = tokenOf(request.tokenKey)
    Object.assign(token, { ask: request.ask, askedAt: state.askedAt })
    // A version that is newer than the one that was lost: a person has signed in since.
    if (token.reconnect && request.seen > token.version) token.reconnect = null
    if (token.reconnect) return { kind: 'reconnect', error: token.reconnect }
    if (token.version > request.seen && !over(token)) return { kind: 'fresh', version: token.version, expiresAt: token.expiresAt, for: '' }
    return shared(request)
  })
  setHandler(reconnectedSignal, () => {
    state.askedAt = Date.now()
    // What was known of the tokens is of the past; the store has the new ones.
    state.tokens = {}
    show()
  })
  setHandler(connectionHealthQuery, () => state)
  show()

  for (;;) {
    const now = Date.now()
    const due = Object.entries(state.tokens).filter(([key, t]) => (dueAt(t) ?? Infinity) <= now && !flights.has(key))
    for (const [tokenKey, token] of due) {
      // One that cannot be renewed ahead of time is renewed when somebody asks.
      token.refreshedAt = null
      await shared({ tokenKey, seen: token.version, ask: token.ask! })
    }
    if (updates >= MAX_UPDATES || workflowInfo().continueAsNewSuggested) {
      await condition(() => allHandlersFinished() && flights.size === 0)
      await continueAsNew<typeof connection>({ ...input, carried: state })
    }
    const idle = Math.max(state.askedAt + IDLE_MS, ...Object.values(state.tokens).map((t) => t.askedAt + LIVES * (lifeOf(t) ?? 0)))
    if (Date.now() >= idle && flights.size === 0 && allHandlersFinished()) return
    const next = Math.min(idle, ...Object.values(state.tokens).flatMap((t) => dueAt(t) ?? []))
    const before = JSON.stringify(state)
    await condition(() => JSON.stringify(state) !== before || updates >= MAX_UPDATES, Math.max(1_000, next - Date.now()))
  }
}

function over(token: TokenState): boolean {
  return token.expiresAt !== null && Date.parse(token.expiresAt) - 5_000 <= Date.now()
}

/** ms; null when it is not known. */
function lifeOf({ expiresAt, refreshedAt }: TokenState): number | null {
  return expiresAt === null || refreshedAt === null ? null : Date.parse(expiresAt) - Date.parse(refreshedAt)
}

/** When half of a token's life is over; null when it is not to be renewed ahead of time: it lives short, or nobody has asked for a while. */
function dueAt(token: TokenState): number | null {
  const life = lifeOf(token)
  if (life === null || life < MIN_PROACTIVE_LIFE_MS || token.reconnect || !token.ask) return null
  const due = Date.parse(token.refreshedAt!) + life / 2
  return due > token.askedAt + LIVES * life ? null : due
}
