import { ExactNumber, parseExact } from '../json/index.ts'
import { CastError } from './cast/error.ts'

/** A null of PostgreSQL's COPY text format. */
export const NULL = '\\N'

const SPECIAL = /[\\\t\n\r\b\f\v\u0000\ud800-\udfff]/
const ESCAPED = /[\\\t\n\r\b\f\v]/g
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r', '\b': '\\b', '\f': '\\f', '\v': '\\v' }

/** A text as a cell of a COPY row. Throws CastError for what PostgreSQL cannot hold: NUL and lone surrogates. */
export function copyText(text: string): string {
  const n = text.length
  if (n > 48) return SPECIAL.test(text) ? escape(text) : text
  // Most texts are short: a loop costs less than entering a regular expression.
  for (let i = 0; i < n; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x20 || c === 0x5c || (c >= 0xd800 && c <= 0xdfff)) return escape(text)
  }
  return text
}

function escape(text: string): string {
  if (text.includes('\u0000')) throw new CastError('the text holds a NUL character, which PostgreSQL cannot store')
  if (!(text as unknown as { isWellFormed: () => boolean }).isWellFormed()) {
    throw new CastError('the text holds half of a surrogate pair, which is not a character')
  }
  return text.replace(ESCAPED, (c) => ESCAPES[c]!)
}

const NUL_ESCAPE = /(?<!\\)(?:\\\\)*\\u0000/
const SURROGATE_ESCAPE = /(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]/
const MAYBE_HUGE = /[eE][+-]?\d{4}|\d{16000}/

/** JSON text as a cell. Throws CastError for what jsonb cannot hold: NUL, lone surrogates, numbers of over 10,000 digits. */
export function copyJson(text: string): string {
  if (MAYBE_HUGE.test(text)) refuseHuge(parseExact(Buffer.from(text), { maxDepth: 10_000 }))
  if (!text.includes('\\')) return text
  if (NUL_ESCAPE.test(text)) throw new CastError('a text inside holds a NUL character, which PostgreSQL cannot store')
  if (SURROGATE_ESCAPE.test(text)) throw new CastError('a text inside holds half of a surrogate pair, which is not a character')
  return text.replaceAll('\\', '\\\\')
}

function refuseHuge(value: unknown): void {
  if (value instanceof ExactNumber || typeof value === 'bigint') {
    const text = value.toString()
    if (text.length > 10_000 || /[eE][+-]?0*[1-9]\d{3}/.test(text)) throw new CastError('a number inside has too many digits')
  } else if (typeof value === 'object' && value !== null) {
    for (const v of Object.values(value)) refuseHuge(v)
  }
}
