import type { z } from 'zod'
import { IsthmusError } from '../errors.ts'
import { MARK } from '../json/index.ts'
import type { Column } from '../plan.ts'
import type { FieldInfo } from './analyse.ts'
import { CastError } from './cast/error.ts'
import { compileCast, compileMarkedCast } from './cast/compile.ts'
import type { CastOptions } from './cast/compile.ts'
import { blankIsMissing, bridge, runZod } from './check.ts'
import type { Bridge } from './check.ts'
import { copyJson, copyText, NULL } from './copy.ts'

/** A cell of a COPY row from a value. Throws CastError. */
export type Cell = (value: unknown) => string

/** What the model says about one column; null when only the plan is known. */
export interface ColumnModel {
  info: FieldInfo
  schema: z.core.$ZodType
}

const same = (text: string): string => text

/** Makes the cast's text a cell. Only texts, enums and JSON can hold what COPY escapes. */
export function encoderOf(column: Column): (text: string) => string {
  const { kind } = column.type
  return kind === 'json' ? copyJson : kind === 'text' || kind === 'enum' ? copyText : same
}

/** Compiles a column: missing values, cast, check with zod where the model asks for more, COPY escapes. */
export function compileCell(column: Column, model: ColumnModel | null, options: CastOptions): Cell {
  const encode = encoderOf(column)
  const missing = compileMissing(column, model)
  if (column.checked && !model) {
    throw new IsthmusError('InvalidInput', `${column.name} has conditions, but the model is not known here`, { field: `model.${column.name}`, cure: 'give the model with its columns' })
  }
  if (column.checked && model) return checkedCell(model, bridge(column, model, options), encode, missing)
  return plainCell(column, compileCast(column.type, options), encode, missing, options)
}

function plainCell(column: Column, cast: (value: unknown) => string, encode: (text: string) => string, missing: Cell, { marked }: CastOptions): Cell {
  const castMarked = compileMarkedCast(column.type, cast)
  const isText = column.type.kind === 'text'
  if (column.type.kind === 'json') return (v) => (v === null || v === undefined ? missing(v) : encode(cast(v)))
  if (!blankIsMissing(column.type)) {
    return (v) => {
      if (typeof v === 'string') {
        if (marked && v.charCodeAt(0) === MARK) return encode(castMarked(v))
        return isText ? copyText(v) : encode(cast(v))
      }
      return v === null || v === undefined ? missing(v) : encode(cast(v))
    }
  }
  return (v) => {
    if (v === null || v === undefined) return missing(v)
    if (typeof v === 'string') {
      const first = v.charCodeAt(0)
      if (first === MARK && marked) return encode(castMarked(v))
      // Blank texts: NaN is the code of the first character of ''.
      if (!(first > 0x20) && v.trim() === '') return missing(null)
    }
    return encode(cast(v))
  }
}

function checkedCell({ schema, info }: ColumnModel, way: Bridge, encode: (text: string) => string, missing: Cell): Cell {
  const blank = blankIsMissing((info.input ?? info).type)
  return (value) => {
    if (value === null || value === undefined) return missing(value)
    if (blank && typeof value === 'string' && value.trim() === '') return missing(null)
    const text = way.fromZod(runZod(schema, way.toZod(value)), value)
    return text === null ? missing(null) : encode(text)
  }
}

/** What a column without a value gets: the model's default, null, or a rejection. */
export function compileMissing(column: Column, model: ColumnModel | null): Cell {
  const refuse = (v: unknown): never => {
    throw new CastError(v === undefined ? 'is missing' : 'is empty, but the model wants a value')
  }
  if (!column.nullable) return refuse
  const info = model?.info
  if (!model || !info || !(info.hasDefault || column.checked)) return () => NULL
  const way = bridge(column, model, {})
  const encode = encoderOf(column)
  return (value) => {
    const text = way.fromZod(runZod(model.schema, way.toZod(value)), undefined)
    return text === null ? NULL : encode(text)
  }
}
