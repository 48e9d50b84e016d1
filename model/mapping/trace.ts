import type { MapFunction } from '../ports.ts'

/**
 * Where a map function was in the record when it threw: the last path it read, such as `Customer.Name`; '' if unknown.
 * Runs the function once more; called for rejected records only.
 */
export function lastRead(fn: MapFunction, record: unknown): string {
  let last = ''
  const watch = (value: unknown, path: string): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return value
    return new Proxy(value, {
      get(target, key, receiver) {
        const found: unknown = Reflect.get(target, key, receiver)
        if (typeof key === 'symbol' || typeof found === 'function' || key === 'length') return found
        const here = path === '' ? key : `${path}.${key}`
        last = here
        return watch(found, here)
      },
    })
  }
  try {
    fn(watch(record, ''))
  } catch {
    return last
  }
  return ''
}
