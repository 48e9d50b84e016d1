import { IsthmusError } from '../errors.ts'
import type { Column } from '../plan.ts'
import type { MapFunction, Mapper } from '../ports.ts'
import type { Cell } from './cell.ts'
import { cut } from './cast/error.ts'
import { rejectOf } from './reject.ts'
import { lastRead } from './trace.ts'
import type { WholeModel } from './whole.ts'

/** The `map` of a code mapping. */
export function codeMapper(fn: MapFunction, columns: readonly Column[], cells: readonly Cell[], whole: WholeModel | null): Mapper['map'] {
  const names = columns.map((c) => c.name)
  const known = new Set(names)
  const noPaths: string[] = []
  const n = names.length
  return (record, out) => {
    let result: Record<string, unknown> | null | undefined
    try {
      result = fn(record)
    } catch (error) {
      if (error instanceof IsthmusError) throw error
      return rejectOf(error, '', lastRead(fn, record))
    }
    if (result === null) return 'filtered'
    if (typeof result !== 'object' || Array.isArray(result) || result instanceof Promise) return refuse(result)
    let given = 0
    let i = 0
    try {
      let row = ''
      const values: unknown[] = []
      for (i = 0; i < n; i++) {
        const name = names[i]!
        const value = result[name]
        if (value !== undefined || Object.hasOwn(result, name)) given++
        if (whole) values.push(value)
        else row += i === 0 ? cells[i]!(value) : `\t${cells[i]!(value)}`
      }
      for (const _ in result) given--
      if (given !== 0) return unknownKey(result, known)
      if (whole) {
        const text = whole.row(values, noPaths)
        if (typeof text !== 'string') return text
        out.text += text
      } else out.text += `${row}\n`
      return null
    } catch (error) {
      return rejectOf(error, names[i]!)
    }
  }
}

function refuse(result: unknown): ReturnType<Mapper['map']> {
  if (result instanceof Promise) {
    result.catch(() => undefined)
    throw new IsthmusError('InvalidInput', 'the map function is async', { field: 'map', cure: 'map is a plain function of the record: remove async' })
  }
  const what = result === undefined ? 'nothing' : Array.isArray(result) ? 'a list' : `a ${typeof result}`
  return { reason: `the map function returned ${what}: return an object, or null to leave the record out`, field: '' }
}

function unknownKey(result: object, known: ReadonlySet<string>): ReturnType<Mapper['map']> {
  for (const key in result) {
    if (!known.has(key)) return { reason: `the map function gave ${cut(JSON.stringify(key), 60)}, which the model does not have`, field: '' }
  }
  return { reason: 'the map function gave an object whose fields are inherited or hidden: return a plain object', field: '' }
}
