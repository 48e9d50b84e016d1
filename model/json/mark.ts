import { MARK } from './scan.ts'
import type { Tokens } from './scan.ts'

const SCRATCH_LIMIT = 8 * 1024 * 1024
let scratch = Buffer.allocUnsafeSlow(0)

/** The body with every token of `scan` as a marked text. The result is valid until the next call. */
export function mark(body: Buffer, from: number, tokens: Tokens): Buffer {
  const size = body.length - from + (tokens.length / 2) * 3
  const out = room(size)
  let read = from
  let write = 0
  for (let t = 0; t < tokens.length; t += 2) {
    const start = tokens[t]!
    const end = tokens[t + 1]!
    write = copy(body, read, start, out, write)
    if (start === end) {
      out[write++] = MARK
    } else {
      out[write++] = 0x22
      out[write++] = MARK
      write = copy(body, start, end, out, write)
      out[write++] = 0x22
    }
    read = end
  }
  write = copy(body, read, body.length, out, write)
  return out.subarray(0, write)
}

/** A loop beats the native call on the short stretches between two numbers. */
function copy(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  if (end - start > 256) return at + from.copy(to, at, start, end)
  for (let i = start; i < end; i++) to[at++] = from[i]!
  return at
}

function room(size: number): Buffer {
  if (size > SCRATCH_LIMIT) return Buffer.allocUnsafe(size)
  if (scratch.length < size) scratch = Buffer.allocUnsafeSlow(Math.min(SCRATCH_LIMIT, size * 2))
  return scratch
}
