import { ExactNumber, exactText, memberOf, reviveText } from '../json/index.ts'

/** A copy for zod, which knows numbers and texts only: ExactNumber becomes number. `marked`: from `revive: false`. */
export function plain(value: unknown, marked: boolean): unknown {
  if (typeof value === 'string') {
    if (!marked) return value
    const v = reviveText(value)
    return v instanceof ExactNumber ? Number(v) : v
  }
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof ExactNumber) return Number(value)
  if (Array.isArray(value)) return value.map((v) => plain(v, marked))
  if (!isPlainObject(value)) return value
  return mapObject(value, (v) => plain(v, marked))
}

/** zod's output with the source's digits put back wherever zod left the number as it was. */
export function restore(output: unknown, original: unknown, marked: boolean): unknown {
  if (typeof output === 'number') {
    const text = marked ? exactText(original) : undefined
    const v = text === undefined ? original : new ExactNumber(text)
    return (v instanceof ExactNumber || typeof v === 'bigint') && Number(v) === output ? v : output
  }
  if (typeof output !== 'object' || output === null || typeof original !== 'object' || original === null) return output
  if (Array.isArray(output)) return Array.isArray(original) ? output.map((v, i) => restore(v, memberOf(original, i), marked)) : output
  if (!isPlainObject(output)) return output
  return mapObject(output, (v, key) => restore(v, Object.hasOwn(original, key) ? memberOf(original, key) : undefined, marked))
}

function isPlainObject(value: object): boolean {
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null
}

function mapObject(value: object, fn: (v: unknown, key: string) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fn(v, k)]))
}
