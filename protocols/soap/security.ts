import { createHash, createHmac, randomBytes } from 'node:crypto'
import { IsthmusError } from '../../model/index.ts'
import type { SoapSecurity, Token, Value } from '../../model/index.ts'
import type { Redactor } from '../../model/redact/index.ts'
import { escapeXml } from './thread/escape.ts'

const OASIS = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-'
const VALID_MS = 5 * 60_000

/** What secures one request: complete header elements as XML, and header elements that the WSDL describes. */
export interface Secured {
  xml: string
  headers: Record<string, unknown>
}

export interface At {
  nowMs: number
  nonce: Buffer
}

/**
 * Compiles how requests are secured; each call of the result is for one request, with a nonce and time of its own. Throws MissingEnvironment
 * for a value that is not there, naming the field.
 */
export function createSecurity(security: SoapSecurity, resolve: (value: Value) => string, redactor: Redactor, now: () => number): (token: Token | null, at?: At) => Secured {
  const secret = (value: Value): string => {
    const text = resolve(value)
    if (typeof value === 'object' && ('env' in value || 'credential' in value)) redactor.add(text)
    return text
  }
  const fresh = (): At => ({ nowMs: now(), nonce: randomBytes(16) })
  switch (security.kind) {
    case 'none':
      return () => ({ xml: '', headers: {} })
    case 'usernameToken': {
      const username = resolve(security.username)
      const password = secret(security.password)
      return (_token, at = fresh()) => ({ xml: usernameToken({ username, password, digest: security.passwordType === 'digest', timestamp: security.timestamp }, at), headers: {} })
    }
    case 'header':
      return (token) => {
        if (token === null) throw new IsthmusError('InvalidInput', `the header ${security.element} takes the access token, but \`auth\` gives none`, { field: 'from.auth', cure: 'use an `auth` that signs in, such as oauth2ClientCredentials or session' })
        return { xml: '', headers: { [security.element]: { [security.field]: token.accessToken } } }
      }
    case 'tokenPassport': {
      const keys = { account: resolve(security.account), consumerKey: secret(security.consumerKey), consumerSecret: secret(security.consumerSecret), token: secret(security.token), tokenSecret: secret(security.tokenSecret) }
      return (_token, at = fresh()) => ({ xml: '', headers: { tokenPassport: tokenPassport(keys, at) } })
    }
  }
}

/** The `wsse:Security` header with a UsernameToken (OASIS UsernameToken Profile 1.1.1, 3.1): the password as text, or Base64(SHA-1(nonce + created + password)). */
export function usernameToken(user: { username: string; password: string; digest: boolean; timestamp: boolean }, { nowMs, nonce }: At): string {
  const created = new Date(nowMs).toISOString().replace(/\.000Z$/, 'Z')
  const password = user.digest ? createHash('sha1').update(nonce).update(created).update(user.password).digest('base64') : user.password
  const type = user.digest ? 'PasswordDigest' : 'PasswordText'
  const timestamp = user.timestamp ? `<wsu:Timestamp><wsu:Created>${created}</wsu:Created><wsu:Expires>${new Date(nowMs + VALID_MS).toISOString()}</wsu:Expires></wsu:Timestamp>` : ''
  return (
    `<wsse:Security xmlns:wsse="${OASIS}wssecurity-secext-1.0.xsd" xmlns:wsu="${OASIS}wssecurity-utility-1.0.xsd" soap:mustUnderstand="1">${timestamp}<wsse:UsernameToken>` +
    `<wsse:Username>${escapeXml(user.username, 'from.soap.security.username')}</wsse:Username>` +
    `<wsse:Password Type="${OASIS}username-token-profile-1.0#${type}">${escapeXml(password, 'from.soap.security.password')}</wsse:Password>` +
    `<wsse:Nonce EncodingType="${OASIS}soap-message-security-1.0#Base64Binary">${nonce.toString('base64')}</wsse:Nonce><wsu:Created>${created}</wsu:Created>` +
    `</wsse:UsernameToken></wsse:Security>`
  )
}

/**
 * NetSuite's TokenPassport: HMAC-SHA256 over account, consumer key, token, nonce and Unix time, joined by `&`
 * (https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_4395630653.html).
 */
export function tokenPassport(keys: { account: string; consumerKey: string; consumerSecret: string; token: string; tokenSecret: string }, { nowMs, nonce }: { nowMs: number; nonce: Buffer | string }): Record<string, unknown> {
  const { account, consumerKey, consumerSecret, token, tokenSecret } = keys
  const once = typeof nonce === 'string' ? nonce : nonce.toString('hex')
  const timestamp = String(Math.floor(nowMs / 1000))
  const signature = createHmac('sha256', `${consumerSecret}&${tokenSecret}`).update([account, consumerKey, token, once, timestamp].join('&')).digest('base64')
  return { account, consumerKey, token, nonce: once, timestamp, signature: { '@algorithm': 'HMAC-SHA256', '#text': signature } }
}
