import { z } from 'zod'
import { durationSchema as duration } from './duration-schema.ts'
import { pathSchema, secretSchema, valueSchema } from './value.ts'

/** How a source signs in, as plain data. */

const assertion = {
  algorithm: z.enum(['RS256', 'PS256', 'ES256']).default('RS256'),
  /** PEM private key. */
  key: secretSchema,
  keyId: valueSchema.default(''),
  /** Certificate (PEM) whose thumbprint goes into the header as `x5t#S256` (RFC 7515 4.1.8), as Microsoft wants it. */
  certificate: valueSchema.nullable().default(null),
  /** `aud` of the JWT; '' takes the token URL. */
  audience: z.string().default(''),
  ttl: duration.default('3m'),
  /** Further claims of the JWT: NetSuite reads the scope there. Those that are made here (`iss`, `sub`, `aud`, `jti`, `iat`, `exp`) win. */
  claims: z.record(z.string(), valueSchema).default({}),
}
/** What every kind that asks a token endpoint has. */
const oauth2Client = {
  /** Absolute, or relative to the base URL. */
  tokenUrl: valueSchema,
  clientId: valueSchema,
  /** Space-separated scopes; '' sends none. */
  scope: z.string().default(''),
  /** RFC 8707 style or vendor `audience`; '' sends none. */
  audience: z.string().default(''),
  /** How the client identifies itself at the token endpoint (RFC 6749 2.3.1); without a secret it is a public client. */
  clientAuth: z.enum(['basic', 'post']).default('basic'),
  /** A signed assertion instead of a client secret (RFC 7523 2.2, `private_key_jwt`). */
  clientAssertion: z.strictObject(assertion).nullable().default(null),
  /** Further form parameters for the token request. */
  params: z.record(z.string(), valueSchema).default({}),
  /** Further headers for the token request. */
  tokenHeaders: z.record(z.string(), valueSchema).default({}),
}
const optionalSecret = { clientSecret: secretSchema.nullable().default(null) }

export const authSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    kind: z.literal('apiKey'),
    in: z.enum(['header', 'query']).default('header'),
    name: z.string().default('X-API-Key'),
    key: secretSchema,
    /** Put before the key, for example `Token `. */
    prefix: z.string().default(''),
  }),
  z.strictObject({ kind: z.literal('bearer'), token: secretSchema }),
  z.strictObject({ kind: z.literal('basic'), username: valueSchema, password: secretSchema }),
  /** RFC 6749 4.4; with a client secret or a client assertion. */
  z.strictObject({ kind: z.literal('oauth2ClientCredentials'), ...oauth2Client, ...optionalSecret }),
  z.strictObject({
    kind: z.literal('oauth2RefreshToken'),
    ...oauth2Client,
    /** Absent for public clients. */
    ...optionalSecret,
    /** The first refresh token; later ones are kept sealed in the store. */
    refreshToken: secretSchema,
  }),
  z.strictObject({
    /** RFC 6749 4.1 with PKCE S256 (RFC 7636): a person signs in once, `isthmus connect` stores the tokens. */
    kind: z.literal('oauth2AuthorizationCode'),
    /** Where the browser is sent; absolute, or relative to the base URL. */
    authorizeUrl: valueSchema,
    ...oauth2Client,
    ...optionalSecret,
    /** Further query parameters for the authorization request, for example `access_type: 'offline'`. */
    authorizeParams: z.record(z.string(), valueSchema).default({}),
    /** Redirect address that the provider has registered; '' takes a free port of 127.0.0.1 (RFC 8252). */
    redirectUri: z.string().default(''),
    /** Expected `iss` of the redirect (RFC 9207); '' does not check it. */
    issuer: z.string().default(''),
  }),
  z.strictObject({
    /** RFC 8628: a person enters a code at another device, `isthmus connect` stores the tokens. */
    kind: z.literal('oauth2DeviceCode'),
    /** Device authorization endpoint; absolute, or relative to the base URL. */
    deviceUrl: valueSchema,
    ...oauth2Client,
    ...optionalSecret,
  }),
  z.strictObject({
    /** A JWT signed here and sent as the bearer token. */
    kind: z.literal('signedJwt'),
    algorithm: z.enum(['HS256', 'RS256', 'PS256', 'ES256']).default('HS256'),
    /** The shared secret (HS256) or a PKCS#8 PEM. */
    key: secretSchema,
    keyId: z.string().default(''),
    claims: z.record(z.string(), valueSchema).default({}),
    /** Life of one token. */
    ttl: duration.default('5m'),
  }),
  z.strictObject({
    /** RFC 7523: a signed assertion exchanged for an access token. */
    kind: z.literal('jwtBearer'),
    ...oauth2Client,
    ...assertion,
    subject: valueSchema.default(''),
  }),
  z.strictObject({
    /** OAuth 1.0a with tokens given beforehand (RFC 5849), as NetSuite's token-based sign-in. */
    kind: z.literal('oauth1'),
    consumerKey: valueSchema,
    consumerSecret: secretSchema,
    token: valueSchema,
    tokenSecret: secretSchema,
    /** '' sends none. */
    realm: valueSchema.default(''),
    signature: z.enum(['HMAC-SHA256', 'HMAC-SHA1']).default('HMAC-SHA256'),
  }),
  z.strictObject({
    /** A login call gives a token or cookie that is sent with each request. */
    kind: z.literal('session'),
    /** Absolute, or relative to the base URL. */
    loginUrl: valueSchema,
    method: z.enum(['POST', 'GET', 'PUT']).default('POST'),
    /** How `body` is sent. */
    format: z.enum(['json', 'form']).default('json'),
    body: z.record(z.string(), valueSchema).default({}),
    loginHeaders: z.record(z.string(), valueSchema).default({}),
    /** HTTP Basic for the login call. */
    basic: z.strictObject({ username: valueSchema, password: secretSchema }).nullable().default(null),
    /** Where the answer holds the session: a path in the body, a header, or a cookie. */
    from: z.enum(['body', 'header', 'cookie']).default('body'),
    /** The path, or the name of the header or cookie; `*` takes all cookies, which systems with several machines need. */
    token: pathSchema,
    /** Where it is sent; with `cookie`, `name` is the cookie's. All cookies are always sent as such, under their own names. */
    in: z.enum(['header', 'cookie', 'query']).default('header'),
    name: z.string().default('Authorization'),
    prefix: z.string().default(''),
    /** Life of a session; '' uses it until it is refused. */
    ttl: z.union([duration, z.literal('')]).default(''),
  }),
])
export type Auth = z.output<typeof authSchema>
export type AuthInput = z.input<typeof authSchema>

/** TLS of a connection. Servers are always verified. */
export const tlsSchema = z.strictObject({
  /** Client certificate (PEM) for mutual TLS. */
  cert: valueSchema.nullable().default(null),
  /** Its private key (PEM). */
  key: secretSchema.nullable().default(null),
  /** Certificate authority (PEM) of the server, where it is not one of those everybody trusts. */
  ca: valueSchema.nullable().default(null),
})
export type Tls = z.output<typeof tlsSchema>
