import type { Condition } from '../condition.ts'
import { ExactNumber, revive, stringifyExact } from '../json/index.ts'
import { pathKeys } from '../value.ts'
import { compilePath } from './select.ts'

/** Compiles a condition of the plan. With `*` in its path one value that fits is enough. Numbers may be marked (see `parseExact`). */
export function compileCondition({ path, in: among, notIn, empty, contains }: Condition): (value: unknown) => boolean {
  const pick = compilePath(path)
  const yes = among?.map((v) => JSON.stringify(v))
  const no = notIn?.map((v) => JSON.stringify(v))
  const words = contains?.map((w) => w.toLowerCase())
  const many = pathKeys(path).includes('*')
  const fits = (found: unknown): boolean => {
    const text = stringifyExact(found)
    if (yes && !yes.includes(text)) return false
    if (no?.includes(text)) return false
    if (words) {
      const plain = (typeof found === 'string' ? found : (text ?? '')).toLowerCase()
      if (!words.some((w) => plain.includes(w))) return false
    }
    return empty === undefined || isEmpty(found) === empty
  }
  return (value) => {
    const found = revive(pick(value))
    return many && Array.isArray(found) && empty === undefined ? found.some(fits) : fits(found)
  }
}

/** Nothing there: missing, null, '', false, [] or {}. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true
  if (value instanceof ExactNumber || typeof value !== 'object') return false
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0
}
