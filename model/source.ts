import { z } from 'zod'
import { authSchema, tlsSchema } from './auth.ts'
import { errorRuleSchema } from './condition.ts'
import { durationSchema as duration } from './duration-schema.ts'
import { bodyFormatSchema, formatSchema } from './format.ts'
import { fileSchema, sqlSchema } from './rows.ts'
import { graphqlCallSchema } from './graphql.ts'
import { soapCallSchema, soapServiceSchema } from './soap.ts'
import { pathSchema, referencesIn, valueSchema } from './value.ts'

/**
 * The building blocks of a source as plain data (no closures), so that importers can write them as well as people.
 * Every schema gives the compiled form: fully defaulted, no optionals that inner code has to think about.
 */

// ---------------------------------------------------------------- paging
const count = z.int('must be a whole number').positive('must be above 0')
/** Where a parameter goes: into the query, a header, or the JSON or form body (there its name is a path). */
const place = z.enum(['query', 'body', 'header']).default('query')
const size = {
  /** Where the parameters of paging go. */
  in: place,
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
    in: place,
    /** Number of the first record as the API counts: 0, or 1. */
    start: z.int().nonnegative().default(0),
    size: count.default(100),
    sizeParam: z.string().default('limit'),
    ...end,
  }),
  z.strictObject({
    kind: z.literal('cursor'),
    /** Parameter that carries the cursor; '' when `{cursor}` stands in path, query, headers, body or `more`. */
    send: z.string().default(''),
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
  /**
   * The first answer opens a search; further pages are asked for by its id and their number (`{cursor}` and `{page}` in `more`): NetSuite's
   * `searchMoreWithId`, scrolls. Ends after `totalPages`, when `hasMore` says so, or with an empty page.
   */
  z.strictObject({ kind: z.literal('search'), id: pathSchema, start: z.int().nonnegative().default(1), ...size, ...end }),
  /**
   * Parts of one large file by byte ranges (RFC 9110 14), cut at line ends: for NDJSON and CSV. A file that changed meanwhile is read anew;
   * a server without ranges sends it whole, up to `maxPageBytes`.
   */
  z.strictObject({ kind: z.literal('range'), bytes: count.min(1024).default(8 * 1024 * 1024) }),
])
export type Paging = z.output<typeof pagingSchema>
export type PagingInput = z.input<typeof pagingSchema>

// ---------------------------------------------------------------- increments
const fieldIncrement = z.strictObject({
  kind: z.literal('field').default('field'),
  /** The record field that says when it changed (or its growing number). With `_parent.` in front it is the parent's: then the parents are asked for changes. */
  field: pathSchema,
  /** Parameter that asks for records changed since; '' when the API has none (records are filtered here), or `{since}` stands in the request. */
  send: z.string().default(''),
  in: place,
  /** How the bound is written for the API. `same`: as the field's own value; `local`: as `iso`, in UTC without saying so. */
  format: z.enum(['same', 'iso', 'local', 'date', 'epoch', 'epochMs']).default('same'),
  /** What is sent in `send`, with the bound at `{since}`: `updated_at ge {since}`. It takes the place of a parameter of that name in `query`. */
  expression: z.string().default('{since}'),
  /**
   * Parameter that asks for records changed before a moment, for the windows of a backfill; `untilExpression` is what is sent in it, with the bounds at
   * `{until}` and `{since}`, `{until}` when left out. It goes where `send` goes and takes the place of a parameter of that name. Absent, not '', where there
   * is none: plans without it keep their hash.
   */
  until: z.string().min(1).optional(),
  untilExpression: z.string().min(1).optional(),
  /** The bound of the very first run; '' reads everything. */
  start: z.string().default(''),
  /** Taken off the watermark on every run, so that late rows are seen; only for times. */
  overlap: z.union([duration, z.literal('')]).default(''),
  /** `ascending`: the API sorts by the field, so the watermark moves with each chunk; else only at the end of the scan. */
  order: z.enum(['none', 'ascending']).default('none'),
})
/** The last page holds a token or address from which the next run reads what changed since: delta links (OData), sync tokens (Plaid, Google). */
const tokenIncrement = z.strictObject({
  kind: z.literal('token'),
  /** Where the last page holds it. */
  token: pathSchema,
  /** Parameter that carries it in the first request of the next run; '' when it is an address, or `{since}` stands in the request. */
  send: z.string().default(''),
  in: place,
})
/** The API is asked with the ETag of the last answer (RFC 9110 13.1.2): 304 ends the run at once. For streams of one page. */
const etagIncrement = z.strictObject({ kind: z.literal('etag') })
export const incrementalSchema = z.union([fieldIncrement, tokenIncrement, etagIncrement], {
  error: "must be { field: 'updated_at', send: 'updated_since' }, { kind: 'token', token: '@odata.deltaLink' } or { kind: 'etag' }",
})
export type FieldIncrement = z.output<typeof fieldIncrement>

/** The increment of a stream by a field of its records; null when it has none or another kind. */
export function fieldIncrementOf({ incremental }: { incremental: z.output<typeof incrementalSchema> | null }): FieldIncrement | null {
  return incremental?.kind === 'field' ? incremental : null
}
export type Incremental = z.output<typeof incrementalSchema>

// ---------------------------------------------------------------- limits
export const limitSchema = z.strictObject({ requests: count, per: duration })
export type Limit = z.output<typeof limitSchema>

// ---------------------------------------------------------------- stream and source
const query = z.record(z.string(), z.union([valueSchema, z.number(), z.boolean(), z.array(valueSchema)]))
const method = z.enum(['GET', 'POST', 'PUT', 'PATCH'])

/**
 * A request of a stream that differs from its first one. In path, query, headers and body these are filled in where they are known:
 * `{cursor}`, `{page}`, `{offset}`, `{size}` of paging; `{since}` of increments, `{until}` of backfills; `{from}`, `{to}`, `{after}` of windows; `{job}` of jobs; `{parent.field}`.
 * A parameter or field that is exactly one of them is left out as long as it is not known.
 */
export const requestSchema = z.strictObject({
  path: z.string().nullable().default(null),
  method: method.nullable().default(null),
  query: query.nullable().default(null),
  headers: z.record(z.string(), valueSchema).default({}),
  body: z.json().nullable().default(null),
  soap: soapCallSchema.nullable().default(null),
  graphql: graphqlCallSchema.nullable().default(null),
})
export type RequestPart = z.output<typeof requestSchema>

const base = {
  name: z.string().min(1).max(100),
  path: z.string().default(''),
  method: method.default('GET'),
  query: query.default({}),
  headers: z.record(z.string(), valueSchema).default({}),
  /** Body of a POST, PUT or PATCH. */
  body: z.json().nullable().default(null),
  bodyFormat: bodyFormatSchema.default('json'),
  /** How answers are written. */
  format: formatSchema.default({ kind: 'json' }),
  /** The operation of a SOAP service that is called. */
  soap: soapCallSchema.nullable().default(null),
  /** Rows of a query of a source of kind `postgres`. */
  sql: sqlSchema.nullable().default(null),
  /** Records of a staged file, of a source of kind `file`. */
  file: fileSchema.nullable().default(null),
  /** The operation of a GraphQL API that is asked for; `body` holds what goes beside it. */
  graphql: graphqlCallSchema.nullable().default(null),
  /** What differs in the requests for the second and further pages. */
  more: requestSchema.nullable().default(null),
  /** Where the body holds the records; '' when the body is the list. */
  records: pathSchema.default(''),
  /** The field that identifies a record, or a list of fields; [] when it has none. A list is never one path. */
  key: z.union([z.string().transform((p) => [p]), z.array(pathSchema)]).default([]),
  page: pagingSchema.default({ kind: 'none' }),
  incremental: incrementalSchema.nullable().default(null),
  /** Signs of errors in the body of an answer, before those of the source. */
  errors: z.array(errorRuleSchema).default([]),
  /** How many records are expected; only for the estimate of `isthmus plan`. */
  expect: count.nullable().default(null),
}

/** Windows of time, for APIs that give only so many records of one query (HubSpot's search: 10,000). `{from}` and `{to}` (exclusive) stand in the request. */
export const windowSchema = z.strictObject({
  /** Length of a window; one that holds more than `cap` is halved. */
  size: duration.default('30d'),
  /** Beginning of the first window of a scan without lower bound. */
  start: z.string(),
  /** Up to how long before now is read: what is younger may not be in the API's index yet. */
  lag: z.union([duration, z.literal('')]).default(''),
  format: z.enum(['iso', 'date', 'epoch', 'epochMs']).default('iso'),
  /** Most records one query can give; the answer tells at `total` how many there are. */
  cap: count.nullable().default(null),
  total: pathSchema.nullable().default(null),
  /** Shortest window. One that still holds more than `cap` is read in the order of `split`. */
  minimum: duration.default('1s'),
  /** Field by which records of a window can be asked for in order, above `{after}`. */
  split: pathSchema.nullable().default(null),
  /** What `{after}` is at the beginning of a window, for APIs that always want a value, for example `0`; '' leaves it out. */
  splitFrom: z.string().default(''),
})
export type WindowPlan = z.output<typeof windowSchema>

/** A report that the API prepares: submitted, asked about until it is done, then downloaded by the stream's own request, in which `{job}` is its id. */
export const jobSchema = z.strictObject({
  submit: requestSchema,
  /** Where the answer to `submit` holds the job's id: a path in the body, or a header's name. */
  id: pathSchema,
  from: z.enum(['body', 'header']).default('body'),
  /** The request that asks about it. */
  poll: requestSchema,
  /** Where the answer says how far it is, and what it says when it is done or has failed. */
  state: pathSchema,
  done: z.array(z.json()).min(1),
  failed: z.array(z.json()).default([]),
  reason: pathSchema.nullable().default(null),
  /** How often it is asked about; a wait of the workflow, which holds no worker. */
  every: duration.default('10s'),
  /** After this long the job counts as lost and is submitted again. */
  timeout: duration.default('6h'),
  /** Where the answer to `poll` holds the address to download from, if it is not the stream's own; it is asked without credentials unless its origin is the connection's. */
  url: pathSchema.nullable().default(null),
})
export type JobPlan = z.output<typeof jobSchema>

/** Records of another stream, for each of which this stream is read: `{parent.id}` stands in the request. */
export const parentSchema = z.strictObject({
  stream: z.strictObject(base),
  /** Fields of the parent that each record gets, as `_parent.{name}`. */
  fields: z.array(pathSchema).default([]),
  /** Parents read at once. */
  concurrency: count.max(64).default(4),
})
export type ParentPlan = z.output<typeof parentSchema>

/**
 * A list inside records that the API gives in parts, as nested connections of GraphQL: it is never cut in silence. The rest is asked for with
 * `request`, in which `{parent.id}` is the id of the object that holds the list and `{cursor}` where to go on; the records are handed over complete.
 */
export const nestedSchema = z.strictObject({
  /** The objects in a record that hold the list, `lines.nodes`, through every list on the way; '' is the record itself. Outer lists stand before those inside of them. */
  owner: pathSchema.default(''),
  /** Where such an object holds the list, whether there is more of it, and the cursor behind it. */
  list: pathSchema,
  hasMore: pathSchema,
  next: pathSchema,
  id: pathSchema.default('id'),
  /** null: a record whose list was cut stops the stream. */
  request: requestSchema.nullable().default(null),
  /** Where the answer holds the object. */
  at: pathSchema.default(''),
})
export type NestedPlan = z.output<typeof nestedSchema>

export const streamSchema = z.strictObject({
  ...base,
  parent: parentSchema.nullable().default(null),
  window: windowSchema.nullable().default(null),
  job: jobSchema.nullable().default(null),
  nested: z.array(nestedSchema).default([]),
})
export type Stream = z.output<typeof streamSchema>
export type StreamInput = z.input<typeof streamSchema>

export const sourceSchema = z.strictObject({
  /** What is spoken. It decides what an answer means: GraphQL and SOAP tell errors in answers of 200, OData in its own form. `postgres` and `file` are no APIs: nothing is sent. */
  kind: z.enum(['rest', 'graphql', 'soap', 'odata', 'postgres', 'file']).default('rest'),
  /** Name of the connection; '' takes the host of the base URL. Syncs with one name share credentials and limits. */
  connection: z.string().default(''),
  /** Of a database: its address, '' for that of Isthmus itself. */
  baseUrl: valueSchema,
  auth: authSchema.default({ kind: 'none' }),
  /** Ways to sign in of a connector, by name: the stored connection says which one it uses, `auth` is the first. */
  methods: z.record(z.string(), authSchema).default({}),
  headers: z.record(z.string(), valueSchema).default({}),
  query: query.default({}),
  /** Version of the API, put in at `{version}` in paths, headers and base URL; told with warnings. */
  version: z.string().default(''),
  /** Signs of errors in the body of an answer. */
  errors: z.array(errorRuleSchema).default([]),
  /** GraphQL answers with data and errors: `fail` stops the stream, `keep` takes the records there are and logs the errors. */
  partial: z.enum(['fail', 'keep']).default('fail'),
  /** The service of a SOAP source. */
  soap: soapServiceSchema.nullable().default(null),
  /** Writes need a token that a GET of `path` hands out in `header` together with a cookie (SAP: `x-csrf-token`). */
  csrf: z.strictObject({ path: z.string().default(''), header: z.string().default('x-csrf-token') }).nullable().default(null),
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

/** Something of the source stands in the vault. */
export function refersToConnection(source: Source): boolean {
  return Object.keys(source.methods).length > 0 || referencesIn(source, 'setting').length > 0 || referencesIn(source, 'credential').length > 0
}

/** What the source signs in with belongs to its connection alone: it stands in the vault, or a person agrees to it. */
export function isOfConnection(source: Source): boolean {
  return refersToConnection(source) || source.auth.kind === 'oauth2AuthorizationCode' || source.auth.kind === 'oauth2DeviceCode'
}
