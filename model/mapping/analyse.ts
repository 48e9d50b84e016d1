import type { z } from 'zod'
import type { ColumnType } from '../plan.ts'
import { columnTypeOf } from './types.ts'

/** How zod wants to see a value of a field: the cast's text, turned into this before a check. */
export type Shape = 'text' | 'utcText' | 'number' | 'bigint' | 'boolean' | 'date' | 'plain'

/** What a field's schema says about its column and about checking it. */
export interface FieldInfo {
  type: ColumnType
  shape: Shape
  /** The column may be null. */
  nullable: boolean
  /** zod takes null itself; else a missing value is shown to it as undefined. */
  acceptsNull: boolean
  /** zod gives a value for undefined. */
  hasDefault: boolean
  /** zod gives a value in place of a wrong one. */
  catches: boolean
  /** More to check than the column type itself. */
  checked: boolean
  /** How the value is cast before zod changes it: a schema that transforms has another type at its input. */
  input: FieldInfo | null
}

type Def = z.core.$ZodTypeDef & Record<string, any>

const json = (checked: boolean): FieldInfo => field({ kind: 'json' }, 'plain', checked)

function field(type: ColumnType, shape: Shape, checked: boolean): FieldInfo {
  return { type, shape, checked, nullable: false, acceptsNull: false, hasDefault: false, catches: false, input: null }
}

/**
 * Reads a schema. The column's type is that of the schema's output: `z.string().transform(f)` has none that can be
 * known and becomes json, `z.string().transform(f).pipe(z.int())` an integer. `z.coerce` counts as its target, and
 * values are coerced exactly (by the casts). Types that no column fits become json, checked by zod.
 */
export function analyse(schema: z.core.$ZodType): FieldInfo {
  const def = schema._zod.def as Def
  const info = base(schema, def)
  return (def.checks?.length ?? 0) > formatChecks(def) ? { ...info, checked: true } : info
}

function base(schema: z.core.$ZodType, def: Def): FieldInfo {
  switch (def.type as string) {
    case 'optional':
      return { ...analyse(def.innerType), nullable: true }
    case 'nullable':
      return { ...analyse(def.innerType), nullable: true, acceptsNull: true }
    case 'default':
    case 'prefault':
      return { ...analyse(def.innerType), nullable: true, hasDefault: true }
    case 'catch':
      return { ...analyse(def.innerType), nullable: true, hasDefault: true, catches: true, checked: true }
    case 'nonoptional': {
      const inner = analyse(def.innerType)
      return { ...inner, nullable: inner.acceptsNull }
    }
    case 'readonly':
      return analyse(def.innerType)
    case 'lazy':
      return analyse(def.getter())
    case 'pipe':
      return pipe(analyse(def.in), analyse(def.out))
    case 'transform': {
      const type = columnTypeOf(schema)
      if (!type) return json(true)
      return field(type, type.kind === 'json' ? 'plain' : 'text', false)
    }
    case 'string':
      return string(def)
    case 'number':
      return number(def)
    case 'bigint':
      return bigint(def)
    case 'boolean':
      return field({ kind: 'boolean' }, 'boolean', false)
    case 'date':
      return field({ kind: 'timestamp' }, 'date', false)
    case 'enum':
      return values(Object.values(def.entries as Record<string, unknown>))
    case 'literal':
      return values(def.values as unknown[])
    case 'template_literal':
      return field({ kind: 'text' }, 'text', true)
    case 'union':
      return union(def.options as z.core.$ZodType[])
    case 'any':
    case 'unknown':
      return { ...json(false), nullable: true, acceptsNull: true }
    case 'null':
      return { ...json(true), nullable: true, acceptsNull: true }
    default:
      return json(true)
  }
}

function pipe(from: FieldInfo, to: FieldInfo): FieldInfo {
  return { ...to, checked: true, nullable: from.nullable || to.nullable, acceptsNull: from.acceptsNull, hasDefault: from.hasDefault, catches: from.catches, input: from.input ?? from }
}

/** Formats that are column types of their own; `z.string().date()` carries the same as a check. */
function formatOf(def: Def): Def | null {
  const inner = (def.checks as z.core.$ZodCheck[] | undefined)?.map((c) => c._zod.def as unknown as Def).find((d) => typeof d.format === 'string')
  return typeof def.format === 'string' ? def : (inner ?? null)
}

function formatChecks(def: Def): number {
  if (def.type !== 'string' && def.type !== 'number' && def.type !== 'bigint') return 0
  return typeof def.format === 'string' || !formatOf(def) ? 0 : 1
}

function string(def: Def): FieldInfo {
  const format = formatOf(def)
  switch (format?.format) {
    case undefined:
      return field({ kind: 'text' }, 'text', false)
    case 'uuid':
    case 'guid':
      return field({ kind: 'uuid' }, 'text', format!.version !== undefined)
    case 'date':
      return field({ kind: 'date' }, 'text', false)
    case 'time':
      return field({ kind: 'time' }, 'text', typeof format!.precision === 'number')
    case 'datetime': {
      const checked = typeof format!.precision === 'number'
      return format!.local ? field({ kind: 'localTimestamp' }, 'text', checked) : field({ kind: 'timestamp' }, format!.offset ? 'text' : 'utcText', checked)
    }
    default:
      return field({ kind: 'text' }, 'text', true)
  }
}

function number(def: Def): FieldInfo {
  const format = formatOf(def)?.format as string | undefined
  if (format === undefined || format === 'float64') return field({ kind: 'float' }, 'number', false)
  if (format === 'float32') return field({ kind: 'float' }, 'number', true)
  // z.int() itself would refuse an id beyond 2^53; the column holds 64 bits.
  return field({ kind: 'integer' }, 'number', format !== 'safeint')
}

function bigint(def: Def): FieldInfo {
  const format = formatOf(def)?.format as string | undefined
  if (format === 'int64') return field({ kind: 'integer' }, 'bigint', false)
  return field({ kind: 'decimal', precision: null, scale: 0 }, 'bigint', format !== undefined)
}

function values(list: unknown[]): FieldInfo {
  const rest = list.filter((v) => v !== null && v !== undefined)
  const missing = { nullable: rest.length < list.length, acceptsNull: list.includes(null) }
  const all = (type: string): boolean => rest.length > 0 && rest.every((v) => typeof v === type)
  if (all('string')) return { ...field({ kind: 'enum', values: [...new Set(rest as string[])] }, 'text', false), ...missing }
  if (all('boolean')) return { ...field({ kind: 'boolean' }, 'boolean', true), ...missing }
  if (all('number')) return { ...field({ kind: rest.every(Number.isSafeInteger) ? 'integer' : 'float' }, 'number', true), ...missing }
  if (all('bigint')) return { ...field({ kind: 'integer' }, 'bigint', true), ...missing }
  return { ...json(true), ...missing }
}

/** `T | null` and `T | undefined` are T that may be missing; other unions are json. */
function union(options: z.core.$ZodType[]): FieldInfo {
  const kinds = options.map((o) => o._zod.def.type)
  const rest = options.filter((_, i) => kinds[i] !== 'null' && kinds[i] !== 'undefined')
  const missing = { nullable: rest.length < options.length, acceptsNull: kinds.includes('null') }
  if (rest.length !== 1) {
    const nullable = missing.nullable || rest.some((o) => analyse(o).nullable)
    return { ...json(true), nullable, acceptsNull: nullable && (missing.acceptsNull || rest.some((o) => analyse(o).acceptsNull)) }
  }
  const inner = analyse(rest[0]!)
  return { ...inner, nullable: inner.nullable || missing.nullable, acceptsNull: inner.acceptsNull || missing.acceptsNull }
}
