import * as oauth from 'oauth4webapi'
import { IsthmusError } from '../../../model/index.ts'
import type { Auth, Token } from '../../../model/index.ts'
import { commonParams, signInCure } from '../grant.ts'
import { codeOf } from '../token-error.ts'
import { exchange } from '../token-request.ts'
import { tokenEndpoint } from '../token-url.ts'
import type { AuthDeps } from '../types.ts'

export type CodeAuth = Extract<Auth, { kind: 'oauth2AuthorizationCode' }>

/** What has to be kept between sending a browser away and its return; a secret. Plain JSON. */
export interface PendingAuthorization {
  state: string
  verifier: string
  redirectUri: string
}

/** Where to send a person's browser: an authorization request (RFC 6749 4.1.1) with PKCE S256 (RFC 7636) and a fresh state. */
export async function beginAuthorization(auth: CodeAuth, deps: AuthDeps, { redirectUri }: { redirectUri: string }): Promise<{ url: string; pending: PendingAuthorization }> {
  const pending = { state: oauth.generateRandomState(), verifier: oauth.generateRandomCodeVerifier(), redirectUri }
  const url = tokenEndpoint(deps.resolve(auth.authorizeUrl), deps.baseUrl, 'from.auth.authorizeUrl')
  const params: Record<string, string> = {
    ...Object.fromEntries(Object.entries(auth.authorizeParams).map(([name, value]) => [name, deps.resolve(value)])),
    response_type: 'code', client_id: deps.resolve(auth.clientId), redirect_uri: redirectUri, state: pending.state,
    code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier), code_challenge_method: 'S256',
    ...(auth.scope !== '' && { scope: auth.scope }), ...(auth.audience !== '' && { audience: auth.audience }),
  }
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value)
  deps.http.redactor.add(pending.verifier)
  return { url: url.href, pending }
}

/**
 * Takes the browser's return and exchanges its code for tokens. Throws AuthFailed when the person refused, the state is not the one sent
 * away, the answer names another issuer (RFC 9207) or the code is of no use; a code is presented once.
 */
export async function finishAuthorization(auth: CodeAuth, deps: AuthDeps, pending: PendingAuthorization, callback: URL, signal?: AbortSignal): Promise<Omit<Token, 'version'>> {
  const endpoint = tokenEndpoint(deps.resolve(auth.tokenUrl), deps.baseUrl)
  const params = validated(auth, deps, pending, callback, endpoint)
  const code = params.get('code') ?? ''
  if (code === '') throw refused('the provider sent the browser back without a code', deps)
  // Another process may have begun it.
  for (const secret of [code, pending.verifier]) deps.http.redactor.add(secret)
  const grant = { type: 'authorization_code', refreshToken: null, params: { ...commonParams(auth, deps), code, redirect_uri: pending.redirectUri, code_verifier: pending.verifier } }
  try {
    return await exchange(auth, deps, endpoint, grant, { verdict: 'unused' }, signal)
  } catch (error) {
    if (codeOf(error) === 'invalid_grant') throw refused(`the provider did not take the code: it works once and for a short while (${endpoint.host})`, deps)
    throw error
  }
}

function validated(auth: CodeAuth, deps: AuthDeps, pending: PendingAuthorization, callback: URL, endpoint: URL): URLSearchParams {
  const query = callback.searchParams
  for (const name of ['state', 'code', 'error', 'iss']) if (query.getAll(name).length > 1) throw refused(`the provider's answer holds "${name}" twice`, deps)
  // Without an expected issuer the one that is told is not looked at: the token endpoint is fixed by the plan all the same.
  const issuer = auth.issuer || query.get('iss') || endpoint.origin
  const as: oauth.AuthorizationServer = { issuer, authorization_response_iss_parameter_supported: auth.issuer !== '' }
  try {
    return oauth.validateAuthResponse(as, { client_id: deps.resolve(auth.clientId) }, callback, pending.state)
  } catch (error) {
    if (error instanceof oauth.AuthorizationResponseError) {
      const description = error.error_description ? `: ${deps.http.redactor.text(error.error_description).slice(0, 200)}` : ''
      throw refused(error.error === 'access_denied' ? `consent was refused${description}` : `the provider refused (${error.error.slice(0, 60)}${description})`, deps)
    }
    const text = error instanceof Error ? error.message : ''
    if (/state/.test(text)) throw refused('the answer does not belong to this sign-in: its state is another one', deps)
    if (/iss/.test(text)) throw refused('the answer comes from another issuer than the one expected', deps)
    throw refused('the provider sent an answer that cannot be read', deps)
  }
}

function refused(message: string, deps: AuthDeps): IsthmusError {
  return new IsthmusError('AuthFailed', message, { field: 'from.auth', cure: signInCure(deps.connection ?? '') })
}

