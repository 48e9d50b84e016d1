import { pathKeys } from '../../model/index.ts'
import type { Path, Stream } from '../../model/index.ts'

/** Smaller pages are parsed before a look at their bytes would pay. */
const WORTH_BYTES = 64 * 1024
/** Longest value looked at. */
const MAX_VALUE = 4_096

/**
 * Compiles a look at a page's raw bytes for its next cursor, so that the request for the next page can go out while this one
 * is parsed. A guess: what the parsed page says decides, and a request begun for nothing is dropped. null: no guess.
 */
export function createHint(stream: Stream): ((body: Buffer) => string | null) | null {
  const { page } = stream
  if (page.kind !== 'cursor' || page.from !== 'body') return null
  const next = lookFor(page.next)
  const more = page.hasMore === null ? null : lookFor(page.hasMore)
  if (!next || (page.hasMore !== null && !more)) return null
  return (body) => {
    if (body.length < WORTH_BYTES || (more && more(body) !== true)) return null
    const cursor = next(body)
    return typeof cursor === 'string' && cursor.trim() !== '' && cursor !== 'null' && cursor !== '0' ? cursor : null
  }
}

/** The text or flag behind the only occurrence of a key; undefined when the key stands there twice or holds something else. */
function lookFor(path: Path): ((body: Buffer) => unknown) | null {
  const key = pathKeys(path).at(-1)
  if (key === undefined || key === '*' || /^\d+$/.test(key)) return null
  const quoted = Buffer.from(JSON.stringify(key))
  return (body) => {
    const at = body.lastIndexOf(quoted)
    if (at < 0 || body.indexOf(quoted) !== at) return undefined
    const text = body.toString('utf8', at + quoted.length, at + quoted.length + MAX_VALUE)
    const value = /^\s*:\s*("(?:[^"\\]|\\.)*"|true)/.exec(text)?.[1]
    try {
      return value === undefined ? undefined : (JSON.parse(value) as unknown)
    } catch {
      return undefined
    }
  }
}
