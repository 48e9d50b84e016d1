import { IsthmusError } from '../../model/index.ts'
import { parseExact } from '../../model/json/index.ts'
import type { DecodeOptions } from './decode.ts'

const LINE_FEED = 0x0a

/** One JSON value a line; lines without any are left out. Throws Contract naming the line: also for a last one that is cut short. */
export function decodeNdjson(body: Buffer, options: DecodeOptions = {}): unknown[] {
  const values: unknown[] = []
  let number = 0
  for (let from = 0; from < body.length; ) {
    const end = body.indexOf(LINE_FEED, from)
    const line = body.subarray(from, end < 0 ? body.length : end)
    from = end < 0 ? body.length : end + 1
    number++
    if (isBlank(line)) continue
    try {
      values.push(parseExact(line, options))
    } catch (error) {
      if (!(error instanceof IsthmusError)) throw error
      throw new IsthmusError(error.type, `line ${number}: ${error.message.replace(/^the body/, 'it')}`, { field: error.field, cure: error.cure })
    }
  }
  return values
}

function isBlank(line: Buffer): boolean {
  for (let i = line[0] === 0xef ? 3 : 0; i < line.length; i++) {
    const c = line[i]!
    if (c !== 0x20 && c !== 0x09 && c !== 0x0d) return false
  }
  return true
}
