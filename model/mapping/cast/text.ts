import { ExactNumber } from '../../json/index.ts'
import { CastError, excerpt } from './error.ts'

/** Text of a text, number (with the source's digits), boolean or Date. Lists and objects are refused. */
export function plainText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new CastError(`${value} is not a text`)
    return String(value)
  }
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (value instanceof ExactNumber) return value.text
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
  throw new CastError(`${excerpt(value)} is not a text: name a path inside it, or make the field json`)
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Lower-case UUID with hyphens; takes any case, braces, and 32 digits without hyphens. */
export function uuidText(value: unknown): string {
  if (typeof value === 'string') {
    if (value.length === 36 && UUID.test(value)) return value
    const hex = value.trim().toLowerCase().replace(/^\{(.*)\}$/, '$1')
    if (UUID.test(hex)) return hex
    if (/^[0-9a-f]{32}$/.test(hex)) return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }
  throw new CastError(`${excerpt(value)} is not a UUID`)
}
