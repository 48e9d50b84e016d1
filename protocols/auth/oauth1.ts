import { createHmac, randomBytes } from 'node:crypto'
import { encodeQuery } from '../http/index.ts'
import type { HttpTarget } from '../http/index.ts'

export interface OAuth1Keys {
  consumerKey: string
  consumerSecret: string
  token: string
  tokenSecret: string
  /** '' sends none. */
  realm: string
  signature: 'HMAC-SHA256' | 'HMAC-SHA1'
}

/**
 * The `Authorization` header of a request signed by OAuth 1.0a (RFC 5849 section 3). HMAC-SHA256 is the same construction with the other hash, as
 * NetSuite asks for it. `at` is for tests: time in seconds and nonce, which must never repeat.
 */
export function signOAuth1(target: Pick<HttpTarget, 'url' | 'headers' | 'method' | 'body'>, keys: OAuth1Keys, at: { timestamp: number; nonce: string } = now()): string {
  const protocol: [string, string][] = [
    ['oauth_consumer_key', keys.consumerKey],
    ['oauth_token', keys.token],
    ['oauth_signature_method', keys.signature],
    ['oauth_timestamp', String(at.timestamp)],
    ['oauth_nonce', at.nonce],
    ['oauth_version', '1.0'],
  ]
  const base = signatureBase(target, protocol)
  const signature = signatureOf(base, keys)
  const realm = keys.realm === '' ? [] : [`realm="${keys.realm.replace(/["\\]/g, '\\$&')}"`]
  return `OAuth ${[...realm, ...[...protocol, ['oauth_signature', signature] as const].map(([name, value]) => `${name}="${encodeQuery(value)}"`)].join(', ')}`
}

/** The signature of a base string (3.4.2), base64. */
export function signatureOf(base: string, keys: Pick<OAuth1Keys, 'consumerSecret' | 'tokenSecret' | 'signature'>): string {
  const key = `${encodeQuery(keys.consumerSecret)}&${encodeQuery(keys.tokenSecret)}`
  return createHmac(keys.signature === 'HMAC-SHA1' ? 'sha1' : 'sha256', key).update(base).digest('base64')
}

/** The signature base string (3.4.1.1): method, address without query, and all parameters in order. */
export function signatureBase({ url, headers, method, body }: Pick<HttpTarget, 'url' | 'headers' | 'method' | 'body'>, protocol: [string, string][]): string {
  const form = /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '') && body !== null ? [...new URLSearchParams(String(body))] : []
  const parameters = [...new URLSearchParams(url.search), ...form, ...protocol]
    .map(([name, value]): [string, string] => [encodeQuery(name), encodeQuery(value)])
    // By bytes, as 3.4.1.3.2 wants it: encoded text is ASCII.
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : x > y ? 1 : 0) : a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
  return [method.toUpperCase(), `${url.protocol}//${url.host}${url.pathname}`, parameters].map(encodeQuery).join('&')
}

function now(): { timestamp: number; nonce: string } {
  return { timestamp: Math.floor(Date.now() / 1000), nonce: randomBytes(16).toString('hex') }
}
