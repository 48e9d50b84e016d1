import { at, IsthmusError } from '../errors.ts'
import { MARK, reviveText } from '../json/index.ts'
import type { Column, FieldRule } from '../plan.ts'
import type { CastOptions } from './cast/compile.ts'
import { CastError, excerpt, isBlank } from './cast/error.ts'
import { plainText } from './cast/text.ts'
import { compileCell, compileMissing } from './cell.ts'
import type { Cell, ColumnModel } from './cell.ts'
import { NULL } from './copy.ts'
import { compilePath } from './select.ts'
import type { Selector } from './select.ts'

/** How one column of a data mapping is filled. */
export interface FieldPlan {
  /** The record's value, or a Fixed one. */
  pick: Selector
  cell: Cell
  /** How the column casts the record's values. */
  options: CastOptions
  /** The path, for reasons. */
  path: string
}

/** A value of the mapping itself (constant, default, table), checked when the mapping was compiled. */
export class Fixed {
  readonly value: unknown
  readonly cell: string
  constructor(value: unknown, cell: string) {
    this.value = value
    this.cell = cell
  }
}

/** Compiles the rule of a column. Throws InvalidInput (naming `map.<column>`) for rules that cannot work. */
export function compileField(column: Column, rule: FieldRule | undefined, model: ColumnModel | null, marked: boolean): FieldPlan {
  if (!rule) {
    if (!column.nullable) throw bad(column, 'has no rule', `add ${column.name} to fields({ ... }), or make it optional in the model`)
    return { pick: () => undefined, cell: compileMissing(column, model), options: {}, path: '' }
  }
  const fix = compileFixed(column, model)
  if (rule.value !== undefined) {
    const fixed = fix(rule.value, 'value')
    return { pick: () => fixed, cell: () => fixed.cell, options: {}, path: '' }
  }
  if (rule.path === null) throw bad(column, 'has neither path nor value', "name where the value stands, for example 'customer.id'")
  refuseUseless(column, rule)
  const options = { ...rule, marked, exactNumbers: true }
  const cell = located(column, () => compileCell(column, model, options))
  const path = Array.isArray(rule.path) ? rule.path.join('.') : rule.path
  const pick = compilePath(rule.path)
  const prepare = compilePrepare(rule, fix, marked)
  if (!prepare) return { pick, cell, options, path }
  return { pick: (record) => prepare(pick(record)), cell: (v) => (v instanceof Fixed ? v.cell : cell(v)), options, path }
}

/** Cuts texts, applies nulls and the table, takes the default; null when the rule asks for nothing. */
function compilePrepare(rule: FieldRule, fix: (value: unknown, what: string) => Fixed, marked: boolean): Selector | null {
  const { trim, nulls, table } = rule
  const fallback = rule.default === undefined ? null : fix(rule.default, 'default')
  const nullTexts = nulls ? new Set(nulls) : null
  const entries = table ? new Map(Object.entries(table).map(([key, v]) => [key, fix(v, `table.${key}`)])) : null
  if (!trim && !nullTexts && !entries && !fallback) return null
  return (raw) => {
    let v = typeof raw === 'string' && marked ? reviveText(raw) : raw
    if (typeof v === 'string' && trim) v = v.trim()
    if (nullTexts && v !== null && typeof v !== 'object' && nullTexts.has(String(v))) v = null
    if (v === null || v === undefined) return fallback ?? v
    if (entries) {
      const found = entries.get(plainText(v)) ?? entries.get('*')
      if (found) return found
      if (isBlank(v)) return fallback ?? null
      throw new CastError(`${excerpt(v)} has no entry in the table`)
    }
    // What follows reads marked texts, so one that begins with the mark is marked again.
    return typeof v !== 'string' ? raw : marked && v.charCodeAt(0) === MARK ? `\u007f${v}` : v
  }
}

function compileFixed(column: Column, model: ColumnModel | null): (value: unknown, what: string) => Fixed {
  return (value, what) => {
    if (value === null && !column.nullable) {
      throw bad(column, `${what} is null, but the field may not be empty`, 'give a value, or make the field nullable in the model')
    }
    try {
      return new Fixed(value, value === null ? NULL : compileCell(column, model, { exactNumbers: true })(value))
    } catch (error) {
      if (error instanceof CastError) throw bad(column, `${what} does not fit: ${error.message}`, `give a value of type ${column.type.kind}`)
      throw error
    }
  }
}

function located<T>(column: Column, fn: () => T): T {
  try {
    return fn()
  } catch (error) {
    throw at(error, { field: `map.${column.name}` })
  }
}

const TIMES = ['date', 'timestamp', 'localTimestamp', 'time']

/** Options that would be ignored in silence are refused. */
function refuseUseless(column: Column, rule: FieldRule): void {
  const kind = column.type.kind
  const wrong =
    (rule.format !== undefined && !TIMES.includes(kind) && 'format') ||
    (rule.zone !== undefined && (!TIMES.includes(kind) || kind === 'time') && 'zone') ||
    (rule.decimal !== undefined && !['decimal', 'integer', 'float'].includes(kind) && 'decimal') ||
    ((rule.truthy ?? rule.falsy) !== undefined && kind !== 'boolean' && 'truthy and falsy')
  // A field whose model transforms it is cast at its input, which may be another type.
  if (wrong && !column.checked) throw bad(column, `${wrong} has no meaning for a ${kind} column`, 'remove it, or change the field in the model')
}

function bad(column: Column, what: string, cure: string): IsthmusError {
  return new IsthmusError('InvalidInput', `${column.name}: ${what}`, { field: `map.${column.name}`, cure })
}
