import type { z } from 'zod'
import { IsthmusError } from '../model/errors.ts'

/** A value as it may stand in a message: short, and never an object's inside. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `"${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`
  if (value === null || ['number', 'boolean', 'undefined', 'bigint'].includes(typeof value)) return String(value)
  return Array.isArray(value) ? 'a list' : `a${typeof value === 'object' ? 'n' : ''} ${typeof value}`
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], root)
}

/** `a.b[0].c` of a zod path. */
function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}${text ? '.' : ''}${String(key)}`), '')
}

/** The first issue that says the most: inside unions the branch that got furthest. */
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0 || !issue.message.startsWith('Invalid')) return issue
  const inner = issue.errors.flat().sort((a, b) => b.path.length - a.path.length)[0]
  if (!inner) return issue
  return { ...deepest(inner), path: [...issue.path, ...inner.path] } as z.core.$ZodIssue
}

/** Parses `value`, or throws InvalidInput naming file, field, what stands there and the cure. */
export function parseOr<S extends z.ZodType>(schema: S, value: unknown, where: { file: string; field: string }): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = deepest(result.error.issues[0] as z.core.$ZodIssue)
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path
  const inside = dotted(path)
  const field = [where.field, inside].filter(Boolean).join('.').replace('.[', '[')
  // What stands in place of a secret may be one.
  const got = issue.code === 'unrecognized_keys' || issue.message.startsWith('a secret ') ? '' : ` (it is ${shown(valueAt(value, path))})`
  throw new IsthmusError('InvalidInput', `${issue.message}${got}`, { file: where.file, field, cure: cureOf(issue) })
}

function cureOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return 'remove the field, or correct its name'
  if (issue.code === 'invalid_type') return `give a value of type ${issue.expected}`
  return 'correct this field'
}
