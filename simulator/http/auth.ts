import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { basicPair } from '../oauth/client.ts'
import type { OAuthDeps } from '../oauth/endpoint.ts'
import type { Answer } from './answer.ts'
import { errorAnswer } from './answer.ts'

/** The 401 a data request earns under the configured auth mode, or null when it may pass. */
export async function refuse(req: IncomingMessage, params: URLSearchParams, deps: OAuthDeps): Promise<Answer | null> {
  const { auth, credentials: c } = deps.config
  const header = req.headers.authorization ?? ''
  switch (auth) {
    case 'none':
      return null
    case 'api-key':
      return same(String(req.headers['x-api-key'] ?? params.get('api_key') ?? ''), c.apiKey) ? null : unauthorized('ApiKey realm="simulator"', 'the API key is missing or wrong')
    case 'basic': {
      const pair = basicPair(header)
      return pair && same(pair[0], c.username) && same(pair[1], c.password) ? null : unauthorized('Basic realm="simulator", charset="UTF-8"', 'user or password is missing or wrong')
    }
    case 'bearer':
      return withToken(header, (token) => (same(token, c.bearerToken) ? null : 'the token is unknown'))
    case 'oauth':
      return withToken(header, (token) => deps.tokens.use(token))
    case 'jwt':
      return withToken(header, async (token) => ((await deps.jwt.claims(token)) ? null : 'the JWT is wrong or expired'))
  }
}

async function withToken(header: string, check: (token: string) => string | null | Promise<string | null>): Promise<Answer | null> {
  const token = /^bearer\s+(\S+)\s*$/i.exec(header)?.[1]
  if (token === undefined) return unauthorized('Bearer realm="simulator"', 'a bearer token is missing')
  const why = await check(token)
  return why === null ? null : unauthorized(`Bearer realm="simulator", error="invalid_token", error_description="${why}"`, why)
}

function unauthorized(challenge: string, message: string): Answer {
  return errorAnswer(401, 'unauthorized', message, { 'WWW-Authenticate': challenge })
}

function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
