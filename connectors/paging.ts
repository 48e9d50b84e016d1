import type { PagingInput } from '../model/source.ts'

type Options<K extends PagingInput['kind']> = Omit<Extract<PagingInput, { kind: K }>, 'kind'>

/** `?page=1`, 2, 3, ... Pages are read ahead in parallel, up to the source's `concurrency`. */
export function pageNumber(options: Options<'page'> = {}): PagingInput {
  return { kind: 'page', ...options }
}

/** `?offset=0&limit=100`, 100, 200, ... Pages are read ahead in parallel, up to the source's `concurrency`. */
export function offset(options: Options<'offset'> = {}): PagingInput {
  return { kind: 'offset', ...options }
}

/** Each answer holds the cursor of the next page, at `next`; it is sent as query parameter `send`. */
export function cursor(options: Options<'cursor'>): PagingInput {
  return { kind: 'cursor', ...options }
}

/** The next page is named by a `Link` header with `rel="next"` (RFC 8288). */
export function link(options: Options<'link'> = {}): PagingInput {
  return { kind: 'link', ...options }
}

/** The address of the next page stands in the body, at `next`. */
export function nextUrl(options: Options<'nextUrl'>): PagingInput {
  return { kind: 'nextUrl', ...options }
}
