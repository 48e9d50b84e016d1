import { ExactNumber } from './exact-number.ts'
import { exactText } from './revive.ts'
import { MARK } from './scan.ts'
import { hasZeros, memberOf } from './zeros.ts'

/**
 * JSON text of a value, like JSON.stringify, with ExactNumber, bigint and the zeros of a parsed body written as their digits.
 * `marked` says that the value comes from `parseExact(body, { revive: false })`.
 * A value that JSON does not know (undefined, a function) gives `null`. Throws TypeError for circular values.
 */
export function stringifyExact(value: unknown, options: { marked?: boolean } = {}): string {
  const marked = options.marked === true
  if (!special(value, marked, 0)) return JSON.stringify(value) ?? 'null'
  return write(value, marked, 0) ?? 'null'
}

const MAX_DEPTH = 2000

/** Something in the value needs more than JSON.stringify. */
function special(value: unknown, marked: boolean, depth: number): boolean {
  if (typeof value === 'string') return marked && value.charCodeAt(0) === MARK
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof ExactNumber) return true
  if (depth > MAX_DEPTH) throw new TypeError('the value is circular or nested too deeply')
  if (hasZeros(value)) return true
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (special(value[i], marked, depth + 1)) return true
    return false
  }
  for (const key in value) if (special((value as Record<string, unknown>)[key], marked, depth + 1)) return true
  return false
}

function write(value: unknown, marked: boolean, depth: number): string | undefined {
  if (typeof value === 'string' && marked && value.charCodeAt(0) === MARK) {
    return exactText(value) ?? JSON.stringify(value.slice(1))
  }
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (value instanceof ExactNumber) return value.text
  if (depth > MAX_DEPTH) throw new TypeError('the value is circular or nested too deeply')
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    return write((value as { toJSON: () => unknown }).toJSON(), false, depth + 1)
  }
  if (Array.isArray(value)) {
    let out = '['
    for (let i = 0; i < value.length; i++) {
      out += `${i === 0 ? '' : ','}${write(memberOf(value, i), marked, depth + 1) ?? 'null'}`
    }
    return `${out}]`
  }
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return JSON.stringify(value)
  let out = '{'
  for (const key of Object.keys(value)) {
    const text = write(memberOf(value, key), marked, depth + 1)
    if (text !== undefined) out += `${out.length === 1 ? '' : ','}${JSON.stringify(key)}:${text}`
  }
  return `${out}}`
}
