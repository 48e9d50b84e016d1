import { IsthmusError } from '../../model/index.ts'

/** Longest Link header that is read. */
export const MAX_LINK_HEADER = 8 * 1024

export interface Link {
  /** As written; may be relative. */
  url: string
  /** Relation types, lower-case. */
  rels: string[]
  params: Record<string, string>
}

const isSpace = (c: string | undefined) => c === ' ' || c === '\t'

/**
 * Parses a Link header (RFC 8288 section 3) in one pass without regular expressions that could go back.
 * Commas and semicolons inside <...> and quotes belong to them. Throws Contract when it is malformed or above 8 KiB:
 * a next link that cannot be read must not look like the last page.
 */
export function parseLinkHeader(header: string): Link[] {
  if (header.length > MAX_LINK_HEADER) throw broken(`is longer than ${MAX_LINK_HEADER} bytes`)
  const links: Link[] = []
  let i = 0
  const skip = () => {
    while (isSpace(header[i])) i++
  }
  const until = (stops: string) => {
    const start = i
    while (i < header.length && !stops.includes(header[i]!)) i++
    return header.slice(start, i).trim()
  }
  const quoted = () => {
    let text = ''
    for (i++; i < header.length && header[i] !== '"'; i++) {
      if (header[i] === '\\' && i + 1 < header.length) i++
      text += header[i]
    }
    if (header[i] !== '"') throw broken('has an open quote')
    i++
    return text
  }
  for (;;) {
    while (isSpace(header[i]) || header[i] === ',') i++
    if (i >= header.length) return links
    if (header[i] !== '<') throw broken('holds something else than <address>; rel="..."')
    i++
    const url = until('>')
    if (header[i] !== '>') throw broken('has an address without its end')
    i++
    const params: Record<string, string> = Object.create(null)
    for (skip(); header[i] === ';'; skip()) {
      i++
      skip()
      const name = until('=;,').toLowerCase()
      let value = ''
      if (header[i] === '=') {
        i++
        skip()
        value = header[i] === '"' ? quoted() : until(';,')
      }
      // Of repeated parameters the first counts (RFC 8288 3.3).
      if (name !== '' && !(name in params)) params[name] = value
    }
    links.push({ url, params, rels: (params['rel'] ?? '').toLowerCase().split(/[ \t]/).filter(Boolean) })
  }
}

/** The address of the first link with this relation; null when there is none. */
export function findLink(header: string | undefined, rel: string): string | null {
  if (header === undefined || header === '') return null
  const wanted = rel.toLowerCase()
  return parseLinkHeader(header).find((link) => link.rels.includes(wanted))?.url ?? null
}

function broken(why: string): IsthmusError {
  return new IsthmusError('Contract', `the Link header of the answer ${why}`, { field: 'from.page', cure: 'use another paging style for this API' })
}
