/** Why a value cannot be cast. Inside a sync it becomes the reason of a rejected record; it never stops a run. */
export class CastError extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'CastError'
  }
}

const LIMIT = 50

/** A short description of a value for a reason: at most about 60 characters of source data. */
export function excerpt(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && !(value instanceof Number)) return value instanceof Date ? 'a Date' : 'an object'
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`
  const text = String(value)
  const cut = text.length > LIMIT ? `${text.slice(0, LIMIT)}...` : text
  return typeof value === 'string' ? quote(cut) : cut
}

/** In quotes, with control characters made visible; never longer than 62 characters. */
function quote(text: string): string {
  const quoted = JSON.stringify(text)
  return quoted.length <= LIMIT + 12 ? quoted : `${quoted.slice(0, LIMIT)}..."`
}

/** At most `limit` characters, for messages that may hold source data. */
export function cut(text: string, limit = 80): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 3)}...`
}

/** null, undefined, or white space only: carries no value for anything but a text. */
export function isBlank(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === 'string' && (value === '' || value.trim() === ''))
}
