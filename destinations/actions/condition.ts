import type { Condition } from '../../model/action.ts'
import { ExactNumber, stringifyExact } from '../../model/json/index.ts'
import { compilePath } from '../../model/mapping/index.ts'

/** Compiles a condition of the plan. */
export function compileCondition({ path, in: among, notIn, empty }: Condition): (value: unknown) => boolean {
  const pick = compilePath(path)
  const yes = among?.map((v) => JSON.stringify(v))
  const no = notIn?.map((v) => JSON.stringify(v))
  return (value) => {
    const found = pick(value)
    const text = stringifyExact(found)
    if (yes && !yes.includes(text)) return false
    if (no?.includes(text)) return false
    return empty === undefined || isEmpty(found) === empty
  }
}

/** Nothing there: missing, null, '', false, [] or {}. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true
  if (value instanceof ExactNumber || typeof value !== 'object') return false
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0
}
