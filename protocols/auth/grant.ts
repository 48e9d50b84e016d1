import { IsthmusError } from '../../model/index.ts'
import type { Token } from '../../model/index.ts'
import { blameOf } from './blame.ts'
import type { OAuth } from './client-ways.ts'
import { newJwtId, signJwt } from './jwt.ts'
import { certificateOf, claimsOf, pemText, secretText } from './secrets.ts'
import type { AuthDeps } from './types.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

export interface Grant {
  type: string
  params: Record<string, string>
  refreshToken: string | null
}

/** What every token request of a source carries besides its grant. */
export function commonParams(auth: OAuth, deps: AuthDeps): Record<string, string> {
  return Object.fromEntries(Object.entries(auth.params).map(([name, value]) => [name, secretText(value, deps)]))
}

/** Grant type and form parameters of the request for the token after `current`; secrets among them are registered for redaction. Throws AuthFailed when a person has to sign in first. */
export async function grantOf(auth: OAuth, deps: AuthDeps, current: Token, endpoint: URL, nowMs: number): Promise<Grant> {
  const { resolve } = deps
  const { redactor } = deps.http
  const params = commonParams(auth, deps)
  if (auth.scope !== '') params['scope'] = auth.scope
  if (auth.kind === 'jwtBearer') {
    const blame = blameOf(auth, deps.connection ?? '')
    const subject = resolve(auth.subject)
    const key = pemText(resolve(auth.key), redactor)
    const claims = {
      ...claimsOf(auth, deps),
      iss: resolve(auth.clientId),
      aud: auth.audience === '' ? endpoint.href : auth.audience,
      jti: newJwtId(),
      ...(subject === '' ? {} : { sub: subject }),
      // Some servers want the scope inside the assertion, others beside it.
      ...(auth.scope === '' || 'scope' in auth.claims ? {} : { scope: auth.scope }),
    }
    const { jwt } = await signJwt({ algorithm: auth.algorithm, key, keyId: resolve(auth.keyId), certificate: certificateOf(auth, deps), ttl: auth.ttl, claims, blame }, nowMs)
    redactor.add(jwt)
    return { type: JWT_BEARER, params: { ...params, assertion: jwt }, refreshToken: null }
  }
  if (auth.audience !== '') params['audience'] = auth.audience
  if (auth.kind === 'oauth2ClientCredentials') return { type: 'client_credentials', params, refreshToken: null }
  const refreshToken = refreshTokenOf(auth, deps, current)
  if (refreshToken === null) {
    const reason = current.version === 0 ? 'nobody has signed in yet' : 'the access token has run out, and there is no refresh token to renew it with'
    throw new IsthmusError('AuthFailed', reason, { field: 'from.auth', cure: signInCure(deps.connection ?? '') })
  }
  redactor.add(refreshToken)
  // Consent was given for a scope: a refresh asks for no other one (RFC 6749 section 6).
  if (auth.kind !== 'oauth2RefreshToken') delete params['scope']
  return { type: 'refresh_token', params: { ...params, refresh_token: refreshToken }, refreshToken }
}

/** The refresh token that comes next; null when a person has to sign in. */
export function refreshTokenOf(auth: OAuth, { resolve }: AuthDeps, current: Token): string | null {
  return current.refreshToken ?? (auth.kind === 'oauth2RefreshToken' ? resolve(auth.refreshToken) : null)
}

/** How a person signs in (again). */
export function signInCure(connection: string): string {
  return `sign in with \`isthmus connect ${connection === '' ? '<connection>' : connection}\``
}
