import { reviveText } from '../json/revive.ts'
import type { Shape } from './types.ts'

/** Fields that are kept of a stream: what has more is a map rather than a record. */
const MAX_FIELDS = 500
const MAX_NAME = 120
/** A field that is missing in fewer records may be there in others. */
const LEAST_RECORDS = 20
const SHOWN = 5

/** What records look like: the fields of their top level and the JSON types they had. `null` counts as there, and tells no type. `marked`: numbers were not revived when they were parsed; nothing is changed. */
export function shapeOf(records: unknown[], marked = false): Shape {
  const shape: Shape = { n: 0, fields: {} }
  for (const record of records) {
    if (record === null || typeof record !== 'object' || Array.isArray(record)) continue
    shape.n += 1
    for (const [name, value] of Object.entries(record)) {
      const key = name.slice(0, MAX_NAME)
      if (!Object.hasOwn(shape.fields, key)) {
        if (Object.keys(shape.fields).length >= MAX_FIELDS) continue
        Object.defineProperty(shape.fields, key, { value: { n: 0, types: [] }, enumerable: true, writable: true, configurable: true })
      }
      const field = shape.fields[key]!
      field.n += 1
      const type = typeOf(marked && typeof value === 'string' ? reviveText(value) : value)
      if (type !== null && !field.types.includes(type)) field.types.push(type)
    }
  }
  return shape
}

/** Numbers that were parsed exactly are objects or BigInts of their own. */
function typeOf(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'bigint') return 'number'
  if (typeof value === 'object') return Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null ? 'object' : 'number'
  return typeof value
}

export function mergeShapes(a: Shape, b: Shape): Shape {
  const fields = Object.assign(Object.create(null) as Shape['fields'], a.fields)
  for (const [name, { n, types }] of Object.entries(b.fields)) {
    const known = fields[name]
    if (known) fields[name] = { n: known.n + n, types: [...new Set([...known.types, ...types])].sort() }
    else if (Object.keys(fields).length < MAX_FIELDS) fields[name] = { n, types: [...types].sort() }
  }
  return { n: a.n + b.n, fields: { ...fields } }
}

/**
 * How the form of records has changed between two runs: fields that are new, fields that every record had and none has, and fields whose types have
 * nothing in common any more. '' when it has not, or too few records were looked at.
 */
export function driftOf(before: Shape, now: Shape): string {
  if (before.n < LEAST_RECORDS || now.n < LEAST_RECORDS) return ''
  const had = (shape: Shape, name: string): Shape['fields'][string] | null => (Object.hasOwn(shape.fields, name) ? shape.fields[name]! : null)
  const full = Object.keys(before.fields).length >= MAX_FIELDS || Object.keys(now.fields).length >= MAX_FIELDS
  const appeared = full ? [] : Object.keys(now.fields).filter((name) => !had(before, name) && now.fields[name]!.n >= now.n / 2)
  const vanished = full ? [] : Object.keys(before.fields).filter((name) => !had(now, name) && before.fields[name]!.n === before.n)
  const changed = Object.keys(now.fields).flatMap((name) => {
    const [was, is] = [had(before, name)?.types ?? [], now.fields[name]!.types]
    return was.length > 0 && is.length > 0 && !is.some((t) => was.includes(t)) ? [`${name} (was ${was.join(' or ')}, is ${is.join(' or ')})`] : []
  })
  const parts = [['changed their type', changed], ['vanished', vanished], ['appeared', appeared]] as const
  return parts.filter(([, names]) => names.length > 0).map(([what, names]) => `${names.length === 1 ? 'a field' : `${names.length} fields`} ${names.length === 1 ? what.replace('their', 'its') : what}: ${list(names)}`).join('; ')
}

function list(names: string[]): string {
  return `${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ''}`
}
