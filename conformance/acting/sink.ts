import { pathKeys, placeholders } from '../../model/index.ts'
import type { Action, Condition, Path, Source } from '../../model/index.ts'
import { basePath } from '../account.ts'
import { textAt } from '../double/extract.ts'
import { put, type Made } from '../double/records.ts'
import { writeBody } from '../double/write.ts'
import { bodyOf, listen } from '../listen.ts'

/** What a record came to at the API. */
export interface Effect {
  record: Record<string, string>
  method: string
}

/** An API that does what an action's description says: it takes records, knows repeated keys where the action has one, answers look-ups. */
export interface Sink {
  url: string
  effects: Effect[]
  close(): Promise<void>
}

type Values = Record<string, string>

export async function startSink(source: Source, action: Action, key: string[], refuses: string | null): Promise<Sink> {
  const effects: Effect[] = []
  const template = action.graphql ? { variables: action.graphql.variables } : action.body
  const done = new Map<string, { status: number; text: string }>()
  const answer = (method: string, url: URL, headers: Record<string, string | string[] | undefined>, text: string): { status: number; text: string; type: string } => {
    const path = url.pathname
    const body = bodyOf(text, String(headers['content-type'] ?? ''))
    const looked = action.lookup && method === action.lookup.method && match(source, action.lookup.path, path, action.lookup.query, url.searchParams, action.lookup.body, body)
    if (looked && (method !== action.method || path !== pathOf(source, action.path))) return found(looked)
    const first = method === action.method ? match(source, action.path, path, action.query, url.searchParams, null, null) : null
    if (first === null) return { status: 404, text: '{"error":"the description makes no such request"}', type: 'application/json' }
    const records = recordsOf(body, first)
    const { idempotency } = action
    const given = idempotency === null ? null : idempotency.header !== undefined ? headers[idempotency.header.toLowerCase()] : idempotency.query !== undefined ? url.searchParams.get(idempotency.query) : action.batch ? null : textAt(body, idempotency.field!)
    if (idempotency && !action.batch && !given) return { status: 400, text: '{"error":"no idempotency key"}', type: 'application/json' }
    const known = typeof given === 'string' ? done.get(given) : undefined
    if (known) return { ...known, status: idempotency!.repeated[0] ?? known.status, type: 'application/json' }
    // An answer that speaks for all records of a batch takes all of them or none.
    const whole = action.batch !== null && action.batch.results === null
    const bad = whole && records.some(isRefused)
    const results = bad ? records.map((record) => ({ record, ok: false })) : records.map((record, i) => take(record, method, body, i))
    const reply = replyOf(results)
    if (typeof given === 'string') done.set(given, reply)
    return { ...reply, type: 'application/json' }
  }

  const isRefused = (record: Values): boolean => refuses !== null && key.some((k) => record[k] === refuses)
  const take = (record: Values, method: string, body: unknown, i: number): { record: Values; ok: boolean } => {
    if (isRefused(record)) return { record, ok: false }
    const field = action.idempotency?.field
    const own = field !== undefined && action.batch ? textAt(listOf(body)[i], field) : null
    if (own !== null && done.has(own)) return { record, ok: true }
    if (own !== null) done.set(own, { status: 200, text: '' })
    effects.push({ record, method })
    return { record, ok: true }
  }

  const listOf = (body: unknown): unknown[] => {
    const at = action.batch!.records === '' ? body : (body as Made)[action.batch!.records]
    return Array.isArray(at) ? at : []
  }

  function recordsOf(body: unknown, first: Values): Values[] {
    const { batch } = action
    if (batch === null) return [{ ...first, ...(read(template, body) ?? {}) }]
    return listOf(body).map((item) => {
      const inner = batch.item === null ? item : insideOf(batch.item, item)
      return read(template, inner) ?? {}
    })
  }

  function replyOf(results: { record: Values; ok: boolean }[]): { status: number; text: string } {
    const { batch } = action
    const value: Made = {}
    const one = (ok: boolean, n: number, record: Values): Made => {
      const result: Made = {}
      const condition = batch?.success ?? (batch ? null : action.success)
      if (condition) satisfy(result, condition, ok)
      else if (!ok) put(result, 'error', 'refused by the conformance suite')
      if (ok && action.id !== null) put(result, action.id, `remote-${n}`)
      if (!ok && action.reason !== null) put(result, action.reason, 'refused by the conformance suite')
      if (batch?.key) put(result, batch.key.result, record[batch.key.column])
      return result
    }
    if (batch?.results) {
      const list = results.map(({ ok, record }, n) => one(ok, n, record))
      if (pathKeys(batch.results).length === 0) return { status: 200, text: JSON.stringify(list) }
      put(value, batch.results, list)
      if (action.success) satisfy(value, action.success, true)
      return { status: 200, text: JSON.stringify(value) }
    }
    const ok = results.every((r) => r.ok)
    const single = one(ok, effects.length, results[0]?.record ?? {})
    return write({ status: ok || action.success !== null ? 200 : 422, value: single })
  }

  function write({ status, value }: { status: number; value: Made }): { status: number; text: string } {
    return { status, text: action.format.kind === 'json' ? JSON.stringify(value) : writeBody(action.format, { answer: value }).text }
  }

  function found(asked: Values): { status: number; text: string; type: string } {
    const lookup = action.lookup!
    const hit = effects.filter(({ record }) => Object.entries(asked).every(([k, v]) => record[k] === v)).at(-1)
    if (!hit && lookup.records === '') return { status: 404, text: '{}', type: 'application/json' }
    const record: Made = {}
    if (hit) for (const [field, template] of Object.entries(lookup.match)) put(record, field, template.replace(/\{([^{}]+)\}/g, (_, name: string) => hit.record[name] ?? ''))
    if (hit && lookup.id !== null) put(record, lookup.id, 'remote-1')
    if (hit && Object.keys(record).length === 0) record['found'] = true
    const body: Made = {}
    if (pathKeys(lookup.records).length === 0) return { status: 200, text: JSON.stringify(record), type: 'application/json' }
    put(body, lookup.records, hit ? [record] : [])
    return { status: 200, text: JSON.stringify(body), type: 'application/json' }
  }

  const server = await listen((req, body, res) => {
    const { status, text, type } = answer(req.method!, new URL(req.url!, 'http://x'), req.headers, body.toString())
    res.writeHead(status, { 'content-type': type })
    res.end(text)
  })
  return { ...server, effects }
}

function pathOf(source: Source, path: string): string {
  const base = basePath(source)
  return path === '' ? base || '/' : `${base}/${path.split('?')[0]!.replace(/^\//, '')}`
}

/** Column values in path, query and body; null when it is another request. */
function match(source: Source, path: string, asked: string, query: Record<string, string>, given: URLSearchParams, body: unknown, sent: unknown): Values | null {
  let all = fits(pathOf(source, path), decodeURIComponent(asked), '([^/]+)')
  for (const [name, template] of Object.entries(query)) {
    const inner = all && fits(template, given.get(name) ?? '', '(.*)')
    all = inner && { ...all, ...inner }
  }
  const inner = body === null ? {} : read(body, sent)
  return all && inner && { ...all, ...inner }
}

function fits(template: string, text: string, value: string): Values | null {
  const names = placeholders(template)
  const source = template.split(/\{[^{}]+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join(value)
  const hit = new RegExp(`^${source}$`, 's').exec(text)
  return hit && Object.fromEntries(names.map((n, i) => [n, hit[i + 1]!]))
}

/** Column values of a record by its template; all its fields when there is none. */
function read(template: unknown, value: unknown): Values | null {
  if (template === null) return value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, String(v)])) : {}
  if (typeof template === 'string') return value === null || value === undefined ? null : fits(template, String(value), '(.*)')
  if (typeof template !== 'object') return {}
  let all: Values = {}
  for (const [k, part] of Object.entries(template!)) {
    const inner = read(part === null ? '' : part, part === null ? '' : (value as Made | null)?.[k])
    if (inner) all = { ...all, ...inner }
  }
  return all
}

/** What stands at `{record}` of a batch's item. */
function insideOf(template: unknown, value: unknown): unknown {
  if (template === '{record}') return value
  if (template === null || typeof template !== 'object') return undefined
  for (const [k, part] of Object.entries(template)) {
    const inner = insideOf(part, (value as Made | null)?.[k])
    if (inner !== undefined) return inner
  }
  return undefined
}

/** Makes a condition hold, or not. */
function satisfy(object: Made, { path, in: among, notIn, empty, contains }: Condition, ok: boolean): void {
  const say = (value: unknown): void => void (value !== undefined && put(object, path as Path, value))
  if (among) say(ok ? among[0] : typeof among[0] === 'boolean' ? !among[0] : 'conformance-refused')
  else if (notIn) say(ok ? 'conformance-fine' : notIn[0])
  else if (contains) say(ok ? contains[0] : '')
  // Holds with nothing there when `empty`, with something when not.
  else if (empty !== undefined && empty !== ok) say(['refused by the conformance suite'])
  else if (empty === true) say([])
}
