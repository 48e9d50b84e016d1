import type pg from 'pg'

/** Object ids of types (pg_type). */
const BOOL = 16
const SMALL = new Set([21, 23])
const FLOAT = new Set([700, 701])
const JSONS = new Set([114, 3802])
const TIMESTAMP = 1114
const TIMESTAMPTZ = 1184

/** Compiles a column's value, as PostgreSQL writes it, to JSON text. Numbers that JSON readers would round are texts; times are ISO 8601 with all digits. */
export function jsonOf({ dataTypeID: type }: Pick<pg.FieldDef, 'dataTypeID'>): (text: string) => string {
  if (type === BOOL) return (text) => (text === 't' ? 'true' : 'false')
  if (SMALL.has(type) || JSONS.has(type)) return (text) => text
  if (FLOAT.has(type)) return (text) => (/^-?\d/.test(text) ? text : JSON.stringify(text))
  if (type === TIMESTAMP) return (text) => JSON.stringify(text.replace(' ', 'T'))
  // The session is in UTC.
  if (type === TIMESTAMPTZ) return (text) => JSON.stringify(text.replace(' ', 'T').replace(/\+00$/, 'Z'))
  return (text) => JSON.stringify(text)
}
