import { isSecretName, MASK } from './shapes.ts'

const MAX_DEPTH = 8
const MAX_ITEMS = 100

/** A copy with every text redacted and values under secret names masked; bounded in depth and length, cycles cut. */
export function redactValue(value: unknown, text: (text: string) => string, depth = 0, seen = new Set<object>()): unknown {
  if (typeof value === 'string') return text(value)
  if (value === null || typeof value !== 'object') return typeof value === 'bigint' ? String(value) : typeof value === 'function' || typeof value === 'symbol' ? undefined : value
  if (depth >= MAX_DEPTH || seen.has(value)) return '...'
  seen.add(value)
  const inner = (v: unknown): unknown => redactValue(v, text, depth + 1, seen)
  try {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
    if (value instanceof URL) return text(value.href)
    if (ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`
    if (value instanceof Error) {
      const { name, message, stack, cause, ...more } = value as Error & Record<string, unknown>
      return { type: name, message: text(message), ...(stack && { stack: text(stack) }), ...(cause !== undefined && { cause: inner(cause) }), ...(inner(more) as object) }
    }
    if (Array.isArray(value)) return [...value.slice(0, MAX_ITEMS).map(inner), ...(value.length > MAX_ITEMS ? [`... ${value.length - MAX_ITEMS} more`] : [])]
    return Object.fromEntries(
      Object.entries(value)
        .slice(0, MAX_ITEMS)
        .map(([name, v]) => [text(name), isSecretName(name) && typeof v === 'string' && v !== '' ? MASK : inner(v)]),
    )
  } finally {
    seen.delete(value)
  }
}
