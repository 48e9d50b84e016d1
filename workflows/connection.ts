import { allHandlersFinished, condition, continueAsNew, isCancellation, setHandler, setWorkflowOptions, workflowInfo } from '@temporalio/workflow'
import type { FreshRequest, FreshResult } from '../model/owner.ts'
import { showConnection } from './connection-details.ts'
import { carried, dueAt, known, learn, newToken, nextAt } from './connection-state.ts'
import { runError } from './failure.ts'
import { connectionHealthQuery, ensureFreshUpdate, reconnectedSignal } from './messages.ts'
import { tokens } from './steps.ts'
import type { ConnectionInput, ConnectionState } from './types.ts'
import { clock, inWords } from './words.ts'

/** Updates of one run of the workflow; Temporal allows 2,000. */
const MAX_UPDATES = 500

/**
 * Owns the tokens of one connection: whoever needs a newer one asks here, one refresh at a time, and is told the version, never the token. Renews a token
 * that is in use at half of its life. That a person has to sign in again is a state: callers are told at once until somebody has.
 */
export async function connection(input: ConnectionInput): Promise<void> {
  const state: ConnectionState = input.carried ?? { tokens: {}, askedAt: Date.now() }
  const flights = new Map<string, Promise<FreshResult>>()
  const show = showConnection(input, state)
  let updates = 0

  async function refresh(request: FreshRequest, ahead: boolean): Promise<FreshResult> {
    const { tokenKey, seen } = request
    const token = state.tokens[tokenKey]
    const summary = seen > 0 ? `new token for ${input.connection}: version ${seen} ${ahead ? 'is past half of its life' : 'has expired or was refused'}` : `sign in to ${input.connection}`
    const result = await tokens.refresh.executeWithOptions({ summary }, [{ connection: input.connection, ...request, ahead }]).catch((error: unknown): FreshResult => {
      if (isCancellation(error)) throw error
      return { kind: 'failed', error: runError(error), until: null }
    })
    // Another one when a person has signed in meanwhile: this says nothing of that.
    if (token && state.tokens[tokenKey] === token) learn(token, { seen, ahead, result }, Date.now())
    show()
    return result
  }

  /** Callers that come while a refresh is under way share it. */
  async function shared(request: FreshRequest, ahead: boolean): Promise<FreshResult> {
    for (;;) {
      const key = request.tokenKey
      const joined = flights.get(key)
      const flight: Promise<FreshResult> = joined ?? refresh(request, ahead).finally(() => flights.get(key) === flight && flights.delete(key))
      flights.set(key, flight)
      const result = await flight
      // One that was begun for an older token may end with the one this caller has seen.
      if (!joined || result.kind !== 'fresh' || result.version > request.seen) return result
    }
  }

  setHandler(ensureFreshUpdate, async (request: FreshRequest): Promise<FreshResult> => {
    updates += 1
    const now = Date.now()
    state.askedAt = now
    const token = (state.tokens[request.tokenKey] ??= newToken())
    Object.assign(token, { ask: request.ask, askedAt: now })
    return known(token, request, now) ?? shared(request, false)
  })
  setHandler(reconnectedSignal, () => {
    state.askedAt = Date.now()
    // What was known of the tokens is of the past, and so is a refresh under way; the store has the new ones.
    state.tokens = {}
    flights.clear()
    show()
  })
  setHandler(connectionHealthQuery, () => state)
  show()

  const full = (): boolean => updates >= MAX_UPDATES || workflowInfo().continueAsNewSuggested
  for (;;) {
    for (const [tokenKey, token] of Object.entries(state.tokens)) {
      if ((dueAt(token) ?? Infinity) > Date.now()) continue
      // One that cannot be renewed ahead of time is renewed when somebody asks.
      token.renewable = false
      await shared({ tokenKey, seen: token.version, ask: token.ask! }, true)
    }
    if (full()) {
      // Who asks meanwhile is answered first.
      await condition(allHandlersFinished)
      await continueAsNew<typeof connection>({ ...input, carried: carried(state) })
    }
    const next = nextAt(state)
    if (next.what === 'end' && Date.now() >= next.at && allHandlersFinished()) return
    const ms = Math.max(1_000, next.at - Date.now())
    const summary = `wait ${inWords(ms)}, until ${clock(Date.now() + ms, Date.now())}: ${next.what === 'renew' ? 'a token is renewed at half of its life' : 'ends when nobody asks'}`
    await condition(() => nextAt(state).at < next.at || full(), ms, { summary })
  }
}

// Lives for as long as tokens are asked for: it goes with the newest release, and its changes are patched. A worker that is of no release must not say so.
setWorkflowOptions(() => (workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: 'AUTO_UPGRADE' } : {}), connection)
