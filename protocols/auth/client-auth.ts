import type { ClientAuth } from 'oauth4webapi'
import type { Redactor } from '../http/index.ts'
import { newJwtId, signJwt, type JwtRecipe } from './jwt.ts'

const encodeForm = (text: string) => new URLSearchParams({ v: text }).toString().slice(2)

/** Client id and secret in the Authorization header, form-encoded as RFC 6749 2.3.1 wants, or `raw` as many servers read them. */
export function basicClient(id: string, secret: string, redactor: Redactor, raw = false): ClientAuth {
  const pair = raw ? `${id}:${secret}` : `${encodeForm(id)}:${encodeForm(secret)}`
  const value = Buffer.from(pair, 'utf8').toString('base64')
  redactor.add(value)
  return (_as, _client, _body, headers) => headers.set('authorization', `Basic ${value}`)
}

/** Client id and secret in the form body. */
export function postClient(id: string, secret: string): ClientAuth {
  return (_as, _client, body) => {
    body.set('client_id', id)
    body.set('client_secret', secret)
  }
}

/** Client id alone: a public client. */
export function publicClient(id: string): ClientAuth {
  return (_as, _client, body) => body.set('client_id', id)
}

/** The form-encoded pair differs from the raw one, so that servers may disagree on it. */
export function needsEncoding(id: string, secret: string): boolean {
  return encodeForm(id) !== id || encodeForm(secret) !== secret
}

/** A JWT signed by the client in place of a secret (RFC 7523 2.2, `private_key_jwt`); a new one for each request, since its `jti` may be used once. */
export function assertionClient(id: string, recipe: JwtRecipe, audience: string, now: () => number, redactor: Redactor): ClientAuth {
  return async (_as, _client, body) => {
    const { jwt } = await signJwt({ ...recipe, claims: { ...recipe.claims, iss: id, sub: id, aud: audience, jti: newJwtId() } }, now())
    redactor.add(jwt)
    body.set('client_id', id)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', jwt)
  }
}
