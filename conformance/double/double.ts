import type { RequestPart, Source, Stream } from '../../model/index.ts'
import { basePath } from '../account.ts'
import { bodyOf, listen } from '../listen.ts'
import type { Quirks } from '../types.ts'
import { fromJson, fromText, textAt, type Found } from './extract.ts'
import { CHANGE_TOKEN, createData } from './data.ts'
import { put, type Made } from './records.ts'
import { writeBody } from './write.ts'

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

function createApi(options: DoubleOptions): Api {
  const { source, stream } = options
  const { parent, job, incremental } = stream
  const data = createData(options)
  const page = (asked: Asked, found: Found, of: Stream, list: Made[], origin: string): Reply => {
    const made = data.page(asked, found, of, list, origin)
    if (made === null) return refusal(400, 'the place to go on from is not known (invalid cursor)')
    const { text, type } = writeBody(of.format, made.body)
    return { status: 200, headers: { 'content-type': type, ...(incremental?.kind === 'etag' ? { etag: '"v1"' } : {}), ...made.headers }, text }
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
      if (job.url && asked.path === '/download') return page(asked, found(asked, stream), stream, data.own, origin)
    }
    if (parent) {
      const outer = data.parents!.stream
      const asksParents = fits(asked, { path: outer.path, method: outer.method, body: outer.graphql ? { variables: outer.graphql.variables } : outer.body }, outer)
      if (asksParents) return page(asked, asksParents, outer, data.parents!.records, origin)
    }
    const sent = stream.graphql ? { variables: stream.graphql.variables } : stream.body
    for (const part of [{ path: stream.path, method: stream.method, query: stream.query, body: sent }, ...(stream.more ? [{ path: stream.path, method: stream.method, query: stream.query, body: sent, ...defined(stream.more) }] : [])]) {
      const fit = fits(asked, part, stream)
      if (fit) {
        if (incremental?.kind === 'etag' && asked.headers['if-none-match'] === '"v1"') return { status: 304, headers: { etag: '"v1"' }, text: '' }
        return page(asked, fit, stream, data.matching(fit), origin)
      }
    }
    return refusal(404, `the description makes no such request: ${asked.method} ${asked.path}`)
  }
  return { keys: data.keys, since: data.since, answer }

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

/** Parts of a request that are given. */
function defined(part: RequestPart): Partial<{ path: string; method: string; query: unknown; body: unknown }> {
  return Object.fromEntries(Object.entries(part).filter(([, v]) => v !== null))
}

function refusal(status: number, message: string): Reply {
  return { status, headers: { 'content-type': 'application/json' }, text: JSON.stringify({ error: message }) }
}
