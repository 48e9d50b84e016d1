import type { Auth, Token } from '../../model/index.ts'
import { IsthmusError } from '../../model/index.ts'
import { createApply } from './apply.ts'
import { blameOf, cureOf } from './blame.ts'
import { signJwt } from './jwt.ts'
import { requestToken } from './token-request.ts'
import { tokenEndpoint } from './token-url.ts'
import { verdictOf } from './token-use.ts'
import type { Authenticator, AuthDeps } from './types.ts'

/** The authenticator of a connection. Resolves static credentials at once, so that a missing variable shows before any request. */
export function createAuthenticator(auth: Auth, deps: AuthDeps): Authenticator {
  const needsToken = auth.kind === 'signedJwt' || 'tokenUrl' in auth
  const blame = blameOf(auth)
  return {
    kind: auth.kind,
    needsToken,
    blame,
    secretParams: auth.kind === 'apiKey' && auth.in === 'query' ? [auth.name] : [],
    apply: createApply(auth, deps.resolve, deps.http.redactor),
    async fetchToken(current: Token, signal?: AbortSignal) {
      if (auth.kind === 'signedJwt') return signed(auth, deps)
      if ('tokenUrl' in auth) return requestToken(auth, deps, current, signal)
      throw new IsthmusError('InvalidInput', `sign-in of kind ${auth.kind} has no tokens to fetch`, { field: 'from.auth' })
    },
    presents(current) {
      if (auth.kind !== 'oauth2RefreshToken') return null
      const { resolve, baseUrl } = deps
      return JSON.stringify([tokenEndpoint(resolve(auth.tokenUrl), baseUrl).href, resolve(auth.clientId), current.refreshToken ?? resolve(auth.refreshToken)])
    },
    verdict: verdictOf,
    reconnect(reason) {
      const { field, variables } = blameOf(auth, ['refreshToken'])
      return new IsthmusError('AuthFailed', reason, { field, cure: cureOf({ field, variables }, 'sign in again and put the new refresh token into') })
    },
  }
}

async function signed(auth: Extract<Auth, { kind: 'signedJwt' }>, deps: AuthDeps): Promise<Omit<Token, 'version'>> {
  const key = deps.resolve(auth.key)
  deps.http.redactor.add(key)
  const claims = Object.fromEntries(Object.entries(auth.claims).map(([name, value]) => [name, deps.resolve(value)]))
  const { jwt, expiresAt } = await signJwt({ ...auth, key, claims, blame: blameOf(auth) }, (deps.now ?? Date.now)())
  deps.http.redactor.add(jwt)
  return { accessToken: jwt, expiresAt, refreshToken: null }
}
