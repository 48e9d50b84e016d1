import type { z } from 'zod'
import { IsthmusError } from '../errors.ts'
import { reviveText } from '../json/index.ts'
import type { Column, ColumnType } from '../plan.ts'
import type { Shape } from './analyse.ts'
import { CastError, cut } from './cast/error.ts'
import type { ColumnModel } from './cell.ts'
import { compileCast } from './cast/compile.ts'
import type { CastOptions } from './cast/compile.ts'
import { utcText } from './cast/datetime.ts'
import { plain } from './exact.ts'
import { compileNested } from './nested.ts'

/** A field as zod wants it and back. */
export interface Bridge {
  /** The value for zod; undefined or null when it is missing. Throws CastError. */
  toZod(value: unknown): unknown
  /** The text PostgreSQL reads, of what zod gave for `value`; null when zod gave nothing. Throws CastError. */
  fromZod(output: unknown, value: unknown): string | null
}

/** Compiles the way of a column's values through zod. Values may be marked texts if the options say so. */
export function bridge(column: Column, { info, schema }: ColumnModel, options: CastOptions): Bridge {
  const source = info.input ?? info
  const marked = options.marked === true
  const shape = shaper(source.shape)
  const castIn = compileCast(info.input ? source.type : column.type, options)
  const castOut = compileCast(column.type, { exactNumbers: true })
  const nested = compileNested(schema, { marked, exactNumbers: options.exactNumbers === true })
  const toValue = (v: unknown): unknown =>
    source.shape === 'plain' ? nested.toZod(v) : shape(castIn(marked && typeof v === 'string' ? reviveText(v) : v))
  const blank = blankIsMissing(source.type)
  const isJson = column.type.kind === 'json'
  return {
    toZod(value) {
      if (value === undefined || value === null || (blank && typeof value === 'string' && value.trim() === '')) {
        return info.acceptsNull && !(value === undefined && info.hasDefault) ? null : undefined
      }
      if (!info.catches) return toValue(value)
      try {
        return toValue(value)
      } catch {
        return plain(value, marked)
      }
    },
    fromZod(output, value) {
      if (output === undefined || output === null) return null
      return castOut(isJson ? nested.fromZod(output, value) : output)
    },
  }
}

/** Blank texts mean nothing but to texts, JSON, and enums that list them. */
export function blankIsMissing(type: ColumnType): boolean {
  return type.kind !== 'text' && type.kind !== 'json' && !(type.kind === 'enum' && type.values.some((v) => v.trim() === ''))
}

function shaper(shape: Shape): (text: string) => unknown {
  switch (shape) {
    case 'number':
      return (text) => {
        const n = Number(text)
        return Number.isInteger(n) && !Number.isSafeInteger(n) && /^-?\d+$/.test(text) ? BigInt(text) : n
      }
    case 'bigint':
      return (text) => BigInt(text)
    case 'boolean':
      return (text) => text === 't'
    case 'date':
      return (text) => new Date(text)
    case 'utcText':
      return utcText
    case 'text':
    case 'plain':
      return (text) => text
  }
}

/** z.int() ends at 2^53: what takes more is not known to everybody. */
function tooBig(issue: z.core.$ZodIssue | undefined): string {
  return issue?.code === 'too_big' && issue.maximum === Number.MAX_SAFE_INTEGER ? '; t.int64() takes it' : ''
}

/** Runs a schema and gives its output. `inside` is how many parts of an issue's path the caller tells itself. Throws CastError with zod's first message, and InvalidInput for asynchronous checks. */
export function runZod(schema: z.core.$ZodType, value: unknown, inside = 0): unknown {
  const result = safely(schema, value)
  if (result.success) return result.data
  throw new ZodFault(result.error.issues[0], inside)
}

/** A CastError that knows which field of a whole model it is about. */
export class ZodFault extends CastError {
  readonly path: PropertyKey[]
  constructor(issue: z.core.$ZodIssue | undefined, inside: number) {
    const where = (issue?.path ?? []).slice(inside).map(String).join('.')
    super(`${where === '' ? '' : `${cut(where)}: `}${cut(issue?.message ?? 'the model refuses it')}${tooBig(issue)}`)
    this.path = issue?.path ?? []
  }
}

function safely(schema: z.core.$ZodType, value: unknown): z.ZodSafeParseResult<unknown> {
  try {
    return (schema as z.ZodType).safeParse(value)
  } catch (error) {
    if (error instanceof Error && error.constructor.name.includes('Async')) {
      throw new IsthmusError('InvalidInput', 'the model has an asynchronous check or transform', { field: 'model', cure: 'use synchronous ones only', cause: error })
    }
    throw new CastError(`the model's check failed: ${cut(error instanceof Error ? error.message : String(error))}`)
  }
}
