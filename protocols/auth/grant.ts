import type { Auth, Token, Value } from '../../model/index.ts'
import { blameOf } from './blame.ts'
import { newJwtId, signJwt } from './jwt.ts'
import type { AuthDeps } from './types.ts'

/** Kinds of sign-in that ask a token endpoint. */
export type OAuth = Extract<Auth, { tokenUrl: Value }>
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

export interface Grant {
  type: string
  params: Record<string, string>
  refreshToken: string | null
}

/** Grant type and form parameters of the token request; secrets among them are registered for redaction. */
export async function grantOf(auth: OAuth, deps: AuthDeps, current: Token, endpoint: URL, nowMs: number): Promise<Grant> {
  const { resolve } = deps
  const { redactor } = deps.http
  const params: Record<string, string> = {}
  for (const [name, value] of Object.entries(auth.params)) {
    params[name] = resolve(value)
    if (typeof value === 'object') redactor.add(params[name])
  }
  if (auth.scope !== '') params['scope'] = auth.scope
  if (auth.kind === 'jwtBearer') {
    const blame = blameOf(auth)
    const subject = resolve(auth.subject)
    const key = resolve(auth.key)
    redactor.add(key)
    const claims = {
      iss: resolve(auth.clientId),
      aud: auth.audience === '' ? endpoint.href : auth.audience,
      jti: newJwtId(),
      ...(subject === '' ? {} : { sub: subject }),
      // Some servers want the scope inside the assertion, others beside it.
      ...(auth.scope === '' ? {} : { scope: auth.scope }),
    }
    const { jwt } = await signJwt({ algorithm: auth.algorithm, key, keyId: resolve(auth.keyId), ttl: auth.ttl, claims, blame }, nowMs)
    redactor.add(jwt)
    return { type: JWT_BEARER, params: { ...params, assertion: jwt }, refreshToken: null }
  }
  if (auth.audience !== '') params['audience'] = auth.audience
  if (auth.kind === 'oauth2ClientCredentials') return { type: 'client_credentials', params, refreshToken: null }
  const refreshToken = current.refreshToken ?? (auth.kind === 'oauth2RefreshToken' ? resolve(auth.refreshToken) : '')
  redactor.add(refreshToken)
  return { type: 'refresh_token', params: { ...params, refresh_token: refreshToken }, refreshToken }
}
