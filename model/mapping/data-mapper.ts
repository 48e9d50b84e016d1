import type { Column } from '../plan.ts'
import type { Mapper } from '../ports.ts'
import type { FieldPlan } from './fields-mapper.ts'
import { rejectOf } from './reject.ts'
import type { WholeModel } from './whole.ts'

/** The `map` of a data mapping. */
export function dataMapper(columns: readonly Column[], fields: readonly FieldPlan[], whole: WholeModel | null): Mapper['map'] {
  const n = columns.length
  const picks = fields.map((f) => f.pick)
  const cells = fields.map((f) => f.cell)
  const paths = fields.map((f) => f.path)
  const reject = (error: unknown, i: number): ReturnType<Mapper['map']> => rejectOf(error, columns[i]!.name, paths[i])
  if (whole) {
    return (record, out) => {
      const values: unknown[] = []
      try {
        for (const pick of picks) values.push(pick(record))
      } catch (error) {
        return reject(error, values.length)
      }
      const row = whole.row(values, paths)
      if (typeof row !== 'string') return row
      out.text += row
      return null
    }
  }
  return (record, out) => {
    let i = 0
    try {
      let row = cells[0]!(picks[0]!(record))
      for (i = 1; i < n; i++) row += `\t${cells[i]!(picks[i]!(record))}`
      out.text += `${row}\n`
      return null
    } catch (error) {
      return reject(error, i)
    }
  }
}
