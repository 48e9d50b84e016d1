import { createHash } from 'node:crypto'
import pg from 'pg'
import { IsthmusError } from '../../model/errors.ts'

const MAX_BYTES = 63
const HASHED = /_[0-9a-f]{16}$/

/**
 * A name as PostgreSQL keeps it: injective, at most 63 bytes, case kept. A name that is too long, empty or no well-formed text,
 * or that looks like the result of this, ends in a hash. Throws InvalidInput for NUL, which PostgreSQL cannot hold.
 */
export function pgName(name: string): string {
  if (name.includes('\0')) throw new IsthmusError('InvalidInput', 'A name of a table or column holds a NUL character', { cure: 'take it out of the name' })
  const whole = !/\p{Surrogate}/u.test(name)
  if (whole && name !== '' && Buffer.byteLength(name) <= MAX_BYTES && !HASHED.test(name)) return name
  const hash = createHash('sha256').update(name, 'utf16le').digest('hex').slice(0, 16)
  return `${cut(name.replace(/\p{Surrogate}/gu, '_'), MAX_BYTES - 17)}_${hash}`
}

/** The name in quotes, as it stands in a statement. */
export function quoted(name: string): string {
  return pg.escapeIdentifier(pgName(name))
}

/** `"schema"."table"`. */
export function quotedTable(schema: string, table: string): string {
  return `${quoted(schema)}.${quoted(table)}`
}

function cut(text: string, bytes: number): string {
  let out = ''
  let used = 0
  for (const c of text) {
    used += Buffer.byteLength(c)
    if (used > bytes) break
    out += c
  }
  return out
}
