import { at, IsthmusError } from '../../model/index.ts'
import type { Position } from '../../model/index.ts'
import { checkHeaders, hasQuery, joinUrl, setQuery } from '../http/index.ts'
import type { HttpTarget } from '../http/index.ts'
import { renderBound } from './bound.ts'
import { sourceValues } from './source-query.ts'
import type { RestReader } from './types.ts'

/** Builds the requests of a stream. */
export interface Addresses {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body: string | null
  /** Address of the page at a position, without credentials. */
  of(position: Position | null): URL
  /** Adds credentials; only after the origin was checked. */
  sign(target: HttpTarget): void
  /** A next address as it may be stored: credentials that the API echoed are taken out. */
  store(url: URL): string
}

/** Resolves everything a request is made of, once a call. `since` is the lower bound of the incremental field. */
export function createAddresses(reader: RestReader, since: string | null): Addresses {
  const { source, stream, connection, resolve } = reader
  const { redactor } = connection.http
  const { text, plain, secretNames, sign } = sourceValues([source.query, stream.query], resolve, redactor)
  const headers: Record<string, string> = { accept: 'application/json' }
  for (const [name, value] of [...Object.entries(source.headers), ...Object.entries(stream.headers)]) headers[name.toLowerCase()] = text(value, name)
  const body = stream.method === 'POST' && stream.body !== null ? JSON.stringify(stream.body) : null
  if (body !== null) headers['content-type'] ??= 'application/json'
  checkHeaders(headers, (name) => `from.headers.${name}`)

  let first: URL
  try {
    first = joinUrl(connection.baseUrl, stream.path)
  } catch {
    throw new IsthmusError('InvalidInput', 'the path does not make an address', { field: 'from.path', cure: 'write a path below the base URL, such as /orders' })
  }
  for (const [name, values] of plain) setQuery(first, name, values)
  const { incremental, page } = stream
  if (since !== null && incremental !== null && incremental.send !== '') {
    try {
      setQuery(first, incremental.send, [renderBound(since, incremental.format)])
    } catch (error) {
      throw at(error, {})
    }
  }
  if (page.kind !== 'none' && page.size !== null && page.sizeParam !== '') setQuery(first, page.sizeParam, [String(page.size)])

  return {
    method: stream.method,
    headers,
    body,
    of(position) {
      if (position?.kind === 'url') return new URL(position.url)
      const url = new URL(first)
      if (page.kind === 'page') setQuery(url, page.param, [String(position?.kind === 'page' ? position.page : page.start)])
      if (page.kind === 'offset') setQuery(url, page.param, [String(position?.kind === 'offset' ? position.offset : 0)])
      if (page.kind === 'cursor' && position?.kind === 'cursor') setQuery(url, page.send, [position.cursor])
      return url
    },
    sign,
    store(url) {
      const kept = new URL(url)
      kept.username = ''
      kept.password = ''
      kept.hash = ''
      for (const name of [...connection.authenticator.secretParams, ...secretNames]) if (hasQuery(kept, name)) setQuery(kept, name, [])
      return kept.href
    },
  }
}
