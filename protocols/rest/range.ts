import { IsthmusError } from '../../model/index.ts'
import type { Format, Position } from '../../model/index.ts'
import type { HttpResponse } from '../http/index.ts'

type RangePosition = Extract<Position, { kind: 'range' }>

const LINE_FEED = 0x0a
/** Longest header line: it is part of the position. */
const MAX_HEAD = 3000

/** The file is another one than the scan began with, or the server no longer gives parts of it. */
export class FileChanged extends Error {}

/**
 * The whole records of one part of a file, with the file's header line in front, and where the next part begins. Throws FileChanged,
 * PageTooLarge when one record is longer than a part, Contract when the answer does not say where the part lies.
 */
export function cutRange(response: HttpResponse, at: RangePosition | null, format: Format, size: number): { body: Buffer; next: RangePosition | null } {
  const from = at?.offset ?? 0
  if (response.status === 416) {
    if (at === null) return { body: Buffer.alloc(0), next: null }
    throw new FileChanged('the file ends before the place to go on from')
  }
  if (response.status !== 206) {
    if (at !== null) throw new FileChanged('the file has changed since the scan began, or the server no longer gives parts of it')
    return { body: response.body, next: null }
  }
  const place = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers['content-range'] ?? '')
  if (!place || Number(place[1]) !== from || Number(place[2]) - from + 1 !== response.body.length) {
    throw new IsthmusError('Contract', 'the answer does not say which part of the file it is', { field: 'from.page', cure: "use page: { kind: 'none' } for this API" })
  }
  const end = from + response.body.length
  const last = place[3] !== '*' ? end >= Number(place[3]) : response.body.length < size
  const cut = last ? response.body.length : lastBreak(response.body, format)
  if (cut === 0) throw new IsthmusError('PageTooLarge', `a record is longer than ${size} bytes`, { field: 'from.page.bytes', cure: 'raise `bytes` of the paging' })
  const part = response.body.subarray(0, cut)
  const head = at ? at.head : headOf(part, format)
  const body = at && head !== '' ? Buffer.concat([Buffer.from(head, 'latin1'), part]) : part
  if (last) return { body, next: null }
  const strong = response.headers['etag']?.startsWith('W/') ? undefined : response.headers['etag']
  const tag = at?.tag ?? strong ?? response.headers['last-modified'] ?? ''
  return { body, next: { kind: 'range', offset: from + cut, tag, head } }
}

/** Behind the last line break that ends a record; 0 when there is none. In CSV one inside quotes does not. */
function lastBreak(body: Buffer, format: Format): number {
  if (format.kind !== 'csv') return body.lastIndexOf(LINE_FEED) + 1
  const quote = format.quote.charCodeAt(0)
  let quoted = false
  let found = 0
  for (let i = 0; i < body.length; i++) {
    const c = body[i]!
    if (c === quote) quoted = !quoted
    else if (c === LINE_FEED && !quoted) found = i + 1
  }
  return found
}

/** The lines up to the header, as bytes in Latin-1; they are put in front of every part. */
function headOf(body: Buffer, format: Format): string {
  if (format.kind !== 'csv' || !format.header) return ''
  let end = 0
  for (let line = 0; line <= format.skip; line++) end = body.indexOf(LINE_FEED, end) + 1 || body.length
  if (end > MAX_HEAD) throw new IsthmusError('Contract', `the header line is longer than ${MAX_HEAD} bytes`, { field: 'from.format', cure: "read the file whole: page: { kind: 'none' }" })
  return body.toString('latin1', 0, end)
}
