import type { z } from 'zod'
import { IsthmusError } from '../errors.ts'
import type { ExactNumber } from '../json/index.ts'
import { fieldRuleSchema } from '../plan.ts'
import type { FieldRule } from '../plan.ts'
import type { Path } from '../value.ts'
import type { Decimal, LocalDate, LocalTime, LocalTimestamp, Timestamp } from './brands.ts'

/** A record as the source sends it; numbers with a fraction are ExactNumber, whole ones beyond 2^53 bigint. */
export type SourceRecord = any

/** A map function: what the model takes, or null to leave the record out. It must not be async. */
export type MapFor<Model extends z.ZodObject> = (record: SourceRecord) => z.input<Model> | null

/** JSON as it stands in code. */
export type JsonConstant = string | number | boolean | null | readonly JsonConstant[] | { readonly [key: string]: JsonConstant }

/** What a constant, default or table entry of a field may be, as JSON. */
export type ConstantFor<Input> = unknown extends Input
  ? JsonConstant
  : Input extends undefined
    ? never
    : Input extends Decimal | ExactNumber
      ? string | number
      : Input extends LocalDate | Timestamp | LocalTimestamp | LocalTime | Date
        ? string
        : Input extends bigint
          ? string | number
          : Frozen<Input>

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T
type ConstPath = Path | readonly string[]

/** Options of a field that takes its value from the record. */
export interface FromPath<Constant> {
  /** Where the value stands: `a.b`, `items.0.id`, `tags.*`. */
  path: ConstPath
  /** Taken when the value is missing or null. */
  default?: Constant
  /** Replaces values, keyed by the source's value as text; `*` stands for all others, which are refused without it. */
  table?: Readonly<Record<string, Constant>>
  /** Pattern of a date or time: `iso`, `epoch`, `epochMs`, or letters such as `dd.MM.yyyy HH:mm`. */
  format?: string
  /** IANA zone of times that carry none. */
  zone?: string
  /** Decimal separator of numbers that are text. */
  decimal?: '.' | ','
  /** Texts that mean true. */
  truthy?: readonly string[]
  /** Texts that mean false. */
  falsy?: readonly string[]
  /** Texts that mean null. */
  nulls?: readonly string[]
  /** Cut white space at both ends. */
  trim?: boolean
}

/** A path, a path with options, or a constant. */
export type FieldSpec<Input> = ConstPath | FromPath<ConstantFor<Input>> | { value: ConstantFor<Input> }

/** The data mapping a model wants: a field for each of its own, optional ones may be left out. */
export type FieldsFor<Model extends z.ZodObject> = { [K in keyof z.input<Model>]: FieldSpec<z.input<Model>[K]> }

declare const spec: unique symbol

/** A data mapping: the plan's `mapping`, and (for `tsc` only) what was written. */
export interface FieldsMapping<Spec> {
  kind: 'fields'
  fields: Record<string, FieldRule>
  readonly [spec]?: Spec
}

/** What `tsc` shows when a data mapping does not fit its model. */
export interface FieldsError<Message> {
  'this mapping does not fit the model': Message
}

/**
 * Checks a data mapping against a model: `unknown` when it fits, else a FieldsError that names the field.
 * `defineSync<M extends z.ZodObject, const S>(sync: { model: M; map: MapFor<M> | (FieldsMapping<S> & CheckFields<M, S>) })`
 */
export type CheckFields<Model extends z.ZodObject, Spec> = [UnknownKeys<Model, Spec>] extends [never]
  ? [MissingKeys<Model, Spec>] extends [never]
    ? [WrongKeys<Model, Spec>] extends [never]
      ? unknown
      : FieldsError<`the constant, default, table or options of "${WrongKeys<Model, Spec>}" have the wrong type`>
    : FieldsError<`the field "${MissingKeys<Model, Spec>}" is missing`>
  : FieldsError<`the model has no field "${UnknownKeys<Model, Spec>}"`>

type UnknownKeys<Model extends z.ZodObject, Spec> = Exclude<keyof Spec, keyof z.input<Model>> & string
type MissingKeys<Model extends z.ZodObject, Spec> = Exclude<RequiredKeys<z.input<Model>>, keyof Spec> & string
type WrongKeys<Model extends z.ZodObject, Spec> = {
  [K in keyof Spec & keyof z.input<Model>]: Exact<Spec[K], FieldSpec<z.input<Model>[K]>> extends true ? never : K
}[keyof Spec & keyof z.input<Model>] & string
type RequiredKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T]
/** Fits, and has no option that is not known. */
type Exact<Given, Wanted> = Given extends Wanted ? (Given extends ConstPath ? true : Exclude<keyof Given, keyof FromPath<never> | 'value'> extends never ? true : false) : false

/**
 * A mapping as data: for each field of the model a path into the record, a path with options, or `{ value }`.
 * `fields({ id: 'Id', total: { path: 'TotalAmt', decimal: ',' }, source: { value: 'shop' } })`
 * Throws InvalidInput naming the field for a rule that is not understood.
 */
export function fields<const Spec extends Readonly<Record<string, unknown>>>(spec: Spec): FieldsMapping<Spec> {
  const rules: Record<string, FieldRule> = {}
  for (const [name, given] of Object.entries(spec)) {
    const rule: unknown = typeof given === 'string' || Array.isArray(given) ? { path: given } : given
    const parsed = fieldRuleSchema.safeParse(rule)
    if (!parsed.success) {
      const issue = parsed.error.issues[0]
      const where = ['map', name, ...(issue?.path ?? []).map(String)].join('.')
      throw new IsthmusError('InvalidInput', issue?.message ?? 'is not understood', { field: where, cure: "write a path such as 'customer.id', { path, ...options } or { value }" })
    }
    Object.defineProperty(rules, name, { value: parsed.data, enumerable: true, configurable: true, writable: true })
  }
  return { kind: 'fields', fields: rules }
}
