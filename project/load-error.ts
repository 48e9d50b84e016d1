import { relative, sep } from 'node:path'
import { at, IsthmusError } from '../model/errors.ts'
import type { SyncFile } from './load.ts'

/** Why a sync's file does not load, with the line: its own error, a syntax error here or in a file it imports, or what its code threw. */
export function loadError(error: unknown, file: SyncFile): IsthmusError {
  if (error instanceof IsthmusError) return at(error, { file: file.file })
  const text = error instanceof Error ? error.message : String(error)
  const [first = ''] = text.split('\n')
  const reason = first.replace(/^ParseError:\s*/, '').trim()
  // jiti tells the place in the message's second line, its columns counted from 0.
  const place = /^ParseError:/.test(first) ? /^ *(.+):(\d+):(\d+)\s*$/m.exec(text.slice(first.length)) : null
  if (place) {
    const [, path = '', line, column] = place
    return refuse(`syntax error in ${where(path, file)}line ${line}, column ${Number(column) + 1}: ${reason}`, file, error)
  }
  const line = error instanceof Error ? lineIn(error.stack ?? '', file.path) : null
  return refuse(`the file cannot be loaded${line ? ` (line ${line})` : ''}: ${reason}`, file, error)
}

function refuse(message: string, file: SyncFile, cause: unknown): IsthmusError {
  return new IsthmusError('InvalidInput', message, { file: file.file, cure: 'correct the file; `npx tsc --noEmit` shows more', cause })
}

/** Names the file when it is another one than the sync's. */
function where(path: string, file: SyncFile): string {
  if (path === file.path) return ''
  const root = file.path.slice(0, -file.file.length)
  return `${relative(root, path).split(sep).join('/')}, `
}

function lineIn(stack: string, path: string): string | null {
  const at = stack.indexOf(`${path}:`)
  return at === -1 ? null : (/^\d+/.exec(stack.slice(at + path.length + 1))?.[0] ?? null)
}
