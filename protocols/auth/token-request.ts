import * as oauth from 'oauth4webapi'
import type { Token, TokenVerdict } from '../../model/index.ts'
import { IsthmusError } from '../../model/index.ts'
import type { Redactor } from '../http/index.ts'
import { clientWays, type OAuth } from './client-ways.ts'
import { grantOf, type Grant } from './grant.ts'
import { oauthCode, tokenError } from './token-error.ts'
import { isRenewed } from './renewed.ts'
import { secretText } from './secrets.ts'
import { tokenEndpoint } from './token-url.ts'
import { tokenFetch } from './token-fetch.ts'
import { judge, judged } from './token-use.ts'
import type { AuthDeps } from './types.ts'

const MAX_LIFE_S = 10 * 365 * 86_400

/**
 * Asks the token endpoint for the token after `current`: client credentials (RFC 6749 4.4), refresh (6), or a signed
 * assertion (RFC 7523 2.1). The answer is checked whole before anything is returned; `verdictOf` an error it throws tells
 * whether the refresh token may be used up.
 */
export async function requestToken(auth: OAuth, deps: AuthDeps, current: Token, signal?: AbortSignal): Promise<Omit<Token, 'version'>> {
  const fate: { verdict: TokenVerdict } = { verdict: 'unused' }
  try {
    return await ask(auth, deps, current, fate, signal)
  } catch (error) {
    throw judged(error, fate.verdict)
  }
}

async function ask(auth: OAuth, deps: AuthDeps, current: Token, fate: { verdict: TokenVerdict }, signal?: AbortSignal): Promise<Omit<Token, 'version'>> {
  const now = deps.now ?? Date.now
  const endpoint = tokenEndpoint(deps.resolve(auth.tokenUrl), deps.baseUrl)
  return exchange(auth, deps, endpoint, await grantOf(auth, deps, current, endpoint, now()), fate, signal)
}

/** Presents a grant at the token endpoint and gives the tokens. Throws what `tokenError` makes of its answer; `fate` tells what became of a single-use grant. */
export async function exchange(auth: OAuth, deps: AuthDeps, endpoint: URL, grant: Grant, fate: { verdict: TokenVerdict }, signal?: AbortSignal): Promise<Omit<Token, 'version'>> {
  const now = deps.now ?? Date.now
  const { redactor } = deps.http
  const as: oauth.AuthorizationServer = { issuer: endpoint.origin, token_endpoint: endpoint.href }
  const client: oauth.Client = { client_id: deps.resolve(auth.clientId) }
  const headers = tokenHeaders(auth, deps)
  let failure: Error = new IsthmusError('AuthFailed', 'no way to sign in is left')
  let first = true
  for (const way of clientWays(auth, deps, client.client_id, endpoint)) {
    const { fetch, last, sent } = tokenFetch(deps.http, headers, signal)
    const startedMs = now()
    try {
      const response = await oauth.genericTokenEndpointRequest(as, client, way, grant.type, new URLSearchParams(grant.params), {
        [oauth.customFetch]: fetch as never,
        [oauth.allowInsecureRequests]: endpoint.protocol === 'http:',
      })
      return keep(await oauth.processGenericTokenEndpointResponse(as, client, response), auth, grant, startedMs, redactor)
    } catch (error) {
      fate.verdict = judge(error, sent(), last())
      if (signal?.aborted) throw error
      const told = tokenError(error, auth, endpoint, last(), redactor, now(), deps.connection ?? '')
      // Of several refusals the one about the credentials says most.
      if (first || (!isAuthFailed(failure) && isAuthFailed(told))) failure = told
      first = false
      if (!looksElsewhere(error, last()?.status)) break
    }
  }
  throw failure
}

/** Further headers of token requests. */
export function tokenHeaders(auth: OAuth, deps: AuthDeps): Record<string, string> {
  return Object.fromEntries(Object.entries(auth.tokenHeaders).map(([name, value]) => [name.toLowerCase(), secretText(value, deps)]))
}

/** Servers differ in where they look for the client's name and secret: this answer may mean that they were not found. */
function looksElsewhere(error: unknown, status: number | undefined): boolean {
  return (status === 400 || status === 401) && ['', 'invalid_client', 'invalid_request', 'unauthorized_client'].includes(oauthCode(error))
}

function isAuthFailed(error: Error): boolean {
  return error instanceof IsthmusError && error.type === 'AuthFailed'
}

function keep(token: oauth.TokenEndpointResponse, auth: OAuth, grant: Grant, startedMs: number, redactor: Redactor): Omit<Token, 'version'> {
  redactor.add(token.access_token)
  if (token.refresh_token !== undefined) redactor.add(token.refresh_token)
  const seconds = token.expires_in
  return {
    accessToken: token.access_token,
    // Counted from before the request, so that it is never thought to live longer than it does.
    expiresAt: seconds !== undefined && seconds > 0 ? new Date(startedMs + Math.min(seconds, MAX_LIFE_S) * 1000) : null,
    refreshToken: isRenewed(auth) ? (token.refresh_token ?? grant.refreshToken) : null,
  }
}
