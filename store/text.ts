import { redactor } from '../model/redact/index.ts'

/** A text PostgreSQL can store: it refuses NUL, which becomes the sign for it (U+2400). */
export function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\u2400') : text
}

/** At most `max` characters; what is longer ends in an ellipsis. */
export function bounded(text: string, max: number): string {
  const clean = storable(text)
  return clean.length <= max ? clean : `${clean.slice(0, max - 1)}…`
}

/** A message as it is kept: without secrets, at most `max` characters. Redacted first, so that no secret is cut in two. */
export function shown(text: string, max: number): string {
  // Far behind what is kept nothing has to be looked at.
  return bounded(redactor.text(text.slice(0, max * 4)), max)
}
