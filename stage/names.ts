import { createHash } from 'node:crypto'
import type { ChunkRef } from '../model/run.ts'

const LONGEST = 100
// Windows opens devices under these names, in any folder.
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/

/**
 * A name as one folder name: injective, also where files ignore case, and never `.`, `..`, a separator or a device.
 * `[a-z0-9_-]` stay; everything else becomes `=xx` or `=uxxxx` by UTF-16 unit.
 */
export function folderName(name: string): string {
  let out = ''
  for (let i = 0; i < name.length; i++) {
    const c = name[i]!
    out += /[a-z0-9_-]/.test(c) && !(i === 0 && DEVICE.test(name)) ? c : escapeUnit(c.charCodeAt(0))
  }
  if (out === '') return '='
  if (out.length <= LONGEST) return out
  // `=g` is no escape, so a shortened name never equals an escaped one.
  return `${out.slice(0, 48)}=g${createHash('sha256').update(name, 'utf16le').digest('hex').slice(0, 40)}`
}

function escapeUnit(unit: number): string {
  return unit < 0x100 ? `=${unit.toString(16).padStart(2, '0')}` : `=u${unit.toString(16).padStart(4, '0')}`
}

/** Folder of a chunk, relative to the stage, with `/`. */
export function chunkFolder({ run, stream, seq }: ChunkRef): string {
  return `${folderName(run)}/${folderName(stream)}/${String(seq).padStart(6, '0')}`
}
