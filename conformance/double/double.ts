import { fieldIncrementOf, pathKeys, streamSchema } from '../../model/index.ts'
import type { ParentPlan, RequestPart, Source, Stream } from '../../model/index.ts'
import { basePath } from '../account.ts'
import { bodyOf, listen } from '../listen.ts'
import type { Quirks } from '../types.ts'
import { fromJson, fromText, textAt, type Found } from './extract.ts'
import { sliceAt } from './paging.ts'
import { keyOf, makeRecords, momentOf, put, type Made } from './records.ts'
import { addTo, withRecords, writeBody } from './write.ts'

/** A request as the double reads it. */
export interface Asked {
  method: string
  path: string
  query: URLSearchParams
  headers: Record<string, string | string[] | undefined>
  body: unknown
}

export interface Reply {
  status: number
  headers: Record<string, string>
  text: string
}

export interface DoubleOptions {
  source: Source
  stream: Stream
  records: number
  pageSize: number
  quirks: Quirks
}

export interface Double {
  url: string
  keys: string[]
  since: { bound: string; keys: string[] } | null
  close(): Promise<void>
}

/** Parents of a stream that has some. */
const PARENTS = 7
const CHANGE_TOKEN = 'changes-1'

/**
 * Starts an API that does what a description says: it answers the requests the description makes, and no others, with records that have the
 * fields it names. It shows that the engine reads such an API without loss, not that the vendor's API is like that.
 */
export async function startDouble(options: DoubleOptions): Promise<Double> {
  const api = createApi(options)
  const server = await listen((req, sent, res) => {
    const url = new URL(req.url!, `http://${req.headers.host}`)
    const reply = api.answer({ method: req.method!, path: url.pathname, query: url.searchParams, headers: req.headers, body: bodyOf(sent.toString(), req.headers['content-type'] ?? '') }, url.origin)
    res.writeHead(reply.status, reply.headers)
    res.end(reply.text)
  })
  return { ...server, keys: api.keys, since: api.since }
}

interface Api {
  keys: string[]
  since: Double['since']
  answer(asked: Asked, origin: string): Reply
}

function createApi({ source, stream, records, pageSize, quirks }: DoubleOptions): Api {
  const { parent, job, incremental } = stream
  const parents = parent ? makeRecords(bare(parent), PARENTS, 'P') : []
  const names = parent ? [...new Set([...JSON.stringify({ ...stream, parent: null }).matchAll(/\{parent\.([^{}"]+)\}/g)].map((m) => m[1]!))] : []
  parents.forEach((p, n) => {
    for (const path of [...names, ...parent!.fields]) if (textAt(p, pathKeys(path).join('.')) === null) put(p, path, keyOf(n, 'P'))
  })
  const own: Made[] = makeRecords(stream, records)
  const key = (record: Made): string => stream.key.map((path) => textAt(record, pathKeys(path).join('.')) ?? '').join('/')
  // Parents have 0, 1, 2, ... children; the last ones share the rest.
  const ownerOf = (n: number): number => Math.min(PARENTS - 1, Math.floor(Math.sqrt(2 * n)))
  const increment = fieldIncrementOf(stream)
  const ofParent = increment !== null && pathKeys(increment.field)[0] === '_parent'
  const middle = Math.floor(records / 2)

  const matching = (found: Found): Made[] => {
    const since = found['since'] === undefined ? null : found['since']
    return own.filter((_, n) => {
      if (parent) {
        const p = parents[ownerOf(n)]!
        if (!names.every((name) => found[`parent.${name}`] === textAt(p, name))) return false
      }
      if (since !== null && increment && !ofParent && momentOf(n) < timeOf(since)) return false
      if (since !== null && incremental?.kind === 'token' && n < middle) return false
      if (found['from'] !== undefined && momentOf(n) < timeOf(found['from'])) return false
      if (found['to'] !== undefined && momentOf(n) >= timeOf(found['to'])) return false
      return found['after'] === undefined || found['after'] === '' || keyOf(n) > found['after']
    })
  }

  const page = (asked: Asked, found: Found, of: Stream, list: Made[], origin: string): Reply => {
    const slice = sliceAt(of, list, asked, found, pageSize, of === stream ? quirks : {}, origin)
    if (slice === null) return refusal(400, 'the place to go on from is not known (invalid cursor)')
    const body = withRecords(of.records, slice.records)
    for (const { path, value } of slice.fields) addTo(body, path, value)
    if (of === stream && incremental?.kind === 'token' && slice.last) addTo(body, incremental.token, incremental.send === '' && !JSON.stringify(stream).includes('{since}') ? `${origin}${asked.path}?_changes=${CHANGE_TOKEN}` : CHANGE_TOKEN)
    if (of === stream && stream.window?.total) addTo(body, stream.window.total, list.length)
    const { text, type } = writeBody(of.format, body)
    return { status: 200, headers: { 'content-type': type, ...(incremental?.kind === 'etag' ? { etag: '"v1"' } : {}), ...slice.headers }, text }
  }

  const submitted = new Map<string, number>()
  const answer = (asked: Asked, origin: string): Reply => {
    if (job) {
      if (fits(asked, { path: '', method: 'POST', ...defined(job.submit) }, stream)) {
        const id = `job-${submitted.size + 1}`
        submitted.set(id, 0)
        const body = {}
        if (job.from === 'body') put(body, job.id, id)
        return { status: 200, headers: { 'content-type': 'application/json', ...(job.from === 'header' ? { [String(job.id)]: id } : {}) }, text: JSON.stringify(body) }
      }
      const polled = fits(asked, { path: '', method: 'GET', ...defined(job.poll) }, stream)
      if (polled) {
        const times = submitted.get(polled['job'] ?? '')
        if (times === undefined) return refusal(404, 'no such job')
        submitted.set(polled['job']!, times + 1)
        const body: Made = {}
        put(body, job.state, times < 1 ? 'being prepared' : job.done[0])
        if (job.url) put(body, job.url, `${origin}/download`)
        return { status: 200, headers: { 'content-type': 'application/json' }, text: JSON.stringify(body) }
      }
      if (job.url && asked.path === '/download') return page(asked, found(asked, stream), stream, own, origin)
    }
    if (parent) {
      const outer: Stream = bare(parent)
      const asksParents = fits(asked, { path: outer.path, method: outer.method, body: outer.graphql ? { variables: outer.graphql.variables } : outer.body }, outer)
      if (asksParents) return page(asked, asksParents, outer, parents, origin)
    }
    const sent = stream.graphql ? { variables: stream.graphql.variables } : stream.body
    for (const part of [{ path: stream.path, method: stream.method, query: stream.query, body: sent }, ...(stream.more ? [{ path: stream.path, method: stream.method, query: stream.query, body: sent, ...defined(stream.more) }] : [])]) {
      const fit = fits(asked, part, stream)
      if (fit) {
        if (incremental?.kind === 'etag' && asked.headers['if-none-match'] === '"v1"') return { status: 304, headers: { etag: '"v1"' }, text: '' }
        return page(asked, fit, stream, matching(fit), origin)
      }
    }
    return refusal(404, `the description makes no such request: ${asked.method} ${asked.path}`)
  }
  const above = increment && !ofParent ? { bound: new Date(momentOf(middle)).toISOString(), keys: own.slice(middle).map(key) } : incremental?.kind === 'token' && incremental.send !== '' ? { bound: CHANGE_TOKEN, keys: own.slice(middle).map(key) } : null
  return { keys: own.map(key), since: above, answer }

  function found(asked: Asked, of: Stream): Found {
    return fits(asked, { path: asked.path, method: asked.method }, of) ?? {}
  }

  /** What the request says, if it is the one that this part makes; null if it is another one. */
  function fits(asked: Asked, part: { path: string; method: string; query?: unknown; body?: unknown }, of: Stream): Found | null {
    if (asked.method !== part.method) return null
    const [route, query = ''] = part.path.split('?') as [string, string?]
    const path = fromText(`${basePath(source)}/${route.replace(/^\//, '')}`.replace(/\/$/, ''), decodeURIComponent(asked.path).replace(/\/$/, ''), '([^/]+)')
    if (path === null) return null
    let all: Found = { ...path }
    for (const [name, template] of [...new URLSearchParams(query), ...Object.entries((part.query ?? {}) as Record<string, unknown>)]) {
      const value = asked.query.get(name)
      if (typeof template !== 'string') continue
      const inner = value === null ? fromJson(template, undefined) : fromText(template, value)
      if (inner === null) return null
      all = { ...all, ...inner }
    }
    if (part.method !== 'GET' && part.body !== null && part.body !== undefined) {
      const inner = fromJson(part.body, asked.body)
      if (inner === null) return null
      all = { ...all, ...inner }
    }
    const { incremental: inc } = of
    if (inc && inc.kind !== 'etag' && inc.send !== '') {
      const value = inc.in === 'query' ? asked.query.get(inc.send) : inc.in === 'header' ? asked.headers[inc.send.toLowerCase()] : textAt(asked.body, inc.send)
      if (value !== null && value !== undefined) all['since'] = String(value)
    }
    if (asked.query.has('_changes')) all['since'] = CHANGE_TOKEN
    return all
  }
}

/** A parent stream as one of its own. */
function bare({ stream }: ParentPlan): Stream {
  return streamSchema.parse(stream)
}

/** Parts of a request that are given. */
function defined(part: RequestPart): Partial<{ path: string; method: string; query: unknown; body: unknown }> {
  return Object.fromEntries(Object.entries(part).filter(([, v]) => v !== null))
}

function timeOf(text: string): number {
  if (!/^\d+$/.test(text)) return Date.parse(text)
  return Number(text) * (text.length >= 12 ? 1 : 1000)
}

function refusal(status: number, message: string): Reply {
  return { status, headers: { 'content-type': 'application/json' }, text: JSON.stringify({ error: message }) }
}
