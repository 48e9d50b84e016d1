import { z } from 'zod'
import { authSchema, tlsSchema } from './auth.ts'
import { durationSchema as duration } from './duration-schema.ts'
import { pathSchema, valueSchema } from './value.ts'

/**
 * The building blocks of a source as plain data (no closures), so that importers can write them as well as people.
 * Every schema gives the compiled form: fully defaulted, no optionals that inner code has to think about.
 */

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
  /** Ways to sign in of a connector, by name: the stored connection says which one it uses, `auth` is the first. */
  methods: z.record(z.string(), authSchema).default({}),
  headers: z.record(z.string(), valueSchema).default({}),
  query: query.default({}),
  limits: z.array(limitSchema).default([]),
  /** Requests under way at once for this account. */
  concurrency: count.max(64).default(4),
  /** Time allowed until the answer's head, and between two parts of its body. */
  timeout: duration.default('30s'),
  /** Further origins (`https://host:port`) that may be sent credentials. */
  origins: z.array(z.string()).default([]),
  /** Client certificate and own certificate authority. */
  tls: tlsSchema.default({ cert: null, key: null, ca: null }),
  /**
   * Private addresses (10/8, 172.16/12, 192.168/16, fc00::/7, loopback) that names of this connection may lead to. A loopback or private
   * address that stands in the base URL itself is allowed without it; link-local ones (169.254/16, where clouds keep metadata) never are.
   */
  privateNetwork: z.boolean().default(false),
  /** Largest decoded body of one page, in bytes. */
  maxPageBytes: count.default(64 * 1024 * 1024),
})
export type Source = z.output<typeof sourceSchema>
export type SourceInput = z.input<typeof sourceSchema>
