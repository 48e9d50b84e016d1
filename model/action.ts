import { z } from 'zod'
import { conditionSchema, errorRuleSchema } from './condition.ts'
import { durationMs } from './duration.ts'
import { bodyFormatSchema, formatSchema } from './format.ts'
import { graphqlCallSchema } from './graphql.ts'
import { soapCallSchema } from './soap.ts'
import { pathSchema } from './value.ts'

/**
 * An action of an API as plain data: what is sent for a record, how the API recognises a repeated request,
 * how to find out whether a record is there, what counts as success. `{column}` stands for a column of the model.
 */

const statuses = z.array(z.int().min(200).max(599))
const count = z.int('must be a whole number').positive('must be above 0')
const duration = z.string().refine((v) => {
  try {
    return durationMs(v) >= 0
  } catch {
    return false
  }
}, 'must be a duration such as 0s, 10s or 1m')
/** Query parameters; values are texts that may hold `{column}`. */
const query = z.record(z.string(), z.string())

/** Where the key of a delivery goes: exactly one of header, field (of the body, or of each record of a batch) and query parameter. */
export const idempotencySchema = z
  .strictObject({
    header: z.string().min(1).optional(),
    /** A path in the body (or in each record of a batch), such as `variables.input.clientMutationId`. */
    field: z.string().min(1).optional(),
    query: z.string().min(1).optional(),
    /** Answers that say that this key was done already: success. 400 and 422 say so only when they name the first result: in `Location`, or at `first`. */
    repeated: statuses.default([]),
    /** Where such an answer names the first result. */
    first: pathSchema.nullable().default(null),
  })
  .refine((v) => [v.header, v.field, v.query].filter((x) => x !== undefined).length === 1, 'must name one of header, field and query')
export type Idempotency = z.output<typeof idempotencySchema>

/** A request that tells whether a record is there. Found: 2xx, and what stands at `records` is not empty. 404 is not found. */
export const lookupSchema = z.strictObject({
  path: z.string().default(''),
  method: z.enum(['GET', 'POST']).default('GET'),
  query: query.default({}),
  /** Body of a POST; `{column}` as in the action's own. */
  body: z.json().nullable().default(null),
  /** The operation of a SOAP service that looks a record up. */
  soap: soapCallSchema.nullable().default(null),
  /** The query of a GraphQL API that looks a record up. */
  graphql: graphqlCallSchema.nullable().default(null),
  /** Where the answer holds the records, or the one record; '' is the whole answer. */
  records: pathSchema.default(''),
  /** Fields a record must have to count, as texts: `{ external_id: '{id}' }`. Guards against an API that ignores an unknown filter. */
  match: query.default({}),
  /** Where the found record holds its id. */
  id: pathSchema.nullable().default(null),
  /** How long after a request without an answer the look-up can be trusted: the request may still be under way at the API. */
  settle: duration.default('10s'),
})
export type Lookup = z.output<typeof lookupSchema>

/** Many records in one request, with a result for each. */
export const batchSchema = z.strictObject({
  size: count.max(10_000),
  /** Path in the body (of SOAP: in the arguments) that takes the records; '' when the body is the list. */
  records: z.string().default(''),
  /** What stands around the records, once a request: `{ allOrNone: false }`. */
  body: z.json().nullable().default(null),
  /** What is sent of each record instead of its body alone; `{record}` is that body, `{index}` its place from 0: `{ id: '{index}', method: 'POST', url: 'Orders', body: '{record}' }`. */
  item: z.json().nullable().default(null),
  /** Where the answer holds the results, in the order of the records unless `key` is given; null: the answer speaks for all records. */
  results: pathSchema.nullable().default(null),
  /** Finds the result of a record: the result's field `result` equals the column `column`, or the record's place where that is `{index}`. */
  key: z.strictObject({ result: pathSchema, column: z.string() }).nullable().default(null),
  /** When a result is a success; null: unless it has an `error`, `errors` or `Fault`, `success: false`, or a `status` of 400 and above. */
  success: conditionSchema.nullable().default(null),
  /** When a failed result is worth another try, since the record was not taken: a lock, a limit. Results with a `status` of 429 are so anyway. */
  again: conditionSchema.nullable().default(null),
  /** Where the answer lists what was refused, when `results` holds only what was taken. An answer of 207 is looked through for `errors` anyway. */
  failures: pathSchema.nullable().default(null),
})
export type Batch = z.output<typeof batchSchema>

export const actionSchema = z.strictObject({
  /** Name of the action, for example `contact.upsert`. */
  name: z.string().min(1).max(100),
  /** Path below the base URL; `{column}` is put in URL-encoded. */
  path: z.string().default(''),
  method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
  query: query.default({}),
  headers: z.record(z.string(), z.string()).default({}),
  /** What is sent for a record: JSON in which a text that is exactly `{column}` becomes the typed value. null sends all columns as an object; a DELETE then sends no body. */
  body: z.json().nullable().default(null),
  bodyFormat: bodyFormatSchema.default('json'),
  /** How answers are written. */
  format: formatSchema.default({ kind: 'json' }),
  /** The operation of a SOAP service that is called; `{column}` in its arguments as in `body`. */
  soap: soapCallSchema.nullable().default(null),
  /** The mutation of a GraphQL API that is called; `{column}` in its variables as in `body`, which holds what goes beside it. */
  graphql: graphqlCallSchema.nullable().default(null),
  /** Signs of errors in the body of an answer, before those of the source. */
  errors: z.array(errorRuleSchema).default([]),
  /** When a person has to agree before records of a run are sent: always, or when there are more than a number. */
  approval: z.union([z.literal('always'), z.strictObject({ above: z.int().nonnegative() })]).nullable().default(null),
  idempotency: idempotencySchema.nullable().default(null),
  lookup: lookupSchema.nullable().default(null),
  batch: batchSchema.nullable().default(null),
  /** When an answer of 2xx is a success; null: always. Otherwise the record is refused. */
  success: conditionSchema.nullable().default(null),
  /** Further statuses that are a success, for example 404 of a DELETE. */
  done: statuses.default([]),
  /** Where a refusal says why. */
  reason: pathSchema.nullable().default(null),
  /** Where the answer, or the result in a batch, holds the id that the API gave. */
  id: pathSchema.nullable().default(null),
  /** A record that changed after it was delivered: `send` calls the action again, `ignore` does not: once for each key. */
  changes: z.enum(['send', 'ignore']).default('send'),
})
export type Action = z.output<typeof actionSchema>
export type ActionInput = z.input<typeof actionSchema>

/** Names of the columns in a text, as `{name}`. */
export function placeholders(text: string): string[] {
  return [...text.matchAll(/\{([^{}]+)\}/g)].map((m) => m[1]!)
}

/** All texts of a JSON value. */
export function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(textsOf) : []
}

/** Every text of an action that is filled in, by its field. */
export function actionTexts(action: Action): [string, string[]][] {
  const { lookup, soap } = action
  return [
    ['path', [action.path]],
    ['query', Object.values(action.query)],
    ['headers', Object.values(action.headers)],
    ['body', textsOf(action.body)],
    ['args', textsOf(action.graphql?.variables)],
    ['soap.args', textsOf(soap?.args ?? null)],
    ['soap.headers', textsOf(soap?.headers ?? null)],
    ['lookup.path', lookup ? [lookup.path] : []],
    ['lookup.query', Object.values(lookup?.query ?? {})],
    ['lookup.body', textsOf(lookup?.body ?? null)],
    ['lookup.variables', textsOf(lookup?.graphql?.variables)],
    ['lookup.soap.args', textsOf(lookup?.soap?.args ?? null)],
    ['lookup.soap.headers', textsOf(lookup?.soap?.headers ?? null)],
    ['lookup.match', Object.values(lookup?.match ?? {})],
  ]
}

export type GuaranteeKind = 'key' | 'lookup' | 'method' | 'none'

/** What holds a record from taking effect twice when a result is unclear. */
export function guaranteeKind(action: Action, key: string[]): GuaranteeKind {
  if (action.idempotency) return 'key'
  const addressed = key.every((k) => placeholders(action.path).includes(k))
  if ((action.method === 'PUT' || action.method === 'DELETE') && action.batch === null && addressed) return 'method'
  return action.lookup ? 'lookup' : 'none'
}

/** The guarantee of delivery in one sentence. */
export function guarantee(action: Action, key: string[]): string {
  switch (guaranteeKind(action, key)) {
    case 'key': {
      const { header, field, query: parameter } = action.idempotency!
      const where = header ? `header ${header}` : field ? `field ${field}` : `query parameter ${parameter}`
      return `exactly once by idempotency key (${where}), as long as the API remembers keys`
    }
    case 'lookup':
      return `exactly once by look-up (${action.lookup!.soap?.operation ?? action.lookup!.path}): an unclear result is looked up before it is sent again`
    case 'method':
      return `takes effect once: ${action.method} of a record's own address can be repeated`
    case 'none':
      return 'at least once: the action has neither idempotency key nor look-up, so an unclear result is sent again'
  }
}
