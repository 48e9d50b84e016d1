import type { Action, Idempotency } from '../../model/action.ts'
import { IsthmusError } from '../../model/errors.ts'
import { stringifyExact } from '../../model/json/index.ts'
import type { ActionDestination } from '../../model/plan.ts'
import type { Value } from '../../model/value.ts'
import { checkHeaders, joinUrl, setQuery, type HttpTarget } from '../../protocols/http/index.ts'
import { setIn, sourceValues, type Connection } from '../../protocols/rest/index.ts'
import type { Item } from './item.ts'
import type { Row } from './rows.ts'
import { fillBody, fillPath, fillText, RefusedRecord } from './template.ts'

/** A request without its credentials. */
export interface Prepared {
  method: string
  url: URL
  headers: Record<string, string>
  body: string | null
}

/** Builds the requests of an action. */
export interface Requests {
  /** One request with these records. Throws RefusedRecord when one of them does not fit into it. */
  send(items: Item[]): Prepared
  /** The look-up of a record. Throws RefusedRecord. */
  look(row: Row): Prepared
  /** Adds what the environment holds; only after the origin was checked. */
  sign(target: HttpTarget): void
}

export function createRequests({ source, action }: ActionDestination, connection: Connection, resolve: (value: Value) => string): Requests {
  const { redactor } = connection.http
  const { text, plain, sign } = sourceValues([source.query], resolve, redactor)
  const common: Record<string, string> = { accept: 'application/json' }
  for (const [name, value] of Object.entries(source.headers)) common[name.toLowerCase()] = text(value, name)
  checkHeaders(common, (name) => `to.headers.${name}`)

  const address = (path: string, query: Record<string, string>, values: Record<string, unknown>): URL => {
    const url = joinUrl(connection.baseUrl, fillPath(path, values))
    for (const [name, given] of plain) setQuery(url, name, given)
    for (const [name, template] of Object.entries(query)) setQuery(url, name, [fillText(template, values)])
    return url
  }

  return {
    send(items) {
      const first = items[0]!.row.values
      const url = address(action.path, action.query, first)
      const headers = { ...common }
      for (const [name, template] of Object.entries(action.headers)) headers[name.toLowerCase()] = headerText(name, fillText(template, first))
      const { header, query } = action.idempotency ?? {}
      if (header !== undefined) headers[header.toLowerCase()] = items[0]!.key
      if (query !== undefined) setQuery(url, query, [items[0]!.key])
      const body = bodyOf(action, items)
      if (body !== null) headers['content-type'] ??= 'application/json'
      return { method: action.method, url, headers, body }
    },
    look(row) {
      const { path, query, graphql } = action.lookup!
      if (graphql) return { method: 'POST', url: address(path, query, row.values), headers: { ...common, 'content-type': 'application/json' }, body: stringifyExact(graphqlBody({ ...action, graphql, body: null }, row.values)) }
      return { method: 'GET', url: address(path, query, row.values), headers: { ...common }, body: null }
    },
    sign,
  }
}

function headerText(name: string, value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value
  throw new RefusedRecord(`the header ${name} cannot carry the value: it holds more than plain ASCII`)
}

function bodyOf(action: Action, items: Item[]): string | null {
  if (action.method === 'DELETE' && action.body === null) return null
  const records = items.map((item) => recordBody(action, item))
  const { batch } = action
  if (batch === null) return stringifyExact(records[0])
  return stringifyExact(batch.records === '' ? records : { [batch.records]: records })
}

function recordBody(action: Action, { row, key }: Item): unknown {
  const record = action.graphql ? graphqlBody(action, row.values) : action.body === null ? row.values : fillBody(action.body, row.values)
  const field = (action.idempotency as Idempotency | null)?.field
  if (field === undefined) return record
  if (record === null || typeof record !== 'object' || Array.isArray(record)) {
    throw new IsthmusError('InvalidInput', 'the body is no object, so it cannot carry the idempotency key', { field: 'to.action.body', cure: 'make the body an object, or send the key in a header' })
  }
  return setIn(record, field, key)
}

/** `{ query, operationName, variables }`; columns are filled in in the variables and in what goes beside them, never in the document. */
function graphqlBody({ graphql, body }: Action, values: Record<string, unknown>): unknown {
  const { query, operationName, variables } = graphql!
  return { ...(body === null ? null : (fillBody(body, values) as object)), query, ...(operationName === null ? {} : { operationName }), variables: fillBody(variables, values) }
}
