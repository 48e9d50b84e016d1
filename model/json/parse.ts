import { constants, isAscii, isUtf8 } from 'node:buffer'
import { IsthmusError } from '../errors.ts'
import { MASK, redactor } from '../redact/index.ts'
import { locate } from './locate.ts'
import { mark } from './mark.ts'
import { revive } from './revive.ts'
import { scan } from './scan.ts'

/** Characters around a fault that are searched for secrets before some of them are quoted. */
const AROUND = 2_000

export interface ParseOptions {
  /** Deepest nesting of objects and arrays. Default 256. */
  maxDepth?: number
  /**
   * false leaves numbers that a double may not hold as marked texts, for `revive` on the values that are picked.
   * Cheaper when only some values are used. Default true.
   */
  revive?: boolean
}

/**
 * Reads JSON like JSON.parse, but no number loses digits: whole numbers within +-(2^53-1) become number, larger ones
 * bigint, and every number with a fraction or exponent an ExactNumber (zero is the number 0). One or two byte order
 * marks are skipped. `__proto__` is a key like any other; of equal keys the last wins.
 * Throws Contract (with the byte's position and a short excerpt) for anything but UTF-8 JSON, PageTooLarge beyond `maxDepth`
 * and for bodies that would take far more memory than their size tells.
 */
export function parseExact(body: Uint8Array, options: ParseOptions = {}): unknown {
  const buffer = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const from = startOf(buffer)
  if (buffer.length > constants.MAX_STRING_LENGTH) throw tooLong(buffer)
  const ascii = isAscii(buffer)
  if (!ascii && !isUtf8(buffer)) throw notUtf8(buffer)
  const tokens = scan(buffer, from, options.maxDepth ?? 256)
  const safe = tokens.length === 0 ? buffer.subarray(from) : mark(buffer, from, tokens)
  if (safe.length > constants.MAX_STRING_LENGTH) throw tooLong(buffer)
  let value: unknown
  try {
    // latin1 of ASCII is a plain copy, several times faster than decoding.
    value = JSON.parse(ascii ? safe.toString('latin1') : safe.toString('utf8'))
  } catch (cause) {
    throw notJson(buffer, from, cause)
  }
  return options.revive !== false && tokens.length > 0 ? revive(value) : value
}

function tooLong(body: Buffer): IsthmusError {
  return new IsthmusError('PageTooLarge', `the body of ${body.length} bytes is longer than any text can be`, { cure: 'ask the API for smaller pages' })
}

function startOf(b: Uint8Array): number {
  let i = 0
  while (i < 6 && b[i] === 0xef && b[i + 1] === 0xbb && b[i + 2] === 0xbf) i += 3
  return i
}

function notJson(body: Buffer, from: number, cause: unknown): IsthmusError {
  const text = body.toString('utf8', from)
  if (text.trim() === '') return new IsthmusError('Contract', 'the body is empty, JSON was expected', { cause })
  const fault = locate(text)
  if (!fault) return new IsthmusError('Contract', 'the body is not JSON', { cause })
  const position = from + Buffer.byteLength(text.slice(0, fault.index))
  // A piece cut out of a secret could not be told from other text later.
  const around = text.slice(Math.max(0, fault.index - AROUND), fault.index + AROUND)
  const near = redactor.text(around) === around ? text.slice(Math.max(0, fault.index - 15), fault.index + 20).replace(/[\u0000-\u001f\u007f]/g, ' ') : MASK
  const found = fault.index >= text.length ? 'the body ends' : `found '${near}'`
  return new IsthmusError('Contract', `the body is not JSON: at byte ${position} ${found}, expected ${fault.expected}`, { cause })
}

function notUtf8(body: Buffer): IsthmusError {
  // Decoding puts U+FFFD where the bytes are wrong.
  const before = body.toString('utf8').split('\ufffd', 1)[0]!
  return new IsthmusError('Contract', `the body is not UTF-8 (byte ${Buffer.byteLength(before)})`, {
    cure: 'ask the API for UTF-8, for example with an Accept-Charset header',
  })
}
