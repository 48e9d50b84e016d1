import { MARK } from '../../model/json/index.ts'

const SIGN = String.fromCharCode(MARK)

/** A text as `parseExact(body, { revive: false })` would leave it: one that begins with the mark of numbers gets a second one, so that it stays a text. */
export function markedText(text: string): string {
  return text.charCodeAt(0) === MARK ? SIGN + text : text
}
