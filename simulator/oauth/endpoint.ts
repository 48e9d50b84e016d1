import type { IncomingMessage } from 'node:http'
import type { Answer } from '../http/answer.ts'
import { jsonAnswer } from '../http/answer.ts'
import { readBody } from '../http/send.ts'
import type { SimulatorConfig } from '../options.ts'
import { clientAuth } from './client.ts'
import type { JwtCheck } from './jwt.ts'
import type { TokenAnswer, Tokens } from './tokens.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }

/** What the OAuth routes need. */
export interface OAuthDeps {
  config: SimulatorConfig
  tokens: Tokens
  jwt: JwtCheck
}

/** POST /oauth/token. @param origin the simulator's own address, for the audience of assertions */
export async function tokenEndpoint(req: IncomingMessage, origin: string, deps: OAuthDeps): Promise<Answer> {
  const form = await readForm(req)
  if (!form) return oauthError(400, 'invalid_request', 'the body must be application/x-www-form-urlencoded')
  const { tokens, jwt, config } = deps
  const audience = [`${origin}/oauth/token`, origin, `${origin}/`]
  const client = await clientAuth(req, form, config, jwt, audience)
  if (client === 'wrong') return invalidClient()
  const get = (name: string) => form.get(name) ?? ''
  switch (form.get('grant_type')) {
    case null:
      return oauthError(400, 'invalid_request', 'grant_type is missing')
    case 'client_credentials':
      return client === 'client' ? granted(tokens.issue(false)) : invalidClient()
    case 'refresh_token':
      if (client !== 'client' && !(client === 'open' && tokens.isOpen(get('refresh_token')))) return invalidClient()
      return granted(tokens.refresh(get('refresh_token')))
    case 'authorization_code':
      return client === 'none' ? invalidClient() : granted(tokens.redeem(get('code'), get('redirect_uri'), get('code_verifier'), client === 'open'))
    case JWT_BEARER: {
      const claims = await jwt.claims(get('assertion'), audience)
      return granted(claims?.iss === config.credentials.clientId ? tokens.issue(false) : null)
    }
    default:
      return oauthError(400, 'unsupported_grant_type', `there is no grant ${get('grant_type')}`)
  }
}

/** POST /oauth/revoke (RFC 7009). */
export async function revokeEndpoint(req: IncomingMessage, origin: string, deps: OAuthDeps): Promise<Answer> {
  const form = await readForm(req)
  if (!form?.get('token')) return oauthError(400, 'invalid_request', 'token is missing')
  const client = await clientAuth(req, form, deps.config, deps.jwt, [`${origin}/oauth/token`, `${origin}/oauth/revoke`, origin])
  if (client !== 'client' && client !== 'open') return invalidClient()
  deps.tokens.revoke(form.get('token')!)
  return { status: 200, headers: NO_STORE, body: '', records: 0 }
}

/** GET /.well-known/oauth-authorization-server (RFC 8414). */
export function oauthMetadata(origin: string): Answer {
  return jsonAnswer(200, {
    issuer: origin,
    authorization_endpoint: `${origin}/oauth/authorize`,
    token_endpoint: `${origin}/oauth/token`,
    revocation_endpoint: `${origin}/oauth/revoke`,
    response_types_supported: ['code'],
    grant_types_supported: ['client_credentials', 'refresh_token', 'authorization_code', JWT_BEARER],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'client_secret_jwt', 'none'],
    token_endpoint_auth_signing_alg_values_supported: ['HS256', 'ES256', 'RS256', 'PS256'],
  })
}

async function readForm(req: IncomingMessage): Promise<URLSearchParams | null> {
  const body = await readBody(req)
  return /^application\/x-www-form-urlencoded\b/i.test(req.headers['content-type'] ?? '') ? new URLSearchParams(body) : null
}

function granted(answer: TokenAnswer | null): Answer {
  return answer ? jsonAnswer(200, answer, NO_STORE) : oauthError(400, 'invalid_grant', 'the code, token or assertion is wrong, expired or used up')
}

function invalidClient(): Answer {
  return oauthError(401, 'invalid_client', 'the client is unknown or its secret is wrong', { 'WWW-Authenticate': 'Basic realm="simulator"' })
}

function oauthError(status: number, error: string, description: string, headers: Record<string, string> = {}): Answer {
  return jsonAnswer(status, { error, error_description: description }, { ...NO_STORE, ...headers })
}
