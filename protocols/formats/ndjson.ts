import { parseExact } from '../../model/json/index.ts'
import type { DecodeOptions } from './decode.ts'

const LINE_FEED = 0x0a

/** One JSON value a line; empty lines are left out. Throws Contract naming the line. */
export function decodeNdjson(body: Buffer, options: DecodeOptions = {}): unknown[] {
  const values: unknown[] = []
  for (let from = 0; from < body.length; ) {
    const end = body.indexOf(LINE_FEED, from)
    const line = body.subarray(from, end < 0 ? body.length : end)
    from = end < 0 ? body.length : end + 1
    if (line.some((c) => c !== 0x20 && c !== 0x09 && c !== 0x0d)) values.push(parseExact(line, options))
  }
  return values
}
