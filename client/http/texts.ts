import { IsthmusError } from '../../model/errors.ts'

/** NUL, or half of a surrogate pair: PostgreSQL stores neither, and no id has one. */
const UNSTORABLE = /[\0\p{Surrogate}]/u

/** Refuses texts that cannot be stored, wherever they are in a part of a request, names of fields too. Throws InvalidInput. */
export function refuseUnstorable(part: unknown): void {
  // No recursion: 64 KiB hold 30,000 brackets.
  const open: [unknown, string][] = [[part, '']]
  for (let next = open.pop(); next; next = open.pop()) {
    const [value, at] = next
    if (typeof value === 'string' && UNSTORABLE.test(value)) throw unstorable(at)
    if (typeof value !== 'object' || value === null) continue
    for (const [name, inner] of Object.entries(value)) {
      if (UNSTORABLE.test(name)) throw unstorable(at)
      open.push([inner, at === '' ? name : at])
    }
  }
}

function unstorable(field: string): IsthmusError {
  return new IsthmusError('InvalidInput', 'a text has a NUL character, or half of a surrogate pair', { field: field || 'body', cure: 'send texts as valid UTF-8 without NUL' })
}
