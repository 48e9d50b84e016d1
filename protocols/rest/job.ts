import { durationMs, IsthmusError } from '../../model/index.ts'
import type { JobPlan, PageStop, Position, RequestPart, Stream } from '../../model/index.ts'
import { jsonText, revive, stringifyExact } from '../../model/json/index.ts'
import { compilePath } from '../../model/mapping/index.ts'
import { originOf } from '../http/index.ts'
import { openConnection } from './connection.ts'
import { NO_LAYERS } from './layers.ts'
import { newMemory } from './memory.ts'
import { readPass } from './pass.ts'
import type { Read } from './read-pages.ts'
import { orStop, refused } from './stops.ts'
import type { ReadOptions, ReadResult, RestReader } from './types.ts'

type JobPosition = Extract<Position, { kind: 'job' }>

/** The first request of a job, as parts of its stream. */
export function submitOf(part: RequestPart): Pick<Stream, 'path' | 'method' | 'query' | 'body' | 'more' | 'records' | 'page'> {
  return { path: part.path ?? '', method: part.method ?? 'POST', query: part.query ?? {}, body: part.body, more: null, records: '', page: { kind: 'none' } }
}

/**
 * A report that the API prepares: submits it, asks about it each time it is called, and reads its pages when it is done. While it is not, the
 * stop is `throttled` until the next time to ask: the workflow waits, and no worker is held.
 */
export async function readJob(options: ReadOptions, read: Read): Promise<ReadResult> {
  const plan = options.reader.stream.job!
  const { now = Date.now } = options
  let requests = 0
  let at = options.position?.kind === 'job' ? options.position : null
  if (at === null) {
    const submitted = await ask(options, plan.submit, 'POST', {})
    requests += submitted.requests
    if ('stop' in submitted) return { stop: submitted.stop, position: null, requests }
    const id = textOf(plan.from === 'header' ? submitted.headers[String(plan.id).toLowerCase()] : compilePath(plan.id)(submitted.value))
    if (id === '') return { stop: refused('Contract', 'the answer to the submitted job does not hold its id', 'from.job.id', 'compare `id` with the answer'), position: null, requests }
    at = { kind: 'job', job: id, sinceMs: now(), ready: false, url: null, at: null }
  }
  let mayRenew = at.ready
  for (;;) {
    if (!at.ready) {
      const asked: Polled = await poll(options, plan, at)
      requests += asked.requests
      if ('stop' in asked) return { stop: asked.stop, position: asked.stop.kind === 'positionLost' ? null : at, requests }
      at = asked.at
    }
    const { job, url } = at
    const opened = orStop(() => downloadFrom(options.reader, url))
    if ('stop' in opened) return { stop: opened.stop, position: at, requests }
    let here: JobPosition = at
    const result = await read({
      ...options,
      reader: opened.reader,
      position: at.at,
      vars: { ...options.vars, job },
      onPage: async (page) => {
        const next: JobPosition | null = page.next === null ? null : { ...here, at: page.next }
        await options.onPage({ ...page, next })
        if (next) here = next
      },
    }).finally(() => opened.close())
    requests += result.requests
    // An address that was handed out earlier may have lapsed: another one is asked for.
    if (result.stop.kind === 'refused' && url !== null && mayRenew && here === at) {
      mayRenew = false
      at = { ...at, ready: false, url: null }
      continue
    }
    return { ...result, position: result.stop.kind === 'done' ? null : here, requests }
  }
}

type Polled = { at: JobPosition; requests: number } | { stop: PageStop; requests: number }

async function poll(options: ReadOptions, plan: JobPlan, at: JobPosition): Promise<Polled> {
  const { now = Date.now } = options
  const asked = await ask(options, plan.poll, 'GET', { job: at.job })
  const { requests } = asked
  if ('stop' in asked) {
    const { stop } = asked
    const gone = stop.kind === 'refused' && /HTTP (404|410)\b/.test(stop.reason)
    return { stop: gone ? { kind: 'positionLost', reason: `the job is gone: ${stop.reason}` } : stop, requests }
  }
  const state: unknown = revive(compilePath(plan.state)(asked.value))
  const is = (list: unknown[]): boolean => list.some((v) => JSON.stringify(v) === stringifyExact(state))
  if (is(plan.done)) return { at: { ...at, ready: true, url: plan.url === null ? null : addressOf(options, plan, asked.value) }, requests }
  if (is(plan.failed)) {
    const why = plan.reason === null ? '' : textOf(compilePath(plan.reason)(asked.value))
    return { stop: refused('Contract', `the job ended as ${textOf(state)}${why === '' ? '' : `: ${why.slice(0, 200)}`}`, 'from.job', 'look the job up at the API; retry submits a new one'), requests }
  }
  if (state === undefined) return { stop: refused('Contract', 'the answer does not say how far the job is', 'from.job.state', 'compare `state` with the answer'), requests }
  if (now() - at.sinceMs > durationMs(plan.timeout)) return { stop: { kind: 'positionLost', reason: `the job was not done after ${plan.timeout}` }, requests }
  return { stop: { kind: 'throttled', untilMs: now() + durationMs(plan.every), reason: `the API prepares the report (${textOf(state).slice(0, 60)})` }, requests: requests }
}

function addressOf({ reader }: ReadOptions, plan: JobPlan, value: unknown): string {
  const text = textOf(compilePath(plan.url!)(value))
  try {
    return new URL(text, reader.connection.baseUrl).href
  } catch {
    throw new IsthmusError('Contract', 'the answer holds no address to download from', { field: 'from.job.url', cure: 'compare `url` with the answer' })
  }
}

type Asked = ({ value: unknown; headers: Record<string, string> } | { stop: PageStop }) & { requests: number }

/** One request of the job; its answer as it is. */
async function ask(options: ReadOptions, part: RequestPart, method: RequestPart['method'] & string, vars: { job?: string }): Promise<Asked> {
  const { reader } = options
  const stream: Stream = { ...reader.stream, ...submitOf({ ...part, method: part.method ?? method }), headers: { ...reader.stream.headers, ...part.headers }, soap: part.soap, format: { kind: 'json' }, incremental: null, ...NO_LAYERS, graphql: part.graphql }
  let found: { value: unknown; headers: Record<string, string> } | null = null
  const result = await readPass({
    ...options,
    reader: { ...reader, stream, memory: newMemory() },
    position: null,
    raw: true,
    vars: { ...options.vars, ...vars },
    budget: { untilMs: Infinity, bytes: Infinity, requests: 1 },
    onAnswer: (headers) => {
      found = { value: null, headers }
    },
    onPage: async (page) => {
      found = { value: page.list[0], headers: found?.headers ?? {} }
    },
  })
  if (found === null || result.stop.kind !== 'done') return { stop: result.stop, requests: result.requests }
  return { ...(found as { value: unknown; headers: Record<string, string> }), requests: result.requests }
}

/** The reader of a report's pages: at an address of its own without credentials, unless that is the connection's own. */
function downloadFrom(reader: RestReader, url: string | null): { reader: RestReader; close(): Promise<void> } {
  if (url === null) return { reader, close: async () => {} }
  const stream: Stream = { ...reader.stream, path: url, query: {}, more: null }
  const source = { ...reader.source, query: {} }
  if (originOf(url) === originOf(reader.connection.baseUrl)) return { reader: { ...reader, stream, source }, close: async () => {} }
  const bare = { ...source, baseUrl: url, headers: {}, auth: { kind: 'none' as const }, origins: [], soap: null }
  const connection = openConnection({ source: bare, resolve: reader.resolve })
  return { reader: { ...reader, source: bare, stream: { ...stream, headers: {} }, connection, auth: connection.authenticator }, close: () => connection.close() }
}

function textOf(value: unknown): string {
  const plain: unknown = revive(value)
  return plain === undefined || plain === null ? '' : jsonText(plain)
}
