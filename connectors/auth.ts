import type { AuthInput } from '../model/auth.ts'

type Options<K extends AuthInput['kind']> = Omit<Extract<AuthInput, { kind: K }>, 'kind'>

/** A key in a header (default `X-API-Key`) or, with `in: 'query'`, in a query parameter `name`. */
export function apiKey(options: Options<'apiKey'>): AuthInput {
  return { kind: 'apiKey', ...options }
}

/** `Authorization: Bearer <token>` with a token that does not expire (RFC 6750). */
export function bearer(options: Options<'bearer'>): AuthInput {
  return { kind: 'bearer', ...options }
}

/** HTTP Basic (RFC 7617). */
export function basic(options: Options<'basic'>): AuthInput {
  return { kind: 'basic', ...options }
}

/** OAuth 2.0 client credentials (RFC 6749 4.4). `tokenUrl` may be relative to the base URL. */
export function oauth2ClientCredentials(options: Options<'oauth2ClientCredentials'>): AuthInput {
  return { kind: 'oauth2ClientCredentials', ...options }
}

/** OAuth 2.0 refresh token (RFC 6749 6); rotating ones are kept sealed and used once. */
export function oauth2RefreshToken(options: Options<'oauth2RefreshToken'>): AuthInput {
  return { kind: 'oauth2RefreshToken', ...options }
}

/** A JWT signed here for each few minutes and sent as the bearer token (RFC 7519). */
export function signedJwt(options: Options<'signedJwt'>): AuthInput {
  return { kind: 'signedJwt', ...options }
}

/** A signed assertion exchanged for an access token (RFC 7523). */
export function jwtBearer(options: Options<'jwtBearer'>): AuthInput {
  return { kind: 'jwtBearer', ...options }
}

/** OAuth 2.0 authorization code with PKCE (RFC 6749 4.1, RFC 7636): a person signs in once with `isthmus connect`; refresh tokens are kept sealed. */
export function oauth2AuthorizationCode(options: Options<'oauth2AuthorizationCode'>): AuthInput {
  return { kind: 'oauth2AuthorizationCode', ...options }
}

/** OAuth 2.0 device authorization (RFC 8628): a person enters a code at another device, once, with `isthmus connect`. */
export function oauth2DeviceCode(options: Options<'oauth2DeviceCode'>): AuthInput {
  return { kind: 'oauth2DeviceCode', ...options }
}

/** OAuth 1.0a with a token given beforehand (RFC 5849), HMAC-SHA256 by default. */
export function oauth1(options: Options<'oauth1'>): AuthInput {
  return { kind: 'oauth1', ...options }
}

/** A login call gives a token or cookie that goes with each request until it runs out. */
export function session(options: Options<'session'>): AuthInput {
  return { kind: 'session', ...options }
}
