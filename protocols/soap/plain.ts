import { IsthmusError } from '../../model/index.ts'

/** A value of arguments for the thread: numbers with all their digits, dates and truth values as texts (XML Schema, part 2), undefined left out. */
export function plain(value: unknown): unknown {
  if (value === null || typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || value instanceof Number || value instanceof Boolean || value instanceof String) return String(value)
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object') throw new IsthmusError('InvalidInput', `an argument is a ${typeof value}`, { field: 'from.soap.args' })
  return Object.fromEntries(Object.entries(value).flatMap(([key, one]) => (one === undefined ? [] : [[key, plain(one)] as const])))
}
