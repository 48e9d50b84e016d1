import { isSecretField, MASK } from './shapes.ts'

const MAX_DEPTH = 8
const MAX_PARTS = 2_000
const MAX_TEXT = 20_000

/**
 * A copy of any value for a log: texts redacted, secrets by their field's name masked. Errors become plain objects with their type, message
 * and stack; what is deeper than 8 levels, beyond 2,000 parts or circular is named instead of copied. Never throws.
 */
export function redactValue(value: unknown, text: (text: string) => string): unknown {
  const path = new Set<object>()
  let left = MAX_PARTS
  const short = (t: string): string => text(t.length > MAX_TEXT ? `${t.slice(0, MAX_TEXT)}…` : t)

  const entries = (pairs: Iterable<[string, unknown]>, depth: number): Record<string, unknown> => {
    const out: Record<string, unknown> = {}
    for (const [name, member] of pairs) {
      if (left <= 0) {
        out['…'] = 'more was left out'
        break
      }
      const scalar = typeof member === 'string' || typeof member === 'number' || typeof member === 'bigint'
      const safe = scalar && isSecretField(name) ? MASK : copy(member, depth + 1)
      Object.defineProperty(out, short(name), { value: safe, enumerable: true, configurable: true, writable: true })
    }
    return out
  }

  const inside = (object: object, depth: number): unknown => {
    if (depth >= MAX_DEPTH) return Array.isArray(object) ? '[list]' : '[object]'
    if (object instanceof Date) return Number.isNaN(object.getTime()) ? 'Invalid Date' : object.toISOString()
    if (object instanceof URL || object instanceof RegExp || object instanceof Number || object instanceof String || object instanceof Boolean) return short(String(object))
    if (ArrayBuffer.isView(object)) return `[${object.byteLength} bytes]`
    if (object instanceof Map) return entries([...object].map(([k, v]) => [String(k), v]), depth)
    if (object instanceof Set) return inside([...object], depth)
    if (Array.isArray(object)) {
      const shown = object.slice(0, Math.max(0, left)).map((member: unknown) => copy(member, depth + 1))
      return object.length > shown.length ? [...shown, `… ${object.length - shown.length} more`] : shown
    }
    const own = Object.keys(object).map((name): [string, unknown] => [name, member(object, name)])
    if (!(object instanceof Error)) return entries(own, depth)
    const hidden = ['name', 'message', 'stack', 'cause', 'errors'].filter((name) => member(object, name) !== undefined).map((name): [string, unknown] => [name, member(object, name)])
    return entries(new Map([...hidden, ...own]), depth)
  }

  const copy = (value: unknown, depth: number): unknown => {
    left--
    if (typeof value === 'string') return short(value)
    if (typeof value === 'bigint') return value.toString()
    if (typeof value === 'symbol' || typeof value === 'function') return `[${typeof value}]`
    if (typeof value !== 'object' || value === null) return value
    if (path.has(value)) return '[circular]'
    path.add(value)
    try {
      return inside(value, depth)
    } catch {
      return '[unreadable]'
    } finally {
      path.delete(value)
    }
  }
  return copy(value, 0)
}

/** A getter of somebody else's object may throw. */
function member(object: object, name: string): unknown {
  try {
    return (object as Record<string, unknown>)[name]
  } catch {
    return '[unreadable]'
  }
}
