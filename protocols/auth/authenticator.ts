import type { Auth, Token } from '../../model/index.ts'
import { IsthmusError } from '../../model/index.ts'
import { createApply } from './apply.ts'
import { blameOf } from './blame.ts'
import { isAllCookies } from './cookies.ts'
import { refreshTokenOf } from './grant.ts'
import { isRenewed, needsToken } from './renewed.ts'
import { logIn } from './session.ts'
import { reconnectCure } from './token-error.ts'
import { signJwt } from './jwt.ts'
import { claimsOf, pemText } from './secrets.ts'
import { requestToken } from './token-request.ts'
import { tokenEndpoint } from './token-url.ts'
import { verdictOf } from './token-use.ts'
import type { Authenticator, AuthDeps } from './types.ts'

/** The authenticator of a connection. Resolves static credentials at once, so that a missing variable shows before any request. */
export function createAuthenticator(auth: Auth, deps: AuthDeps): Authenticator {
  const { connection = '' } = deps
  const blame = blameOf(auth, connection)
  return {
    kind: auth.kind,
    needsToken: needsToken(auth),
    blame,
    secretParams: (auth.kind === 'apiKey' || (auth.kind === 'session' && !isAllCookies(auth))) && auth.in === 'query' ? [auth.name] : [],
    apply: createApply(auth, deps.resolve, deps.http.redactor),
    async fetchToken(current: Token, signal?: AbortSignal) {
      if (auth.kind === 'signedJwt') return signed(auth, deps)
      if (auth.kind === 'session') return logIn(auth, deps, signal)
      if ('tokenUrl' in auth) return requestToken(auth, deps, current, signal)
      throw new IsthmusError('InvalidInput', `sign-in of kind ${auth.kind} has no tokens to fetch`, { field: 'from.auth' })
    },
    presents(current) {
      if (!isRenewed(auth) || !('tokenUrl' in auth)) return null
      const refreshToken = refreshTokenOf(auth, deps, current)
      return refreshToken === null ? null : JSON.stringify([tokenEndpoint(deps.resolve(auth.tokenUrl), deps.baseUrl).href, deps.resolve(auth.clientId), refreshToken])
    },
    verdict: verdictOf,
    reconnect: (reason) => new IsthmusError('AuthFailed', reason, { field: blameOf(auth, connection, ['refreshToken']).field, cure: reconnectCure(auth, connection) }),
  }
}

async function signed(auth: Extract<Auth, { kind: 'signedJwt' }>, deps: AuthDeps): Promise<Omit<Token, 'version'>> {
  const text = deps.resolve(auth.key)
  const key = pemText(text, deps.http.redactor)
  const claims = claimsOf(auth, deps)
  const { jwt, expiresAt } = await signJwt({ ...auth, key: auth.algorithm === 'HS256' ? text : key, claims, blame: blameOf(auth, deps.connection ?? '') }, (deps.now ?? Date.now)())
  deps.http.redactor.add(jwt)
  return { accessToken: jwt, expiresAt, refreshToken: null }
}
