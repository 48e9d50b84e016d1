import type { Paging, Path, Stream } from '../../model/index.ts'
import { pathKeys } from '../../model/index.ts'
import type { Quirks } from '../types.ts'
import type { Asked } from './double.ts'
import { textAt, type Found } from './extract.ts'
import type { Made } from './records.ts'

/** One page of an answer. */
export interface Slice {
  records: Made[]
  /** What the body says beside them. */
  fields: { path: Path; value: unknown }[]
  headers: Record<string, string>
  last: boolean
}

/** The page that is asked for; null when its place is none. */
export function sliceAt(stream: Stream, list: Made[], asked: Asked, found: Found, pageSize: number, quirks: Quirks, origin: string): Slice | null {
  const { page } = stream
  const wanted = page.kind === 'none' || page.kind === 'range' ? list.length : Number(sizeAsked(page, asked, found) ?? pageSize)
  const size = page.kind === 'none' || page.kind === 'range' ? Math.max(1, list.length) : Math.min(wanted, pageSize)
  const at = startOf(stream, list, asked, found, size)
  if (at === null) return null
  const nth = Math.floor(at.start / size)
  // An empty page in the middle moves the others back by one.
  const holdsNothing = quirks.emptyPage === nth && !at.moved
  const records = holdsNothing ? [] : list.slice(at.start, at.start + size)
  const end = at.start + records.length
  const last = !holdsNothing && end >= list.length
  const stuck = quirks.repeatFrom !== undefined && nth >= quirks.repeatFrom
  const next = stuck ? Math.max(0, quirks.repeatFrom! * size) : end
  const slice: Slice = { records, fields: [], headers: {}, last: last && !stuck }
  const say = (path: Path | null, value: unknown): void => void (path !== null && slice.fields.push({ path, value }))
  const goes = !slice.last
  switch (page.kind) {
    case 'page':
    case 'offset':
      say(page.hasMore, goes)
      say(page.total, list.length)
      say(page.totalPages, Math.ceil(list.length / size))
      break
    case 'search':
      say(page.id, 'search-1')
      say(page.hasMore, goes)
      say(page.total, list.length)
      say(page.totalPages, Math.max(1, Math.ceil(list.length / size)))
      break
    case 'cursor': {
      say(page.hasMore, goes)
      const cursor = goes ? `${holdsNothing ? 'm' : 'c'}${next}` : null
      if (page.from === 'body') say(page.next, cursor)
      if (page.from === 'header') slice.headers[pathKeys(page.next).join('.')] = cursor ?? 'null'
      break
    }
    case 'link':
      if (goes) slice.headers['link'] = `<${addressOf(asked, origin, next, holdsNothing)}>; rel="${page.rel}"`
      break
    case 'nextUrl':
      // Half of the APIs write it relative to the host.
      say(page.next, goes ? addressOf(asked, next % 2 === 0 ? origin : '', next, holdsNothing) : undefined)
      break
    case 'none':
    case 'range':
      break
  }
  return slice
}

function addressOf(asked: Asked, origin: string, next: number, moved: boolean): string {
  const query = new URLSearchParams(asked.query)
  query.set('_at', String(next))
  if (moved) query.set('_moved', '1')
  return `${origin}${asked.path}?${query}`
}

type Paged = Exclude<Paging, { kind: 'none' } | { kind: 'range' }>

function sizeAsked(page: Paged, asked: Asked, found: Found): string | null {
  return found['size'] ?? (page.sizeParam === '' ? null : given(page.in, page.sizeParam, asked))
}

function given(where: 'query' | 'body' | 'header', name: string, asked: Asked): string | null {
  if (where === 'query') return asked.query.get(name)
  if (where === 'header') return (asked.headers[name.toLowerCase()] as string | undefined) ?? null
  return textAt(asked.body, name)
}

/** Where the page begins. `moved`: the empty page lies behind. */
function startOf({ page }: Stream, list: Made[], asked: Asked, found: Found, size: number): { start: number; moved: boolean } | null {
  switch (page.kind) {
    case 'none':
    case 'range':
      return { start: 0, moved: false }
    case 'page': {
      const n = Number(found['page'] ?? (page.param === '' ? page.start : (given(page.in, page.param, asked) ?? page.start)))
      return { start: (n - page.start) * size, moved: false }
    }
    case 'offset': {
      const n = Number(found['offset'] ?? (page.param === '' ? page.start : (given(page.in, page.param, asked) ?? page.start)))
      return { start: n - page.start, moved: false }
    }
    case 'search': {
      if (found['cursor'] === undefined || found['cursor'] === '') return { start: 0, moved: false }
      return found['cursor'] === 'search-1' ? { start: (Number(found['page']) - page.start) * size, moved: false } : null
    }
    case 'cursor': {
      const cursor = found['cursor'] || (page.send === '' ? null : given(page.in, page.send, asked))
      if (cursor === null || cursor === undefined || cursor === '') return { start: 0, moved: false }
      if (page.from === 'lastRecord') {
        const at = list.findIndex((r) => textAt(r, pathKeys(page.next).join('.')) === cursor)
        return at < 0 ? null : { start: at + 1, moved: false }
      }
      const n = /^([cm])(\d+)$/.exec(cursor)
      return n ? { start: Number(n[2]), moved: n[1] === 'm' } : null
    }
    case 'link':
    case 'nextUrl':
      return { start: Number(asked.query.get('_at') ?? 0), moved: asked.query.has('_moved') }
  }
}
