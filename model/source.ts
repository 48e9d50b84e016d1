import { z } from 'zod'
import { durationMs } from './duration.ts'
import { pathSchema, secretSchema, valueSchema } from './value.ts'

/**
 * The building blocks of a source as plain data (no closures), so that importers can write them as well as people.
 * Every schema gives the compiled form: fully defaulted, no optionals that inner code has to think about.
 */

const duration = z.string().refine((v) => {
  try {
    return durationMs(v) > 0
  } catch {
    return false
  }
}, 'must be a duration such as 30s, 15m, 1h or 1d')

// ---------------------------------------------------------------- auth
const oauth2Client = {
  /** Absolute, or relative to the base URL. */
  tokenUrl: valueSchema,
  clientId: valueSchema,
  /** Space-separated scopes; '' sends none. */
  scope: z.string().default(''),
  /** RFC 8707 style or vendor `audience`; '' sends none. */
  audience: z.string().default(''),
  /** How the client identifies itself at the token endpoint (RFC 6749 2.3.1). */
  clientAuth: z.enum(['basic', 'post']).default('basic'),
  /** Further form parameters for the token request. */
  params: z.record(z.string(), valueSchema).default({}),
  /** Further headers for the token request. */
  tokenHeaders: z.record(z.string(), valueSchema).default({}),
}
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
  z.strictObject({ kind: z.literal('oauth2ClientCredentials'), ...oauth2Client, clientSecret: secretSchema }),
  z.strictObject({
    kind: z.literal('oauth2RefreshToken'),
    ...oauth2Client,
    /** Absent for public clients. */
    clientSecret: secretSchema.nullable().default(null),
    /** The first refresh token; later ones are kept sealed in the store. */
    refreshToken: secretSchema,
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
    algorithm: z.enum(['RS256', 'PS256', 'ES256']).default('RS256'),
    key: secretSchema,
    keyId: z.string().default(''),
    subject: valueSchema.default(''),
    ttl: duration.default('3m'),
  }),
])
export type Auth = z.output<typeof authSchema>
export type AuthInput = z.input<typeof authSchema>

// ---------------------------------------------------------------- paging
const count = z.int('must be a whole number').positive('must be above 0')
const size = {
  /** Records per page that we ask for; null leaves it to the API. */
  size: count.nullable().default(null),
  /** Query parameter that carries `size`; '' sends none. */
  sizeParam: z.string().default(''),
}
const end = {
  /** Where the body says whether there is more (true / false). */
  hasMore: pathSchema.nullable().default(null),
  /** Where the body says how many records there are in all. */
  total: pathSchema.nullable().default(null),
  /** Where the body says how many pages there are in all. */
  totalPages: pathSchema.nullable().default(null),
}
export const pagingSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('page'), param: z.string().default('page'), start: z.int().nonnegative().default(1), ...size, ...end }),
  z.strictObject({
    kind: z.literal('offset'),
    param: z.string().default('offset'),
    size: count.default(100),
    sizeParam: z.string().default('limit'),
    ...end,
  }),
  z.strictObject({
    kind: z.literal('cursor'),
    /** Query parameter that carries the cursor. */
    send: z.string(),
    /** Where the answer holds the next cursor: a path in the body, a header name, or a path in the last record. */
    next: pathSchema,
    from: z.enum(['body', 'header', 'lastRecord']).default('body'),
    /** Where the body says whether there is more; null: an absent, null or empty cursor ends it. */
    hasMore: pathSchema.nullable().default(null),
    ...size,
  }),
  /** `Link: <url>; rel="next"` (RFC 8288). */
  z.strictObject({ kind: z.literal('link'), rel: z.string().default('next'), ...size }),
  /** The address of the next page stands in the body. */
  z.strictObject({ kind: z.literal('nextUrl'), next: pathSchema, ...size }),
])
export type Paging = z.output<typeof pagingSchema>
export type PagingInput = z.input<typeof pagingSchema>

// ---------------------------------------------------------------- increments
export const incrementalSchema = z.strictObject({
  /** The record field that says when it changed (or its growing number). */
  field: pathSchema,
  /** Query parameter that asks for records changed since; '' when the API has none (records are filtered here). */
  send: z.string().default(''),
  /** How the bound is written for the API. `same`: as the field's own value. */
  format: z.enum(['same', 'iso', 'date', 'epoch', 'epochMs']).default('same'),
  /** The bound of the very first run; '' reads everything. */
  start: z.string().default(''),
  /** Taken off the watermark on every run, so that late rows are seen; only for times. */
  overlap: z.union([duration, z.literal('')]).default(''),
  /** `ascending`: the API sorts by the field, so the watermark moves with each chunk; else only at the end of the scan. */
  order: z.enum(['none', 'ascending']).default('none'),
})
export type Incremental = z.output<typeof incrementalSchema>

// ---------------------------------------------------------------- limits
export const limitSchema = z.strictObject({ requests: count, per: duration })
export type Limit = z.output<typeof limitSchema>

// ---------------------------------------------------------------- stream and source
const query = z.record(z.string(), z.union([valueSchema, z.number(), z.boolean(), z.array(valueSchema)]))
export const streamSchema = z.strictObject({
  name: z.string().min(1).max(100),
  path: z.string(),
  method: z.enum(['GET', 'POST']).default('GET'),
  query: query.default({}),
  headers: z.record(z.string(), valueSchema).default({}),
  /** JSON body of a POST. */
  body: z.json().nullable().default(null),
  /** Where the body holds the records; '' when the body is the list. */
  records: pathSchema.default(''),
  /** The field that identifies a record, or a list of fields; [] when it has none. A list is never one path. */
  key: z.union([z.string().transform((p) => [p]), z.array(pathSchema)]).default([]),
  page: pagingSchema.default({ kind: 'none' }),
  incremental: incrementalSchema.nullable().default(null),
  /** How many records are expected; only for the estimate of `isthmus plan`. */
  expect: count.nullable().default(null),
})
export type Stream = z.output<typeof streamSchema>
export type StreamInput = z.input<typeof streamSchema>

export const sourceSchema = z.strictObject({
  kind: z.literal('rest').default('rest'),
  /** Name of the connection; '' takes the host of the base URL. Syncs with one name share credentials and limits. */
  connection: z.string().default(''),
  baseUrl: valueSchema,
  auth: authSchema.default({ kind: 'none' }),
  headers: z.record(z.string(), valueSchema).default({}),
  query: query.default({}),
  limits: z.array(limitSchema).default([]),
  /** Requests under way at once for this account. */
  concurrency: count.max(64).default(4),
  /** Time allowed until the answer's head, and between two parts of its body. */
  timeout: duration.default('30s'),
  /** Further origins (`https://host:port`) that may be sent credentials. */
  origins: z.array(z.string()).default([]),
  /** Largest decoded body of one page, in bytes. */
  maxPageBytes: count.default(64 * 1024 * 1024),
})
export type Source = z.output<typeof sourceSchema>
export type SourceInput = z.input<typeof sourceSchema>
