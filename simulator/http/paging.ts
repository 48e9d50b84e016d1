import type { Between } from '../data/collection.ts'
import type { Dataset } from '../data/dataset.ts'
import type { CollectionName } from '../data/types.ts'
import type { SimulatorConfig } from '../options.ts'
import type { Answer } from './answer.ts'
import { Refusal } from './answer.ts'
import type { CursorAge } from './params.ts'
import { between, cursorStamp, cursorText, pageSize, wholeNumber } from './params.ts'

export const STYLES = ['page', 'offset', 'cursor', 'link', 'nexturl'] as const
export type Style = (typeof STYLES)[number]

/** One request for a page. */
export interface PageRequest {
  dataset: Dataset
  config: SimulatorConfig
  collection: CollectionName
  params: URLSearchParams
  /** Absolute address of the route, without query. */
  url: string
  cursors: CursorAge
}

interface Wanted extends PageRequest {
  bounds: Between
  size: number
  total: number
}

/** The page a request asks for, in the form of a paging style. */
export function pageAnswer(style: Style, request: PageRequest): Answer {
  const bounds = between(request.params)
  const wanted = { ...request, bounds, size: pageSize(request.params, request.config), total: request.dataset.collections[request.collection].total(bounds) }
  switch (style) {
    case 'page':
      return byPage(wanted)
    case 'offset':
      return byOffset(wanted)
    case 'cursor':
      return byCursor(wanted)
    case 'link':
      return byLink(wanted)
    case 'nexturl':
      return byNextUrl(wanted)
  }
}

/** Which style a request to `/v1/...` means by its parameters. */
export function styleOf(params: URLSearchParams): Style {
  return params.has('after') ? 'cursor' : params.has('offset') ? 'offset' : 'page'
}

function byPage(w: Wanted): Answer {
  const page = wholeNumber(w.params, 'page', 1, 1)
  return build(w, (page - 1) * w.size, '{"data":[', () => `],"page":${page},"per_page":${w.size},"total":${w.total},"total_pages":${Math.ceil(w.total / w.size)}}`)
}

function byOffset(w: Wanted): Answer {
  const offset = wholeNumber(w.params, 'offset', 0, 0)
  return build(w, offset, '{"items":[', () => `],"total":${w.total},"offset":${offset},"limit":${w.size}}`)
}

function byCursor(w: Wanted): Answer {
  const from = position(w, 'after')
  return build(w, from, '{"result":{"records":[', (last, count) => {
    const more = from + count < w.total
    return `]},"meta":{"next_cursor":${more ? `"${cursorText(w.collection, last, w.cursors.age)}"` : 'null'},"has_more":${more},"total":${w.total}}}`
  })
}

function byLink(w: Wanted): Answer {
  const page = wholeNumber(w.params, 'page', 1, 1)
  const pages = Math.max(1, Math.ceil(w.total / w.size))
  const to = (n: number, rel: string) => `<${address(w, { page: `${n}`, per_page: `${w.size}` })}>; rel="${rel}"`
  const links = [...(page > 1 ? [to(1, 'first'), to(page - 1, 'prev')] : []), ...(page < pages ? [to(page + 1, 'next'), to(pages, 'last')] : [])]
  const answer = build(w, (page - 1) * w.size, '[', () => ']')
  answer.headers['X-Total-Count'] = `${w.total}`
  if (links.length > 0) answer.headers['Link'] = links.join(', ')
  return answer
}

function byNextUrl(w: Wanted): Answer {
  const from = position(w, 'cursor')
  return build(w, from, '{"value":[', (last, count) => {
    const next = from + count < w.total ? JSON.stringify(address(w, { cursor: cursorText(w.collection, last, w.cursors.age), limit: `${w.size}` })) : 'null'
    return `],"count":${w.total},"next":${next}}`
  })
}

function build(w: Wanted, from: number, head: string, tail: (last: number, count: number) => string): Answer {
  const { body, count } = w.dataset.page(w.collection, w.bounds, from, w.size, head, tail)
  return { status: 200, headers: { 'Content-Type': 'application/json; charset=utf-8' }, body, records: count }
}

function position(w: Wanted, param: string): number {
  const text = w.params.get(param)
  if (text === null || text === '') return 0
  const at = w.dataset.collections[w.collection].after(w.bounds, cursorStamp(w.collection, text, w.cursors))
  if (at === null) throw new Refusal(400, 'invalid_cursor', 'the cursor is not one of this collection')
  return at
}

/** The route with the request's own parameters and some replaced. A key in the query is not repeated: a link is no place for it. */
function address(w: Wanted, replace: Record<string, string>): string {
  const query = new URLSearchParams(w.params)
  for (const name of ['api_key', 'page', 'per_page', 'limit', 'cursor']) query.delete(name)
  for (const [name, value] of Object.entries(replace)) query.set(name, value)
  return `${w.url}?${query.toString()}`
}
