import { parseExact } from '../../model/json/index.ts'
import type { DecodeOptions } from './decode.ts'

/** The value of a body that may be JSON; undefined when it is none. Errors of an API often come as JSON, whatever its answers are. */
export function jsonOr(body: Buffer, options: DecodeOptions = {}): unknown {
  try {
    return parseExact(body, options)
  } catch {
    return undefined
  }
}
