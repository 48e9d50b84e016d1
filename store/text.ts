/** A text PostgreSQL can store: it refuses NUL, which becomes the sign for it (U+2400). */
export function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\u2400') : text
}

/** At most `max` characters; what is longer ends in an ellipsis. */
export function bounded(text: string, max: number): string {
  const clean = storable(text)
  return clean.length <= max ? clean : `${clean.slice(0, max - 1)}…`
}
