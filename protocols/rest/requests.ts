import { IsthmusError } from '../../model/index.ts'
import type { Position, RequestPart, Stream, Token } from '../../model/index.ts'
import type { RequestNote } from '../../model/signals.ts'
import { acceptOf, encodeBody } from '../formats/index.ts'
import { graphqlBody } from '../graphql/index.ts'
import { checkHeaders, declaredAt, hasQuery, joinUrl, setQuery } from '../http/index.ts'
import type { HttpTarget } from '../http/index.ts'
import { FAR, renderBound } from './bound.ts'
import { pageParams, pageVars } from './page-params.ts'
import { sourceValues } from './source-query.ts'
import { fill, fillJson, fillRoute, setIn, whole, type Vars } from './template.ts'
import type { RestReader } from './types.ts'

/** A request without its credentials. */
export interface Prepared {
  method: string
  url: URL
  headers: Record<string, string>
  body: string | null
  /** For those who measure. */
  about?: RequestNote
}

/** Builds the requests of a stream. */
export interface Requests {
  /** Address of the page at a position, without credentials. */
  url(position: Position | null): URL
  /** The request for the page at a position. `token`: for services that want it inside the body. */
  prepare(position: Position | null, token: Token | null): Promise<Prepared>
  /** The SOAP operation that is called for the page at a position; null when there is none. */
  operation(position: Position | null): string | null
  /** Adds credentials; only after the origin was checked. */
  sign(target: HttpTarget): void
  /** A next address as it may be stored: credentials that the API echoed are taken out. */
  store(url: URL): string
}

export interface RequestOptions {
  /** Lower bound of the incremental field, or the token of the last run; null reads everything. */
  since: string | null
  /** Upper bound of the incremental field, an ISO time. */
  until?: string | undefined
  /** What the layers around the pages know: window, parent, job. */
  vars: Vars
}

/** Resolves everything a request is made of, once a call. */
export function createRequests(reader: RestReader, { since, until, vars: outer }: RequestOptions): Requests {
  const { source, stream, connection, resolve } = reader
  const first = createPart(reader, { path: stream.path, method: stream.method, query: stream.query, headers: stream.headers, body: stream.body, soap: stream.soap, graphql: stream.graphql })
  const more = stream.more && createPart(reader, merged(stream, stream.more))
  const { incremental, page } = stream
  const bound = since !== null && incremental?.kind === 'field' ? renderBound(since, incremental.format) : (since ?? undefined)
  const format = incremental?.kind === 'field' ? incremental.format : 'same'
  const upper = until === undefined ? undefined : renderBound(until, format)
  const common: Vars = { version: source.version || undefined, since: bound, until: upper, 'until?': renderBound(FAR, format), ...outer }
  const secret = stream.more?.query ? sourceValues([source.query, stream.query, stream.more.query], resolve, connection.http.redactor) : first.values

  const partOf = (position: Position | null): Part => (more && position !== null && !(position.kind === 'page' && page.kind === 'page' && position.page === page.start) && !(position.kind === 'offset' && position.offset === 0) ? more : first)
  const params = (position: Position | null): Param[] => {
    const found = pageParams(page, position)
    if (bound !== undefined && incremental && incremental.kind !== 'etag' && incremental.send !== '' && position?.kind !== 'url') found.push({ in: incremental.in, name: incremental.send, value: incremental.kind === 'field' ? fill(incremental.expression, { since: bound }) : bound })
    if (upper !== undefined && incremental?.kind === 'field' && incremental.until !== undefined && position?.kind !== 'url') {
      const value = fill(incremental.untilExpression ?? '{until}', { ...common, ...pageVars(page, position) })
      const same = found.findIndex((p) => p.in === incremental.in && p.name === incremental.until)
      found.splice(same < 0 ? found.length : same, 1, { in: incremental.in, name: incremental.until, value })
    }
    return found
  }
  const url = (position: Position | null): URL => {
    if (position?.kind === 'url') return new URL(position.url)
    // A delta link is where the next run begins.
    if (position === null && incremental?.kind === 'token' && incremental.send === '' && since !== null && /^https?:\/\//.test(since)) return new URL(since)
    // One without host is relative to what was asked (OData 4.01 JSON 4.6.1).
    if (position === null && incremental?.kind === 'token' && incremental.send === '' && since !== null && /^[^\s?{}]*\?[^\s?]+$/.test(since)) return new URL(since, first.url(common))
    const vars = { ...common, ...pageVars(page, position) }
    const part = partOf(position)
    const address = part.url(vars)
    for (const [name, values] of part.values.plain) {
      const filled = values.flatMap((v) => {
        const one = whole(v, vars)
        return one ? (one.value === undefined ? [] : [String(one.value)]) : [fill(v, vars)]
      })
      setQuery(address, name, filled)
    }
    for (const p of params(position)) if (p.in === 'query') setQuery(address, p.name, [String(p.value)])
    return address
  }

  return {
    url,
    async prepare(position, token) {
      const vars = { ...common, ...pageVars(page, position) }
      const part = partOf(position)
      const given = params(position)
      const headers: Record<string, string> = { accept: acceptOf(stream.format) }
      for (const [name, value] of part.headers) {
        const one = whole(value, vars)
        if (!one) headers[name] = fill(value, vars)
        else if (one.value !== undefined) headers[name] = String(one.value)
      }
      for (const p of given) if (p.in === 'header') headers[p.name.toLowerCase()] = String(p.value)
      if (incremental?.kind === 'etag' && since !== null) headers['if-none-match'] = since
      if (page.kind === 'range') Object.assign(headers, rangeHeaders(position, page.bytes))
      let body: string | null = null
      if (part.soap) {
        if (!connection.soap) throw new IsthmusError('InvalidInput', 'the stream calls an operation, but its source has no WSDL', { field: 'from.soap', cure: 'use soap({ wsdl, ... })' })
        const made = await connection.soap.request({ ...part.soap, args: fillJson(part.soap.args, vars), headers: fillJson(part.soap.headers, vars) }, token)
        body = made.body
        for (const [name, value] of Object.entries(made.headers)) headers[name] ??= value
      } else if (part.method !== 'GET') {
        let value = part.body === null ? null : fillJson(part.body, vars)
        if (part.graphql) value = graphqlBody(part.graphql, value, fillJson(part.graphql.variables, vars))
        for (const p of given) if (p.in === 'body') value = setIn(value, p.name, p.value)
        if (value !== null) {
          const made = encodeBody(stream.bodyFormat, value)
          body = made.body
          headers['content-type'] ??= made.contentType
        }
      }
      checkHeaders(headers, (name) => `from.headers.${name}`)
      return { method: part.method, url: url(position), headers, body, about: position?.kind === 'url' ? {} : part.about }
    },
    operation: (position) => partOf(position).soap?.operation ?? null,
    sign: secret.sign,
    store(address) {
      const kept = new URL(address)
      kept.username = ''
      kept.password = ''
      kept.hash = ''
      for (const name of [...connection.authenticator.secretParams, ...secret.secretNames]) if (hasQuery(kept, name)) setQuery(kept, name, [])
      return kept.href
    },
  }
}

/** A parameter of paging or increments. */
export interface Param {
  in: 'query' | 'body' | 'header'
  name: string
  value: string | number
}

interface Part {
  method: string
  about: RequestNote
  body: unknown
  soap: RequestPart['soap']
  graphql: RequestPart['graphql']
  headers: [string, string][]
  values: ReturnType<typeof sourceValues>
  url(vars: Vars): URL
}

/** What the second and further requests are made of: the first one's parts, where `more` does not say otherwise. */
export function merged(stream: Stream, more: RequestPart): Required<Omit<RequestPart, 'path' | 'method'>> & { path: string; method: string } {
  return {
    path: more.path ?? stream.path,
    method: more.method ?? stream.method,
    query: more.query ?? stream.query,
    headers: { ...stream.headers, ...more.headers },
    body: more.body ?? stream.body,
    soap: more.soap ?? stream.soap,
    graphql: more.graphql ?? stream.graphql,
  }
}

function createPart(reader: RestReader, part: { path: string; method: string; query: RequestPart['query']; headers: RequestPart['headers']; body: unknown; soap: RequestPart['soap']; graphql: RequestPart['graphql'] }): Part {
  const { source, connection, resolve } = reader
  const values = sourceValues([source.query, part.query ?? {}], resolve, connection.http.redactor)
  const headers = new Map<string, string>()
  for (const [name, value] of [...Object.entries(source.headers), ...Object.entries(part.headers)]) headers.set(name.toLowerCase(), values.text(value, name))
  checkHeaders(Object.fromEntries(headers), (name) => `from.headers.${name}`)
  return {
    method: part.soap ? 'POST' : part.method,
    about: declaredAt(part.path),
    body: part.body,
    soap: part.soap,
    graphql: part.graphql,
    headers: [...headers],
    values,
    url(vars) {
      try {
        return joinUrl(connection.baseUrl, fillRoute(part.path, vars))
      } catch (error) {
        if (error instanceof IsthmusError) throw error
        throw new IsthmusError('InvalidInput', 'the path does not make an address', { field: 'from.path', cure: 'write a path below the base URL, such as /orders' })
      }
    },
  }
}

/** The part of a file from a position on (RFC 9110 14.2); only of the file that the scan began with (13.1.5). */
function rangeHeaders(position: Position | null, bytes: number): Record<string, string> {
  const at = position?.kind === 'range' ? position : null
  const from = at?.offset ?? 0
  return { range: `bytes=${from}-${from + bytes - 1}`, 'accept-encoding': 'identity', ...(at && at.tag !== '' ? { 'if-range': at.tag } : {}) }
}
