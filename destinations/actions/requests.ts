import type { Action, Lookup } from '../../model/action.ts'
import { IsthmusError } from '../../model/errors.ts'
import type { GraphqlCall } from '../../model/graphql.ts'
import type { ActionDestination } from '../../model/plan.ts'
import type { Token } from '../../model/ports.ts'
import type { SoapCall } from '../../model/soap.ts'
import type { Value } from '../../model/value.ts'
import { acceptOf, encodeBody } from '../../protocols/formats/index.ts'
import { graphqlBody } from '../../protocols/graphql/index.ts'
import { checkHeaders, declaredAt, joinUrl, setQuery, type HttpTarget } from '../../protocols/http/index.ts'
import { setIn, sourceValues, type Connection, type Prepared } from '../../protocols/rest/index.ts'
import type { Item } from './item.ts'
import type { Row } from './rows.ts'
import { fillBody, fillPath, fillText, RefusedRecord } from './template.ts'

/** Builds the requests of an action. `token`: for services that want it inside the body. */
export interface Requests {
  /** One request with these records. Throws RefusedRecord when one of them does not fit into it. */
  send(items: Item[], token: Token | null): Promise<Prepared>
  /** The look-up of a record. Throws RefusedRecord. */
  look(row: Row, token: Token | null): Promise<Prepared>
  /** Adds what the environment holds; only after the origin was checked. */
  sign(target: HttpTarget): void
}

type Values = Record<string, unknown>

export function createRequests({ source, action }: ActionDestination, connection: Connection, resolve: (value: Value) => string): Requests {
  const { redactor } = connection.http
  const { text, plain, sign } = sourceValues([source.query], resolve, redactor)
  const common: Record<string, string> = { accept: acceptOf(action.format) }
  for (const [name, value] of Object.entries(source.headers)) common[name.toLowerCase()] = text(value, name).replaceAll('{version}', source.version)
  checkHeaders(common, (name) => `to.headers.${name}`)
  /** A column of the model may have the name. */
  const withVersion = (values: Values): Values => (source.version === '' ? values : { version: source.version, ...values })

  // Keys and filters of OData are quoted texts, in which a quote is written twice (OData 4.01 URL 5.1.1.14).
  const quoted = (values: Values): Values => (source.kind !== 'odata' ? values : Object.fromEntries(Object.entries(values).map(([k, v]) => [k, typeof v === 'string' ? v.replaceAll("'", "''") : v])))
  const address = (path: string, query: Record<string, string>, given: Values): URL => {
    const values = quoted(given)
    const url = joinUrl(connection.baseUrl, fillPath(path, values))
    for (const [name, texts] of plain) setQuery(url, name, texts)
    for (const [name, template] of Object.entries(query)) setQuery(url, name, [fillText(template, values)])
    return url
  }

  /** Body and headers of a call, or of the body as it is. */
  const withBody = async (request: Omit<Prepared, 'body'>, call: SoapCall | null, value: unknown, headers: unknown, token: Token | null): Promise<Prepared> => {
    if (call !== null) {
      if (!connection.soap) throw new IsthmusError('InvalidInput', 'the action calls an operation, but its source has no WSDL', { field: 'to.soap', cure: 'use soap({ wsdl, ... })' })
      const made = await connection.soap.request({ operation: call.operation, args: value, headers }, token)
      for (const [name, text] of Object.entries(made.headers)) request.headers[name.toLowerCase()] ??= text
      return { ...request, body: made.body }
    }
    if (value === undefined) return { ...request, body: null }
    const made = encodeBody(action.bodyFormat, value)
    request.headers['content-type'] ??= made.contentType
    return { ...request, body: made.body }
  }

  return {
    async send(items, token) {
      const values = withVersion(items[0]!.row.values)
      const url = address(action.path, action.query, values)
      const headers = { ...common }
      for (const [name, template] of Object.entries(action.headers)) headers[name.toLowerCase()] = headerText(name, fillText(template, values))
      const { header, query } = action.idempotency ?? {}
      if (header !== undefined) headers[header.toLowerCase()] = items[0]!.key
      if (query !== undefined) setQuery(url, query, [items[0]!.key])
      const method = action.soap ? 'POST' : action.method
      return withBody({ method, url, headers, about: declaredAt(action.path) }, action.soap, contentOf(action, items), fillBody(action.soap?.headers ?? null, values), token)
    },
    async look(row, token) {
      const lookup = action.lookup!
      const values = withVersion(row.values)
      const method = lookup.soap || lookup.graphql ? 'POST' : lookup.method
      const request = { method, url: address(lookup.path, lookup.query, values), headers: { ...common }, about: declaredAt(lookup.path) }
      return withBody(request, lookup.soap, lookupContent(lookup, values), fillBody(lookup.soap?.headers ?? null, values), token)
    },
    sign,
  }
}

function headerText(name: string, value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value
  throw new RefusedRecord(`the header ${name} cannot carry the value: it holds more than plain ASCII`)
}

/** What a look-up sends: the arguments of its operation, or the body of a POST; undefined for none. */
function lookupContent({ soap, graphql, method, body }: Lookup, values: Values): unknown {
  if (graphql) return callOf(graphql, body, values)
  if (soap) return fillBody(soap.args, values)
  return method === 'GET' || body === null ? undefined : fillBody(body, values)
}

/** What a request sends: a body or the arguments of an operation; undefined for none. */
function contentOf(action: Action, items: Item[]): unknown {
  const { batch } = action
  if (batch === null && action.method === 'DELETE' && action.body === null && action.soap === null) return undefined
  if (batch === null) return withKey(action, recordOf(action, items[0]!.row.values), items[0]!.key)
  const records = items.map((item, index) => {
    const record = withKey(action, templateOf(action, item.row.values), item.key)
    return batch.item === null ? record : fillItem(batch.item, { ...item.row.values, record, index })
  })
  const around = batch.body ?? (action.soap ? action.soap.args : null)
  return batch.records === '' ? records : setIn(around, batch.records, records)
}

/** A record as one call sends it. Arguments of an operation that name nothing are all columns. */
function recordOf(action: Action, values: Values): unknown {
  const args = action.soap?.args
  if (args !== undefined && args !== null && Object.keys(args).length > 0) return fillBody(args, values)
  return templateOf(action, values)
}

function templateOf({ body, graphql }: Action, values: Values): unknown {
  if (graphql) return callOf(graphql, body, values)
  return body === null ? values : fillBody(body, values)
}

/** Columns are filled in in the variables and in what goes beside them, never in the document. */
function callOf(graphql: GraphqlCall, body: unknown, values: Values): unknown {
  return graphqlBody(graphql, body === null ? null : fillBody(body, values), fillBody(graphql.variables, values))
}

/** `{record}` is what is sent of the record, `{index}` its place as text where it stands alone. */
function fillItem(template: unknown, values: Values): unknown {
  if (template === '{index}') return String(values['index'])
  if (Array.isArray(template)) return template.map((t) => fillItem(t, values))
  if (template !== null && typeof template === 'object') return Object.fromEntries(Object.entries(template).map(([k, v]) => [k, fillItem(v, values)]))
  return fillBody(template, values)
}

function withKey({ idempotency }: Action, record: unknown, key: string): unknown {
  const field = idempotency?.field
  if (field === undefined) return record
  if (record === null || typeof record !== 'object' || Array.isArray(record)) {
    throw new IsthmusError('InvalidInput', 'the body is no object, so it cannot carry the idempotency key', { field: 'to.action.body', cure: 'make the body an object, or send the key in a header' })
  }
  return setIn(record, field, key)
}

