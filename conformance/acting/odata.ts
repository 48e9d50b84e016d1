import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { placeholders } from '../../model/index.ts'
import type { Action } from '../../model/index.ts'
import { basePath } from '../account.ts'
import { bodyOf, listen } from '../listen.ts'
import { REFUSED } from '../said.ts'
import { insideOf, match, pathOf, read, type Values } from './read.ts'
import type { Effect, Sink, SinkOptions } from './types.ts'

/** Entities that are there before an action changes or deletes them. */
const SEEDED = 60

interface Reply {
  status: number
  value?: unknown
  headers?: Record<string, string>
}

/** An action writes an entity, or several by `$batch`, as `odata(...)` does. */
export function isEntityWrite({ path, batch, graphql, soap }: Action): boolean {
  return graphql === null && soap === null && (batch === null ? /^\/?\w+(\([^/]*\))?$/.test(path) : /^\/?\$batch$/.test(path) && batch.records === 'requests')
}

/**
 * A service of OData 2 or 4 that takes writes, from the specifications: POST of what is there already is refused (409), PATCH, MERGE (2, in a header of a POST as well)
 * and DELETE want an `If-Match` and something that is there; `$batch` is JSON (4.01) and stops at the first error unless told to go on.
 * Where the source has `csrf`, writes want the token together with the cookie it came with.
 */
export async function startODataSink({ source, action, key, refuses }: SinkOptions): Promise<Sink> {
  const v2 = 'maxdataserviceversion' in source.headers
  const effects: Effect[] = []
  const entities = new Map<string, { etag: number; values: Values }>()
  const sessions = new Map<string, string>()
  const nameOf = (values: Values): string => key.map((k) => values[k]).join('/')
  if (action.method !== 'POST' || action.path.includes('(')) {
    for (let n = 0; n < SEEDED; n++) entities.set(nameOf(Object.fromEntries(key.map((k) => [k, `${k}-${n}`]))), { etag: 1, values: {} })
  }
  const refusal = (status: number, code: string, message: string): Reply => ({
    status,
    value: { error: v2 ? { code, message: { lang: 'en', value: message }, innererror: { errordetails: [{ code, message, severity: 'error' }] } } : { code, message } },
  })
  const entity = (values: Values): unknown => (v2 ? { d: { ...values, __metadata: { type: 'Shop.Order' } } } : { '@odata.context': '$metadata#Orders/$entity', ...values })

  const create = (values: Values): Reply => {
    const name = nameOf(values)
    if (values[key[0]!] === refuses) return refusal(400, 'SHOP/017', REFUSED)
    if (entities.has(name)) return refusal(409, 'SHOP/001', `an entity with the key ${name} exists already`)
    entities.set(name, { etag: 1, values })
    effects.push({ method: 'POST', record: values })
    return { status: 201, value: entity(values), headers: { location: `${basePath(source)}/Orders('${name}')` } }
  }
  const change = (method: string, address: Values, values: Values, ifMatch: string | undefined): Reply => {
    const name = nameOf(address)
    const found = entities.get(name)
    if (address[key[0]!] === refuses) return refusal(400, 'SHOP/017', REFUSED)
    if (!found) return refusal(404, 'SHOP/004', `there is no ${name}`)
    if (ifMatch === undefined) return refusal(428, 'SHOP/005', 'If-Match is missing')
    if (ifMatch !== '*' && ifMatch !== `W/"${found.etag}"`) return refusal(412, 'SHOP/006', 'the entity was changed meanwhile')
    if (method === 'DELETE') entities.delete(name)
    else entities.set(name, { etag: found.etag + 1, values: { ...found.values, ...address, ...values } })
    effects.push({ method, record: { ...address, ...values } })
    return { status: 204 }
  }
  const batch = (body: { requests?: { id: string; method: string; url: string; body?: unknown }[] }, goesOn: boolean): Reply => {
    const responses: unknown[] = []
    for (const one of body.requests ?? []) {
      const record = read(action.body, action.batch!.item === null ? one : insideOf(action.batch!.item, one))
      const { status, value = null } = one.method === 'POST' && one.url === 'Orders' && record ? create(record) : refusal(404, 'SHOP/002', `there is no ${one.method} ${one.url}`)
      responses.push({ id: one.id, status, body: value })
      // OData 4.01 JSON, 19.1: continue-on-error.
      if (status >= 400 && !goesOn) break
    }
    return { status: 200, value: { responses } }
  }

  const answer = (given: string, url: URL, headers: IncomingHttpHeaders, text: string): Reply => {
    const method = given === 'POST' && typeof headers['x-http-method'] === 'string' ? headers['x-http-method'] : given
    const path = url.pathname
    if (method === 'GET') {
      if (/^fetch$/i.test(String(headers['x-csrf-token'] ?? ''))) return handOut(path)
      const asked = action.lookup && match(source, action.lookup.path, path, action.lookup.query, url.searchParams, null, null)
      const found = asked && entities.get(nameOf(asked))
      return found ? { status: 200, value: entity({ ...asked, ...found.values }) } : refusal(404, 'SHOP/004', 'there is no such entity')
    }
    const token = String(headers['x-csrf-token'] ?? '')
    if (source.csrf && (!sessions.has(token) || headers.cookie !== `SAP_SESSION=${sessions.get(token)}`)) return { ...refusal(403, 'CSRF', 'CSRF token validation failed'), headers: { 'x-csrf-token': 'Required' } }
    if (method !== 'DELETE' && !/^application\/json/.test(headers['content-type'] ?? '')) return refusal(415, 'SHOP/009', 'send JSON')
    const address = match(source, action.path, path, action.query, url.searchParams, null, null)
    if (address === null) return refusal(404, 'SHOP/002', `there is no ${path}`)
    const body = bodyOf(text, 'application/json')
    if (action.batch) return batch(body as never, /continue-on-error(?:\s*=\s*true)?(?:,|$)/.test(String(headers['prefer'] ?? '')))
    const values = method === 'DELETE' ? {} : { ...address, ...read(action.body, body) }
    if (placeholders(action.path).length === 0) return method === 'POST' ? create(values) : refusal(405, 'SHOP/003', `${method} wants an entity`)
    if (!['PATCH', 'DELETE', ...(v2 ? ['MERGE'] : [])].includes(method)) return refusal(405, 'SHOP/003', `an entity takes no ${method}`)
    return change(method, address, values, headers['if-match'])
  }
  /** The root of the service, with its slash, and the path that the source names hand out tokens. */
  const handOut = (path: string): Reply => {
    if (path !== pathOf(source, source.csrf?.path || '/')) return refusal(404, 'SHOP/002', `there is no ${path}`)
    const [token, session] = [randomUUID(), randomUUID()]
    sessions.set(token, session)
    return { status: 200, value: v2 ? { d: { EntitySets: ['Orders'] } } : { value: [] }, headers: { 'x-csrf-token': token, 'set-cookie': `SAP_SESSION=${session}; path=/; HttpOnly` } }
  }

  const server = await listen((req, body, res) => {
    const { status, value, headers } = answer(req.method!, new URL(req.url!, 'http://x'), req.headers, body.toString())
    res.writeHead(status, { ...(value === undefined ? {} : { 'content-type': 'application/json' }), ...(v2 ? { dataserviceversion: '2.0' } : { 'odata-version': '4.0' }), ...headers })
    res.end(value === undefined ? undefined : JSON.stringify(value))
  })
  return { ...server, effects }
}
