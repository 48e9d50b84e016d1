import { pathKeys } from '../value.ts'
import type { Path } from '../value.ts'
import { ExactNumber } from '../json/index.ts'

export type Selector = (value: unknown) => unknown

/**
 * Compiles a path to a function that picks the value there, or undefined. Only own properties count, never the
 * prototype's. Numeric keys index arrays (negative ones from the end); `*` goes through every element of an array or
 * every value of an object and gives a flat array of what is there.
 */
export function compilePath(path: Path): Selector {
  return chain(pathKeys(path))
}

function chain(keys: string[]): Selector {
  if (keys.length === 0) return (value) => value
  const [first, ...rest] = keys as [string, ...string[]]
  if (first === '*') return every(chain(rest))
  const get = own(first)
  if (rest.length === 0) return get
  const next = chain(rest)
  return (value) => next(get(value))
}

function own(key: string): Selector {
  const index = /^-?(?:0|[1-9]\d*)$/.test(key) ? Number(key) : null
  const inherited = key in Object.prototype
  return (value) => {
    if (typeof value !== 'object' || value === null) return undefined
    if (Array.isArray(value)) return index === null ? undefined : (value.at(index) as unknown)
    if (value instanceof ExactNumber) return undefined
    if (inherited && !Object.hasOwn(value, key)) return undefined
    return (value as Record<string, unknown>)[key]
  }
}

function every(next: Selector): Selector {
  return (value) => {
    if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return undefined
    const out: unknown[] = []
    for (const item of Array.isArray(value) ? value : Object.values(value)) {
      const found = next(item)
      if (Array.isArray(found)) for (const f of found) out.push(f)
      else if (found !== undefined) out.push(found)
    }
    return out
  }
}

/**
 * The records of a body. A list gives its elements, one object itself, null no records.
 * undefined when nothing stands at the path, or neither a list nor an object: the answer is not what the plan describes.
 */
export function selectRecords(body: unknown, path: Path): unknown[] | undefined {
  const found = compilePath(path)(body)
  if (Array.isArray(found)) return found
  if (found === null) return []
  return typeof found === 'object' && !(found instanceof ExactNumber) ? [found] : undefined
}
