import { parseLinkHeader } from './link-header.ts'
import { parseHttpDate } from './retry-after.ts'

/** What an API says of its own future in the headers of an answer. */
export interface Notice {
  /** The same for the same news. */
  key: string
  message: string
}

const LONGEST = 200

/**
 * Deprecation (RFC 9745: `@1688169599`; older drafts: `true` or an HTTP-date), Sunset (RFC 8594) with the links that explain them, and
 * `Warning: 299` (RFC 7234 5.5.7). [] for nearly every answer.
 */
export function noticesOf(headers: Record<string, string>, nowMs: number): Notice[] {
  const { deprecation, sunset, warning } = headers
  if (deprecation === undefined && sunset === undefined && warning === undefined) return []
  const notices: Notice[] = []
  const more = explained(headers['link'])
  const ends = sunset === undefined ? null : parseHttpDate(sunset, nowMs)
  if (deprecation !== undefined && !/^\s*(false|0)?\s*$/i.test(deprecation)) {
    const since = deprecatedAt(deprecation, nowMs)
    const words = since === null ? 'is deprecated' : since > nowMs ? `will be deprecated on ${day(since)}` : `is deprecated since ${day(since)}`
    notices.push({ key: `deprecation ${deprecation.slice(0, LONGEST)} ${sunset ?? ''}`, message: `The API says that this resource ${words}${ends === null ? '' : ` and ends on ${day(ends)}`}${more}` })
  } else if (ends !== null) {
    notices.push({ key: `sunset ${sunset!}`, message: `The API says that this resource ${ends > nowMs ? 'ends' : 'ended'} on ${day(ends)}${more}` })
  }
  const told = warning === undefined ? null : /\b299\s+\S+\s+"((?:[^"\\]|\\.){1,500})"/.exec(warning.slice(0, 8192))?.[1]
  if (told) notices.push({ key: `warning ${told.slice(0, LONGEST)}`, message: `The API warns: ${told.slice(0, LONGEST)}` })
  return notices
}

/** The links that explain it; none when the header cannot be read, which matters only for paging. */
function explained(header: string | undefined): string {
  if (header === undefined) return ''
  try {
    const links = parseLinkHeader(header)
    return ['deprecation', 'sunset', 'successor-version'].flatMap((rel) => links.filter((l) => l.rels.includes(rel)).map((l) => ` (${rel}: ${l.url.slice(0, LONGEST)})`)).join('')
  } catch {
    return ''
  }
}

function deprecatedAt(text: string, nowMs: number): number | null {
  const epoch = /^\s*@(\d{1,12})\s*$/.exec(text)
  return epoch ? Number(epoch[1]) * 1000 : parseHttpDate(text, nowMs)
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
