import type { ClientAuth } from 'oauth4webapi'
import type { Auth, Value } from '../../model/index.ts'
import { blameOf } from './blame.ts'
import { assertionClient, basicClient, needsEncoding, postClient, publicClient } from './client-auth.ts'
import { certificateOf, claimsOf, pemText } from './secrets.ts'
import type { AuthDeps } from './types.ts'

/** Kinds of sign-in that ask a token endpoint. */
export type OAuth = Extract<Auth, { tokenUrl: Value }>

/**
 * Ways to name the client, in the order they are tried. Only client credentials have more than one: presenting a single-use refresh
 * token or code twice could count as theft.
 */
export function clientWays(auth: OAuth, deps: AuthDeps, id: string, endpoint: URL): ClientAuth[] {
  const { redactor } = deps.http
  if (auth.clientAssertion !== null) {
    const key = pemText(deps.resolve(auth.clientAssertion.key), redactor)
    const recipe = { ...auth.clientAssertion, key, keyId: deps.resolve(auth.clientAssertion.keyId), certificate: certificateOf(auth.clientAssertion, deps), claims: claimsOf(auth.clientAssertion, deps), blame: blameOf(auth, deps.connection ?? '', ['clientAssertion.key']) }
    return [assertionClient(id, recipe, auth.clientAssertion.audience || endpoint.href, deps.now ?? Date.now, redactor)]
  }
  // The assertion of the grant names the client itself (RFC 7523 section 3.1).
  if (auth.kind === 'jwtBearer') return [() => {}]
  if (auth.clientSecret === null) return [publicClient(id)]
  const secret = deps.resolve(auth.clientSecret)
  redactor.add(secret)
  const basic = basicClient(id, secret, redactor)
  const post = postClient(id, secret)
  if (auth.kind !== 'oauth2ClientCredentials') return [auth.clientAuth === 'post' ? post : basic]
  const raw = needsEncoding(id, secret) ? [basicClient(id, secret, redactor, true)] : []
  return auth.clientAuth === 'post' ? [post, basic] : [basic, ...raw, post]
}
