import { IsthmusError } from '../model/errors.ts'
import type { SourceInput, StreamInput } from '../model/source.ts'
import type { ActionOptions, ActionRef, RestSource, StreamRef } from './rest.ts'

export interface ODataOptions extends Omit<SourceInput, 'kind' | 'csrf' | 'version'> {
  /** Version of the protocol. Default 4. */
  version?: 2 | 4
  /** Writes need a token that a GET hands out together with a cookie (SAP): true fetches it at the root of the service, a text names another path below it. */
  csrf?: boolean | string
}

/** How a changed-since filter writes its literal; see `docs/odata.md`. */
export type ODataType = 'datetime' | 'datetimeoffset' | 'date' | 'number' | 'text'

export interface EntityOptions {
  /** Properties to read; all when absent. */
  select?: string[]
  /** A filter in OData's language: `"Industry eq 'retail'"`. */
  filter?: string
  /** Navigation properties that come with each record. */
  expand?: string | string[]
  orderby?: string | string[]
  /** Records a page. With `paging: 'server'` only asked for (V4, `Prefer: odata.maxpagesize`). Default with `paging: 'client'` 1000. */
  size?: number
  /** `server`: the answers lead on (`@odata.nextLink`, `__next`). `client`: `$top` and `$skip`, for servers that never page by themselves. Default `server`. */
  paging?: 'server' | 'client'
  /** The properties that identify a record. */
  key?: string | string[]
  /** Property that says when a record changed. `type` is that of the property; default `datetimeoffset`, in version 2 `datetime`. */
  incremental?: string | { field: string; type?: ODataType; start?: string; overlap?: string; order?: 'none' | 'ascending' }
  /** What changed since the last run is asked for by the delta link of its last page, where the service offers them (V4). */
  delta?: boolean
  /** Further query parameters: `{ 'sap-client': '100' }`. */
  query?: StreamInput['query']
  headers?: StreamInput['headers']
  errors?: StreamInput['errors']
  parent?: StreamInput['parent']
  expect?: number
}

/** Types of key properties in addresses. */
export type ODataKey = string | string[] | Record<string, 'text' | 'number' | 'guid'>

export interface WriteOptions extends Omit<ActionOptions, 'key' | 'path' | 'method'> {
  /** The properties that identify a record; columns of the model have the same names. */
  key?: ODataKey
}

export interface ODataSource extends RestSource {
  /** A stream of the records of an entity set. */
  entity(set: string, options?: EntityOptions): StreamRef
  /** POST of a new entity. With a `key` that we assign, an unclear result is looked up before it is sent again. */
  create(set: string, options?: WriteOptions): ActionRef
  /** PATCH of an entity. `ifMatch` (default `*`) is its ETag: `'{etag}'` takes it from a column. */
  update(set: string, options: WriteOptions & { key: ODataKey; ifMatch?: string }): ActionRef
  /** DELETE of an entity; one that is gone is done. */
  delete(set: string, options: WriteOptions & { key: ODataKey; ifMatch?: string }): ActionRef
}

/**
 * A service that speaks OData 2 or 4; `baseUrl` is its root. Everything is plain data: the same streams and actions as `rest`, with the
 * parameters, paging and errors of the protocol.
 */
export function odata({ version = 4, csrf = false, ...shared }: ODataOptions): ODataSource {
  const source: SourceInput = { ...shared, kind: 'odata', headers: { ...VERSION_HEADERS[version], ...shared.headers }, csrf: csrf === false ? null : { path: csrf === true ? '' : csrf } }
  const stream = (name: string, given: Omit<StreamInput, 'name'>): StreamRef => ({ kind: 'stream', source, stream: { name, ...given } })
  const write = (name: string, method: 'POST' | 'PATCH' | 'DELETE', path: string, { key, headers, ...action }: WriteOptions): ActionRef => ({
    kind: 'action',
    source,
    action: { name, path, method, headers: { ...headers }, ...action },
    key: key === undefined ? null : keyNames(key),
  })
  return {
    stream,
    action: (name, { key, ...action }) => ({ kind: 'action', source, action: { name, ...action }, key: key === undefined ? null : [key].flat() }),
    entity: (set, options = {}) => stream(set, entityStream(version, set, options)),
    create(set, options = {}) {
      const own = options.key === undefined ? {} : { lookup: { path: `/${address(version, set, options.key)}`, records: version === 2 ? 'd' : '' } }
      return write(`${set}.create`, 'POST', `/${set}`, { ...own, ...options })
    },
    update: (set, { ifMatch = '*', ...options }) => write(`${set}.update`, 'PATCH', `/${address(version, set, options.key)}`, { ...options, headers: { 'if-match': ifMatch, ...options.headers } }),
    delete: (set, { ifMatch = '*', ...options }) => write(`${set}.delete`, 'DELETE', `/${address(version, set, options.key)}`, { ...options, headers: { 'if-match': ifMatch, ...options.headers } }),
  }
}

const VERSION_HEADERS = { 2: { maxdataserviceversion: '2.0' }, 4: { 'odata-maxversion': '4.01' } } as const

function entityStream(version: 2 | 4, set: string, options: EntityOptions): Omit<StreamInput, 'name'> {
  const { select, filter, expand, orderby, size, paging = 'server', key = [], incremental, delta = false, query, headers, errors, parent, expect } = options
  if (incremental !== undefined && delta) throw new IsthmusError('InvalidInput', 'a stream has one kind of increment', { field: 'from.delta', cure: 'give incremental or delta' })
  const field = typeof incremental === 'string' ? { field: incremental } : incremental
  const order = orderby ?? (field?.order === 'ascending' ? `${field.field} asc` : undefined)
  const list = (value: string | string[]): string => [value].flat().join(',')
  const v2 = version === 2
  const prefer = [delta ? 'odata.track-changes' : '', size !== undefined && paging === 'server' && !v2 ? `odata.maxpagesize=${size}` : ''].filter(Boolean).join(', ')
  return {
    path: `/${set}`,
    records: v2 ? 'd.results' : 'value',
    key: [key].flat(),
    query: {
      ...(v2 && { $format: 'json' }),
      ...(select && { $select: select.join(',') }),
      ...(filter !== undefined && { $filter: filter }),
      ...(expand !== undefined && { $expand: list(expand) }),
      ...(order !== undefined && { $orderby: list(order) }),
      ...(paging === 'client' && (v2 ? { $inlinecount: 'allpages' } : { $count: 'true' })),
      ...query,
    },
    headers: { ...(prefer !== '' && { prefer }), ...headers },
    page:
      paging === 'client'
        ? { kind: 'offset', param: '$skip', size: size ?? 1000, sizeParam: '$top', total: v2 ? ['d', '__count'] : ['@odata.count'] }
        : { kind: 'nextUrl', next: v2 ? ['d', '__next'] : ['@odata.nextLink'] },
    ...(field && { incremental: increment(version, field, filter) }),
    ...(delta && { incremental: { kind: 'token' as const, token: v2 ? ['d', '__delta'] : ['@odata.deltaLink'] } }),
    ...(errors && { errors }),
    ...(parent && { parent }),
    ...(expect !== undefined && { expect }),
  }
}

type FieldOptions = Exclude<EntityOptions['incremental'], string | undefined>

function increment(version: 2 | 4, { field, type = version === 2 ? 'datetime' : 'datetimeoffset', ...rest }: FieldOptions, filter: string | undefined): NonNullable<StreamInput['incremental']> {
  const { literal, format } = literalOf(version, type)
  const since = `${field} ge ${literal}`
  const between = `${since} and ${field} lt ${literal.replace('{since}', '{until}')}`
  const and = (bounds: string): string => (filter === undefined ? bounds : `(${filter}) and ${bounds}`)
  // In a record a path has dots where OData writes slashes.
  return { kind: 'field', field: field.split('/'), send: '$filter', format, expression: and(since), until: '$filter', untilExpression: and(between), ...rest }
}

/** How the bound is written (OData 2: 6; OData 4.01 ABNF: primitiveLiteral). */
function literalOf(version: 2 | 4, type: ODataType): { literal: string; format: 'same' | 'iso' | 'local' | 'date' } {
  const v2 = version === 2
  switch (type) {
    case 'datetime':
      return v2 ? { literal: "datetime'{since}'", format: 'local' } : { literal: '{since}', format: 'iso' }
    case 'datetimeoffset':
      return v2 ? { literal: "datetimeoffset'{since}'", format: 'iso' } : { literal: '{since}', format: 'iso' }
    case 'date':
      return v2 ? { literal: "datetime'{since}T00:00:00'", format: 'date' } : { literal: '{since}', format: 'date' }
    case 'number':
      return { literal: '{since}', format: 'same' }
    case 'text':
      return { literal: "'{since}'", format: 'same' }
  }
}

function keyNames(key: ODataKey): string[] {
  return typeof key === 'string' ? [key] : Array.isArray(key) ? key : Object.keys(key)
}

/** The address of one entity: `Set('{Key}')`, `Set(A='{A}',B={B})`. */
function address(version: 2 | 4, set: string, key: ODataKey): string {
  const names = keyNames(key)
  const typeOf = (name: string): 'text' | 'number' | 'guid' => (typeof key === 'string' || Array.isArray(key) ? 'text' : key[name]!)
  const literal = (name: string): string => {
    const type = typeOf(name)
    return type === 'text' ? `'{${name}}'` : type === 'guid' && version === 2 ? `guid'{${name}}'` : `{${name}}`
  }
  if (names.length === 0) throw new IsthmusError('InvalidInput', `${set} needs a key`, { field: 'to.key', cure: "give key: 'Id'" })
  return names.length === 1 ? `${set}(${literal(names[0]!)})` : `${set}(${names.map((n) => `${n}=${literal(n)}`).join(',')})`
}
