import { IsthmusError } from '../errors.ts'

/** First character of a text that stands for a number. DEL may stand unescaped in JSON texts and is one byte. */
export const MARK = 0x7f

/** Longest number, in characters: reading whole numbers takes time that grows faster than their length. */
const MAX_NUMBER = 100_000
/** Texts, numbers and (twice) objects and lists of one body; every one takes memory many times its own size. Larger bodies may hold one per 6 bytes. */
const MAX_PARTS = 10_000_000
const PART_BYTES = 6

/** What `scan` found: pairs of start and end. Equal start and end: a text begins there with the mark itself. */
export type Tokens = number[]

/**
 * Finds the numbers whose digits a double may not give back (fractions, exponents, whole ones beyond 2^53), and
 * texts that begin with the mark. Nothing is taken where marking could turn invalid JSON into valid JSON. Throws PageTooLarge beyond
 * `maxDepth`, and for a body that would take far more memory or time than its size tells.
 */
export function scan(b: Uint8Array, from: number, maxDepth: number): Tokens {
  const n = b.length
  const tokens: Tokens = []
  let depth = 0
  let left = Math.max(MAX_PARTS, Math.floor(n / PART_BYTES))
  for (let i = from; i < n; i++) {
    const c = b[i]!
    if (c === 0x22) {
      const start = i + 1
      if (--left < 0) throw tooMany(n)
      i = textEnd(b, start, n)
      const first = b[start]
      if ((first === MARK || first === 0x5c) && marked(b, start) && !isKey(b, i + 1, n)) tokens.push(start, start)
    } else if (c >= 0x2d && c <= 0x39 && c !== 0x2f) {
      const start = i
      let q = 0
      for (i++; i < n; i++) {
        q = b[i]!
        if (q < 0x30 || q > 0x39) break
      }
      if (q === 0x2e || q === 0x65 || q === 0x45 || i - start > 15) {
        for (; i < n && isNumberByte(b[i]!); i++);
        if (i - start > MAX_NUMBER) throw new IsthmusError('PageTooLarge', `the body holds a number of more than ${MAX_NUMBER} digits (byte ${start})`)
        if (--left < 0) throw tooMany(n)
        if (exceeds(b, start, i) && isNumber(b, start, i) && endsValue(b, i, n)) tokens.push(start, i)
      }
      i--
    } else if (c >= 0x5b) {
      const bracket = c | 0x20
      if (bracket === 0x7b) {
        if (++depth > maxDepth) {
          throw new IsthmusError('PageTooLarge', `the body is nested deeper than ${maxDepth} levels (byte ${i})`, { cure: 'check the address: records are never nested that deep' })
        }
        left -= 2
        if (left < 0) throw tooMany(n)
      } else if (bracket === 0x7d) depth--
    }
  }
  return tokens
}

function tooMany(bytes: number): IsthmusError {
  return new IsthmusError('PageTooLarge', `the body of ${bytes} bytes is made of more than ${Math.max(MAX_PARTS, Math.floor(bytes / PART_BYTES))} texts, numbers, objects and lists`, {
    cure: 'ask the API for smaller pages',
  })
}

/** Index of the quote that ends the text which begins at `i`. Unrolled: most bytes of a body stand in texts. */
function textEnd(b: Uint8Array, i: number, n: number): number {
  const safe = n - 4
  while (i < safe) {
    let q = b[i]!
    if (q !== 0x22 && q !== 0x5c) {
      q = b[++i]!
      if (q !== 0x22 && q !== 0x5c) {
        q = b[++i]!
        if (q !== 0x22 && q !== 0x5c) {
          q = b[++i]!
          if (q !== 0x22 && q !== 0x5c) {
            i++
            continue
          }
        }
      }
    }
    if (q === 0x22) return i
    i += 2
  }
  for (; i < n; i++) {
    const q = b[i]!
    if (q === 0x22) return i
    if (q === 0x5c) i++
  }
  return n
}

/** A text begins at `i` with the mark, raw or escaped. */
function marked(b: Uint8Array, i: number): boolean {
  if (b[i] === MARK) return true
  return b[i + 1] === 0x75 && b[i + 2] === 0x30 && b[i + 3] === 0x30 && b[i + 4] === 0x37 && (b[i + 5]! | 0x20) === 0x66
}

function skipSpace(b: Uint8Array, i: number, n: number): number {
  while (i < n && (b[i] === 0x20 || b[i] === 0x0a || b[i] === 0x0d || b[i] === 0x09)) i++
  return i
}

function isKey(b: Uint8Array, i: number, n: number): boolean {
  return b[skipSpace(b, i, n)] === 0x3a
}

/** Only `,`, `]`, `}` or the end may follow: `{1.5:2}` must stay invalid. */
function endsValue(b: Uint8Array, i: number, n: number): boolean {
  const at = skipSpace(b, i, n)
  return at >= n || b[at] === 0x2c || b[at] === 0x5d || b[at] === 0x7d
}

function isNumberByte(q: number): boolean {
  return (q >= 0x30 && q <= 0x39) || q === 0x2e || q === 0x65 || q === 0x45 || q === 0x2b || q === 0x2d
}

/** JSON's grammar of numbers. */
function isNumber(b: Uint8Array, i: number, end: number): boolean {
  const digits = (): boolean => {
    const start = i
    while (i < end && b[i]! >= 0x30 && b[i]! <= 0x39) i++
    return i > start
  }
  if (b[i] === 0x2d) i++
  const first = b[i]
  const start = i
  if (!digits() || (first === 0x30 && i - start > 1)) return false
  if (b[i] === 0x2e && i < end) {
    i++
    if (!digits()) return false
  }
  if (i < end && (b[i]! | 0x20) === 0x65) {
    i++
    if (b[i] === 0x2b || b[i] === 0x2d) i++
    if (!digits()) return false
  }
  return i === end
}

/** The number has a fraction or exponent, or may lie beyond 2^53. */
function exceeds(b: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const q = b[i]!
    if (q === 0x2e || q === 0x65 || q === 0x45) return true
  }
  const first = b[start] === 0x2d ? start + 1 : start
  return end - first > 16 || (end - first === 16 && b[first] === 0x39)
}
