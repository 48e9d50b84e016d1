import { isUtf8 } from 'node:buffer'
import type { Format } from '../../model/index.ts'
import { bomLength } from './utf8.ts'

/** What is decoded: the format's kind, and the character set its options name ('' when none). */
export type CharsetOf = Pick<Format, 'kind'> & { charset?: string }

const PROLOG_BYTES = 200
const UTF8 = 'utf-8'

/**
 * UTF-8 of a body in another character set: the one that the format's options name, else what the Content-Type says, the XML prolog, the
 * byte order mark, in that order, else UTF-8. One that the bytes disprove does not count: UTF-8 that is none, UTF-16 of a text that is
 * readable without, a set of single bytes in front of a byte order mark. The prolog keeps its words; who decodes the result takes it as UTF-8.
 */
export function toUtf8(body: Buffer, contentType: string | undefined, format: CharsetOf): Buffer {
  const named = format.charset ?? ''
  if (named !== '') return recode(body, named) ?? body
  const said = [/charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})/i.exec(contentType ?? '')?.[1], format.kind === 'xml' ? prologCharset(body) : undefined]
  for (const label of said) {
    const charset = label === undefined ? null : known(label)
    if (charset !== null && fits(body, charset)) return recode(body, charset) ?? body
  }
  return recode(body, wide(body, format) ?? UTF8) ?? body
}

/** The WHATWG name of a character set; null when nobody knows it. */
function known(label: string): string | null {
  try {
    return new TextDecoder(label).encoding
  } catch {
    return null
  }
}

function recode(body: Buffer, charset: string): Buffer | null {
  const name = known(charset)
  if (name === null || name === UTF8) return null
  if (name === 'windows-1252') return Buffer.from(windows1252(body), 'utf8')
  // The decoder knows both, but not which one the mark in front means.
  const utf16 = name.startsWith('utf-16') ? (mark(body) ?? name) : name
  return Buffer.from(new TextDecoder(utf16).decode(body), 'utf8')
}

/** What 0x80 to 0x9f stand for in windows-1252, which the WHATWG also means by "iso-8859-1" and "us-ascii"; the five without a character stay as they are. */
const UPPER = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ'

/** By hand: TextDecoder of Node 20 to 23 takes it for Latin-1 (nodejs/node#56542). */
function windows1252(body: Buffer): string {
  return body.toString('latin1').replace(/[\x80-\x9f]/g, (c) => UPPER[c.charCodeAt(0) - 0x80]!)
}

/** Whether bytes can be in a character set. */
function fits(body: Buffer, charset: string): boolean {
  if (charset === UTF8) return mark(body) === null && isUtf8(body)
  if (charset.startsWith('utf-16')) return mark(body) !== null || body.subarray(0, PROLOG_BYTES).includes(0)
  return bomLength(body) === 0 && mark(body) === null
}

/** UTF-16 as its byte order mark tells it. */
function mark(body: Buffer): string | null {
  if (body[0] === 0xff && body[1] === 0xfe) return 'utf-16le'
  return body[0] === 0xfe && body[1] === 0xff ? 'utf-16be' : null
}

/** UTF-16, by its byte order mark or the `<` that XML begins with (XML 1.0, appendix F.1). */
function wide(body: Buffer, { kind }: CharsetOf): string | null {
  const found = mark(body)
  if (found !== null || kind !== 'xml') return found
  if (body[0] === 0x3c && body[1] === 0) return 'utf-16le'
  return body[0] === 0 && body[1] === 0x3c ? 'utf-16be' : null
}

/** The encoding that the prolog of an XML body names (XML 1.0, 4.3.3). */
function prologCharset(body: Buffer): string | undefined {
  const prolog = body.toString('latin1', 0, PROLOG_BYTES).replaceAll('\0', '')
  return /^[^<]{0,3}\s{0,50}<\?xml\s[^>]{0,150}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']/.exec(prolog)?.[1]
}
