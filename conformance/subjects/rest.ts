import type { SourceInput, StreamInput } from '../../model/index.ts'
import type { Subject } from '../types.ts'
import { doubleSubject } from './double.ts'

type Described = [name: string, source: Partial<SourceInput>, stream: Partial<StreamInput>]
const env = (name: string): { env: string } => ({ env: name })
const oauth = { tokenUrl: '/oauth/token', clientId: env('ID'), clientSecret: env('SECRET') }
const increment = { field: 'updated_at', send: 'updated_since' }

const DESCRIBED: Described[] = [
  ['rest-page', { auth: { kind: 'apiKey', key: env('KEY') } }, { page: { kind: 'page', size: 5, sizeParam: 'per_page', totalPages: 'meta.pages' }, incremental: increment }],
  ['rest-page-silent', { auth: { kind: 'basic', username: env('USER'), password: env('PASSWORD') } }, { page: { kind: 'page', start: 0, param: 'p' } }],
  ['rest-offset', { auth: { kind: 'bearer', token: env('TOKEN') } }, { page: { kind: 'offset', size: 5, total: 'total' }, incremental: { ...increment, format: 'epochMs' } }],
  ['rest-cursor', { auth: { kind: 'oauth2ClientCredentials', ...oauth } }, { page: { kind: 'cursor', send: 'after', next: 'paging.next.after', hasMore: 'paging.more' }, incremental: increment }],
  ['rest-cursor-header', { auth: { kind: 'oauth2RefreshToken', ...oauth, refreshToken: env('REFRESH') } }, { page: { kind: 'cursor', send: 'locator', next: 'sforce-locator', from: 'header' } }],
  ['rest-cursor-key', { auth: { kind: 'apiKey', in: 'query', name: 'api_key', key: env('KEY') } }, { page: { kind: 'cursor', send: 'starting_after', next: 'id', from: 'lastRecord', hasMore: 'has_more' } }],
  ['rest-post', { auth: { kind: 'oauth1', consumerKey: env('CK'), consumerSecret: env('CS'), token: env('TOKEN'), tokenSecret: env('TS') } },
    { method: 'POST', body: { filter: { state: 'open', since: '{since}' } }, page: { kind: 'cursor', in: 'body', send: 'page.after', next: 'page.next', size: 5, sizeParam: 'page.limit' }, incremental: { field: 'updated_at' } }],
  ['rest-form', { auth: { kind: 'signedJwt', algorithm: 'RS256', key: env('PEM'), claims: {} } }, { method: 'POST', bodyFormat: 'form', body: { kind: 'all' }, page: { kind: 'page', in: 'body', param: 'page' } }],
  ['rest-query-language', {}, { query: { q: 'select * from orders offset {offset} limit {size}' }, page: { kind: 'offset', param: '', sizeParam: '', start: 1, size: 5, total: 'total' } }],
  ['rest-link', { auth: { kind: 'session', loginUrl: '/login', body: { user: env('U'), password: env('P') }, token: 'token', prefix: 'Bearer ' } }, { page: { kind: 'link', size: 5, sizeParam: 'n' } }],
  ['rest-next-url', { auth: { kind: 'bearer', token: env('TOKEN') }, query: { version: '3' } }, { page: { kind: 'nextUrl', next: 'links.next' } }],
  ['rest-search', {}, { path: '/search', method: 'POST', body: { q: 'all' }, page: { kind: 'search', id: 'search.id', totalPages: 'search.pages' }, more: { path: '/search/{cursor}/{page}', method: 'GET' } }],
  ['rest-windows', { auth: { kind: 'bearer', token: env('TOKEN') } },
    { method: 'POST', path: '/search', body: { from: '{from}', to: '{to}', above: '{after}' }, page: { kind: 'offset', in: 'body', param: 'offset', sizeParam: 'limit', size: 5, total: 'total' }, window: { start: '2025-12-01', size: '90d', cap: 10, total: 'total', minimum: '5m', split: 'id', lag: '5m' }, incremental: { field: 'updated_at' } }],
  ['rest-children', { auth: { kind: 'oauth2ClientCredentials', ...oauth } }, { path: '/accounts/{parent.id}/orders', page: { kind: 'cursor', send: 'after', next: 'next' }, parent: { stream: { name: 'accounts', path: '/accounts', records: 'data.items', key: 'id', page: { kind: 'page', totalPages: 'pages' } }, fields: ['id'], concurrency: 3 } }],
  ['rest-report', { auth: { kind: 'apiKey', key: env('KEY') } }, { path: '/reports/{job}/rows', page: { kind: 'cursor', send: 'after', next: 'next' }, job: { submit: { path: '/reports', body: { kind: 'orders' } }, id: 'id', poll: { path: '/reports/{job}' }, state: 'state', done: ['done'], failed: ['failed'], every: '20s' } }],
  ['rest-one-page', {}, { page: { kind: 'none' }, incremental: { kind: 'etag' } }],
  ['rest-changes', {}, { page: { kind: 'cursor', send: 'after', next: 'next' }, incremental: { kind: 'token', token: 'sync_token', send: 'sync_token' } }],
  ['rest-groups', {}, { records: 'edges.*.node', page: { kind: 'cursor', send: 'after', next: 'page.end', hasMore: 'page.more' } }],
  ['ndjson', {}, { format: 'ndjson', records: '', page: { kind: 'none' } }],
  ['csv', { auth: { kind: 'bearer', token: env('TOKEN') } }, { format: { kind: 'csv', delimiter: ';' }, records: '', page: { kind: 'page' } }],
  ['xml', { auth: { kind: 'basic', username: env('USER'), password: env('PASSWORD') } }, { format: 'xml', records: 'feed.items.item', key: '@id', page: { kind: 'cursor', send: 'after', next: 'feed.next' }, incremental: { field: 'changed', send: 'since' } }],
]

/** Every way of paging, signing in and writing that a REST stream can have. */
export const REST: Subject[] = DESCRIBED.map(([name, source, stream]) =>
  doubleSubject(name, { baseUrl: 'http://127.0.0.1/api', ...source }, { name, path: '/orders', records: 'data.items', key: 'id', ...stream }),
)
