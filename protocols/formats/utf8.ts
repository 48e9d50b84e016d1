import { constants, isAscii, isUtf8 } from 'node:buffer'
import { IsthmusError } from '../../model/index.ts'

/** Length of the byte order mark that UTF-8 bytes begin with. */
export function bomLength(body: Buffer): number {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0
}

/** The text of UTF-8 bytes without byte order mark. Throws Contract for other bytes, PageTooLarge for more than a text can hold. */
export function textOf(body: Buffer): string {
  if (body.length > constants.MAX_STRING_LENGTH) throw new IsthmusError('PageTooLarge', `the body of ${body.length} bytes is longer than any text can be`, { cure: 'ask the API for smaller pages' })
  // latin1 of ASCII is a plain copy, several times faster than decoding.
  if (isAscii(body)) return body.toString('latin1')
  checkUtf8(body)
  return body.toString('utf8', bomLength(body))
}

/** Throws Contract unless the bytes are UTF-8. */
export function checkUtf8(body: Buffer): void {
  if (isUtf8(body)) return
  throw new IsthmusError('Contract', 'the body is not UTF-8, and says of no other character set', { field: 'from.format', cure: "name it: format: { kind: 'csv', charset: 'windows-1252' }" })
}
