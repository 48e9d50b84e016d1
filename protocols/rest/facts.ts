import { IsthmusError, pathKeys } from '../../model/index.ts'
import type { Path, Position, Stream } from '../../model/index.ts'
import { revive } from '../../model/json/index.ts'
import { compilePath, selectRecords } from '../../model/mapping/select.ts'
import { findLink } from '../http/index.ts'
import type { HttpResponse } from '../http/index.ts'

/** The value at a path, its number exact again: pages are parsed without reviving numbers that nobody looks at. */
function picker(path: Path): (value: unknown) => unknown {
  const get = compilePath(path)
  return (value) => revive(get(value))
}


/** What paging needs to know of a page. */
export interface Facts {
  records: number
  /** The records themselves, numbers still marked. */
  list: unknown[]
  /** null: the body does not say. */
  hasMore: boolean | null
  total: number | null
  totalPages: number | null
  /** Next cursor, search id or address as text; null when absent, null, '' or 'null'. */
  next: string | null
  /** Token or ETag from which the next run goes on. */
  mark: string | null
  /** Where the next part of a file begins. */
  range: Position | null
}

export type FactReader = (json: unknown, response: Pick<HttpResponse, 'headers'>) => Facts

/** Compiles what to read from the pages of a stream. The result throws Contract where the body is not as the plan describes. */
export function createFactReader(stream: Stream): FactReader {
  const { page } = stream
  const value = (path: Path | null) => (path === null ? () => undefined : picker(path))
  const counted = page.kind === 'page' || page.kind === 'offset' || page.kind === 'search' ? page : null
  const window = stream.window?.total ?? null
  const hasMore = value(counted?.hasMore ?? (page.kind === 'cursor' ? page.hasMore : null))
  const total = value(counted?.total ?? window)
  const totalPages = value(counted?.totalPages ?? null)
  const next = nextReader(stream)
  const mark = markReader(stream)
  const list = compilePath(stream.records)
  return (json, { headers }) => {
    const records = selectRecords(json, stream.records)
    if (records === undefined || !isSensible(json, list(json), stream)) throw missing(stream, json)
    return {
      records: records.length,
      list: records,
      hasMore: toFlag(hasMore(json)),
      total: toCount(total(json)),
      totalPages: toCount(totalPages(json)),
      next: next(json, headers, records),
      mark: mark(json, headers),
      range: null,
    }
  }
}

function nextReader({ page }: Stream): (json: unknown, headers: Record<string, string>, records: unknown[]) => string | null {
  switch (page.kind) {
    case 'link':
      return (_json, headers) => findLink(headers['link'], page.rel)
    case 'nextUrl': {
      const get = picker(page.next)
      return (json) => toCursor(get(json), false)
    }
    case 'cursor': {
      if (page.from === 'header') {
        const name = (Array.isArray(page.next) ? page.next.join('.') : page.next).toLowerCase()
        return (_json, headers) => toCursor(headers[name], true)
      }
      const get = picker(page.next)
      if (page.from === 'body') return (json) => toCursor(get(json), true)
      return (_json, _headers, records) => (records.length === 0 ? null : toCursor(get(records[records.length - 1]), false))
    }
    case 'search': {
      const get = picker(page.id)
      return (json) => toCursor(get(json), false)
    }
    case 'none':
    case 'page':
    case 'offset':
    case 'range':
      return () => null
  }
}

/** What the next run goes on from, for increments that are no field of the records. */
function markReader({ incremental }: Stream): (json: unknown, headers: Record<string, string>) => string | null {
  if (incremental?.kind === 'etag') return (_json, headers) => headers['etag'] ?? null
  if (incremental?.kind !== 'token') return () => null
  const get = picker(incremental.token)
  return (json) => toCursor(get(json), false)
}

/** A cursor as text. `zeroEnds`: a zero marks the end, as in APIs whose cursor starts there. */
function toCursor(value: unknown, zeroEnds: boolean): string | null {
  if (value === null || value === undefined || value === false) return null
  const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' || value instanceof Number
  if (!scalar) {
    throw new IsthmusError('Contract', `the next cursor is ${Array.isArray(value) ? 'a list' : `a ${typeof value}`}, not a text or number`, {
      field: 'from.page.next',
      cure: 'let `next` point at the cursor itself',
    })
  }
  const text = String(value)
  return text.trim() === '' || text === 'null' || (zeroEnds && text === '0') ? null : text
}

function toFlag(value: unknown): boolean | null {
  if (value === undefined) return null
  if (value === null || value === false) return false
  if (value instanceof Number || typeof value === 'number' || typeof value === 'bigint') return Number(value) !== 0
  if (typeof value === 'string') return !/^\s*(false|f|no|n|0|null|)\s*$/i.test(value)
  return true
}

function toCount(value: unknown): number | null {
  if (value === null || value === undefined || value === '' || typeof value === 'boolean') return null
  const count = Number(typeof value === 'object' && !(value instanceof Number) ? NaN : value)
  return Number.isSafeInteger(count) && count >= 0 ? count : null
}

/**
 * null counts as an empty list (several servers write it so). An object counts as one record only where nothing is paged, and
 * not as the whole body when that lacks the stream's key and holds a list of objects or an error: then `records` was forgotten,
 * or the API failed in an answer with status 200.
 */
function isSensible(body: unknown, found: unknown, stream: Stream): boolean {
  if (Array.isArray(found) || found === null) return true
  if (stream.page.kind !== 'none') return false
  const hasKey = stream.key.length > 0 && stream.key.every((path) => compilePath(path)(found) !== undefined)
  return found !== body || hasKey || isRecord(body as object)
}

function isRecord(body: object): boolean {
  return !Object.entries(body).some(
    ([key, value]) =>
      (/^(errors?|fault)$/i.test(key) && value !== null) || (Array.isArray(value) && value.some((v) => typeof v === 'object' && v !== null)),
  )
}

/** The error that tells where the path leaves the body, and which keys are there instead. */
function missing(stream: Stream, body: unknown): IsthmusError {
  const path: string[] = []
  let here = body
  for (const key of pathKeys(stream.records)) {
    if (key === '*' || typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) break
    here = (here as Record<string, unknown>)[key]
    path.push(key)
  }
  const wanted = pathKeys(stream.records).join('.')
  const where = path.length === 0 ? 'the body' : `\`${path.join('.')}\``
  const keys = typeof here === 'object' && here !== null && !Array.isArray(here) ? Object.keys(here) : null
  const shown = keys?.slice(0, 20).map((k) => k.slice(0, 40)).join(', ')
  const has = keys === null ? `is ${here === null ? 'null' : Array.isArray(here) ? 'a list' : `a ${typeof here}`}` : keys.length === 0 ? 'is an empty object' : `has the keys ${shown}`
  const lists = keys?.filter((k) => Array.isArray((here as Record<string, unknown>)[k])) ?? []
  const guess = lists.length === 1 ? ` such as '${[...path, lists[0]].join('.').slice(0, 80)}'` : ''
  return new IsthmusError('Contract', `there is no list of records at ${wanted === '' ? 'the top of the body' : `\`${wanted}\``}: ${where} ${has}`, {
    field: 'from.records',
    cure: `let \`records\` name the path of the list${guess}`,
  })
}

/** Of an answer without records. */
export const emptyFacts: Facts = { records: 0, list: [], hasMore: null, total: null, totalPages: null, next: null, mark: null, range: null }

/** The smallest JSON body without records, for an answer that rightly has none (204, or a page behind the last one). */
function emptyJson(records: Path): Buffer {
  const keys = pathKeys(records)
  const end = keys.indexOf('*')
  let body: unknown = []
  for (const key of keys.slice(0, end < 0 ? keys.length : end).reverse()) body = { [key]: body }
  return Buffer.from(JSON.stringify(body))
}

/** The smallest body without records in a stream's format. */
export function emptyBody({ format, records }: Pick<Stream, 'format' | 'records'>): Buffer {
  return format.kind === 'json' ? emptyJson(records) : Buffer.alloc(0)
}
