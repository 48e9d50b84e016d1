import type { z } from 'zod'
import { ExactNumber, exactText, memberOf, reviveText } from '../json/index.ts'
import { decimalText } from './cast/number.ts'
import { plain, restore } from './exact.ts'
import { columnTypeOf } from './types.ts'

/** A value inside a JSON column on its way through zod, which knows neither ExactNumber nor marked texts. */
export interface Nested {
  /** The value for zod: exact where the schema takes that, else the nearest number. */
  toZod(value: unknown): unknown
  /** What zod made of `original`, for jsonb: numbers with the source's digits, decimals as numbers. Throws CastError. */
  fromZod(output: unknown, original: unknown): unknown
}

export interface NestedOptions {
  /** Values come from `parseExact(body, { revive: false })`. */
  marked: boolean
  /** Numbers with a fraction are as written (constants of a mapping), so a decimal takes them. */
  exactNumbers: boolean
}

type Def = z.core.$ZodTypeDef & Record<string, any>
type Visit = (schema: z.core.$ZodType) => Nested

/** Compiles a schema's way in and out, down to its last leaf. What no rule here knows goes as plain numbers and comes back with its digits. */
export function compileNested(schema: z.core.$ZodType, options: NestedOptions): Nested {
  const done = new Map<z.core.$ZodType, Nested>()
  const anything: Nested = { toZod: (v) => plain(v, options.marked), fromZod: (o, v) => restore(o, v, options.marked) }
  const visit: Visit = (inner) => {
    let found = done.get(inner)
    if (!found) {
      // Schemas may hold themselves: what is compiled later is looked up when a value comes.
      let made: Nested | null = null
      const get = (): Nested => (made ??= compile(inner, visit, anything, options))
      found = { toZod: (v) => get().toZod(v), fromZod: (o, v) => get().fromZod(o, v) }
      done.set(inner, found)
    }
    return found
  }
  return visit(schema)
}

function compile(schema: z.core.$ZodType, visit: Visit, anything: Nested, options: NestedOptions): Nested {
  const def = schema._zod.def as Def
  const column = columnTypeOf(schema)
  if (column?.kind === 'json') return anything
  if (column) return leaf(column.kind === 'decimal', anything, options)
  switch (def.type as string) {
    case 'optional': case 'nullable': case 'default': case 'prefault': case 'catch': case 'nonoptional': case 'readonly':
      return visit(def.innerType)
    case 'lazy':
      return visit(def.getter())
    case 'pipe':
      return { toZod: visit(def.in).toZod, fromZod: visit(def.out).fromZod }
    case 'object': case 'record':
      return object(fieldsOf(def, visit), anything)
    case 'intersection':
      return intersection(def, visit, anything)
    case 'array':
      return list(() => visit(def.element), anything)
    case 'tuple':
      return list((i) => (i < def.items.length ? visit(def.items[i]) : def.rest ? visit(def.rest) : anything), anything)
    case 'union':
      return union(def, visit, anything, options)
    case 'number':
      return { ...anything, toZod: (v) => nearest(anything.toZod(v)) }
    case 'bigint':
      return { ...anything, toZod: (v) => whole(anything.toZod(v)) }
    case 'string':
      // z.coerce.string(): the digits, not those of a double.
      return def.coerce ? { toZod: (v) => exactValue(v, options.marked), fromZod: (o) => o } : anything
    default:
      return anything
  }
}

const nearest = (v: unknown): unknown => (typeof v === 'bigint' ? Number(v) : v)
const whole = (v: unknown): unknown => (typeof v === 'number' && Number.isSafeInteger(v) ? BigInt(v) : v)

/** A marked text as ExactNumber (bigint beyond 2^53), zeros too. */
function exactValue(value: unknown, marked: boolean): unknown {
  const text = marked ? exactText(value) : undefined
  if (text === undefined) return marked && typeof value === 'string' ? reviveText(value) : value
  return /[.eE]/.test(text) ? new ExactNumber(text) : BigInt(text)
}

/** A field made by `t`: it takes exact numbers itself. */
function leaf(isDecimal: boolean, anything: Nested, { marked, exactNumbers }: NestedOptions): Nested {
  return {
    toZod(value) {
      const v = exactValue(value, marked)
      if (exactNumbers && isDecimal && typeof v === 'number' && !Number.isInteger(v)) return String(v)
      return typeof v === 'object' && v !== null && !(v instanceof ExactNumber) ? anything.toZod(v) : v
    },
    fromZod: (output) => (isDecimal && typeof output === 'string' ? new ExactNumber(decimalText(output)) : output),
  }
}

type Fields = (key: string) => Nested | undefined

function fieldsOf(def: Def, visit: Visit): Fields {
  if (def.type === 'record') return () => visit(def.valueType)
  return (key) => (Object.hasOwn(def.shape, key) ? visit(def.shape[key]) : def.catchall ? visit(def.catchall) : undefined)
}

/** Both sides see one value: a field is compiled by the side that names it. */
function intersection(def: Def, visit: Visit, anything: Nested): Nested {
  const sides = [def.left, def.right].map((s: z.core.$ZodType) => s._zod.def as Def)
  if (!sides.every((d) => d.type === 'object' || d.type === 'record')) return anything
  const named = sides.filter((d) => d.type === 'object').map((d) => fieldsOf({ ...d, catchall: undefined }, visit))
  const rest = sides.map((d) => fieldsOf(d, visit))
  return object((key) => [...named, ...rest].map((f) => f(key)).find((f) => f !== undefined), anything)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null
}

function object(fields: Fields, anything: Nested): Nested {
  return {
    toZod(value) {
      if (!isRecord(value)) return anything.toZod(value)
      return Object.fromEntries(Object.keys(value).map((key) => [key, (fields(key) ?? anything).toZod(memberOf(value, key))]))
    },
    fromZod(output, original) {
      if (!isRecord(output)) return anything.fromZod(output, original)
      const from = isRecord(original) ? original : null
      return Object.fromEntries(Object.entries(output).map(([key, v]) => [key, (fields(key) ?? anything).fromZod(v, from && Object.hasOwn(from, key) ? memberOf(from, key) : undefined)]))
    },
  }
}

function list(at: (index: number) => Nested, anything: Nested): Nested {
  return {
    toZod: (value) => (Array.isArray(value) ? value.map((_, i) => at(i).toZod(memberOf(value, i))) : anything.toZod(value)),
    fromZod: (output, original) =>
      Array.isArray(output) ? output.map((v, i) => at(i).fromZod(v, Array.isArray(original) ? memberOf(original, i) : undefined)) : anything.fromZod(output, original),
  }
}

/** The first option that takes the value, as zod chooses; the next one's numbers may want another form. */
function union(def: Def, visit: Visit, anything: Nested, { marked }: NestedOptions): Nested {
  const all = def.options as z.core.$ZodType[]
  const some = all.filter((o) => !['null', 'undefined'].includes(o._zod.def.type))
  if (some.length === 1) return visit(some[0]!)
  const choose = (value: unknown): Nested => {
    const tag = def.discriminator !== undefined && isRecord(value) ? plain(value[def.discriminator], marked) : undefined
    const options = tag === undefined ? all : all.filter((o) => o._zod.propValues?.[def.discriminator]?.has(tag as string) ?? true)
    const found = options.length === 1 ? options[0] : options.find((o) => (o as z.ZodType).safeParse(visit(o).toZod(value)).success)
    return found ? visit(found) : anything
  }
  return { toZod: (value) => choose(value).toZod(value), fromZod: (output, original) => choose(original).fromZod(output, original) }
}
