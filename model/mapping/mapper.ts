import type { z } from 'zod'
import { IsthmusError } from '../errors.ts'
import type { ParseOptions } from '../json/index.ts'
import type { Column, Mapping } from '../plan.ts'
import type { MapFunction, Mapper } from '../ports.ts'
import { compileCell } from './cell.ts'
import type { ColumnModel } from './cell.ts'
import { codeMapper } from './code-mapper.ts'
import { fieldsOf } from './columns.ts'
import { compileField } from './fields-mapper.ts'
import { dataMapper } from './data-mapper.ts'
import { codeKey, dataKey } from './key.ts'
import type { KeyPaths } from './key.ts'
import { compileWhole, hasRefinements } from './whole.ts'

export interface MapperInput {
  columns: Column[]
  mapping: Mapping
  /** The function of a `code` mapping. */
  fn?: MapFunction | undefined
  /** The model the columns come from; needed when a column is checked, has a default, or the model has refinements. */
  model?: z.ZodObject | undefined
  /** Columns that identify a row, and where the source keeps its key: for `keyOf`. Without them no key is read. */
  key?: KeyPaths | undefined
}

/** A mapper and how bodies are parsed for it: `parseExact(body, mapper.parse)`. */
export type CompiledMapper = Mapper & { readonly parse: Pick<ParseOptions, 'revive'> }

/**
 * Compiles a mapping to a function that casts, validates and encodes one COPY row at a time.
 * A bad record is returned as a rejection (its reason holds at most about 80 characters of source data), never thrown.
 * Throws InvalidInput, naming the field and the cure, for a mapping that cannot work.
 */
export function compileMapper({ columns, mapping, fn, model, key }: MapperInput): CompiledMapper {
  const models = modelsOf(columns, model)
  const whole = model && hasRefinements(model)
  if (mapping.kind === 'fields') {
    for (const name of Object.keys(mapping.fields)) {
      if (!columns.some((c) => c.name === name)) {
        throw new IsthmusError('InvalidInput', `the model has no field ${name}`, { field: `map.${name}`, cure: `use one of ${columns.map((c) => c.name).join(', ')}` })
      }
    }
    const fields = columns.map((c, i) => compileField(c, own(mapping.fields, c.name), models[i] ?? null, true))
    const all = whole ? compileWhole(columns, models as ColumnModel[], model, fields.map((f) => f.options)) : null
    return { map: dataMapper(columns, fields, all), keyOf: dataKey(columns, fields, key, all !== null), parse: { revive: false } }
  }
  if (!fn) throw new IsthmusError('InvalidInput', 'the map function of the sync is not there', { field: 'map', cure: 'export the sync with its map function' })
  const cells = columns.map((c, i) => compileCell(c, models[i] ?? null, {}))
  const all = whole ? compileWhole(columns, models as ColumnModel[], model, columns.map(() => ({}))) : null
  return { map: codeMapper(fn, columns, cells, all), keyOf: codeKey(fn, columns, cells, key, all !== null), parse: { revive: true } }
}

function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}

function modelsOf(columns: Column[], model: z.ZodObject | undefined): (ColumnModel | null)[] {
  if (!model) return columns.map(() => null)
  const infos = fieldsOf(model)
  return columns.map(({ name }) => {
    const info = infos[name]
    const schema = model.shape[name]
    if (!info || !schema) {
      throw new IsthmusError('InvalidInput', `the plan has a column ${name}, the model has no such field`, { field: `model.${name}`, cure: 'compile the sync again' })
    }
    return { info, schema }
  })
}
