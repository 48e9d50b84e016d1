import type { Between } from '../data/collection.ts'
import { parseTimeUs } from '../data/time.ts'
import type { SimulatorConfig } from '../options.ts'
import { Refusal } from './answer.ts'

/** A whole number of the query, or its default. Refuses anything else with 400. */
export function wholeNumber(params: URLSearchParams, name: string, least: number, otherwise: number): number {
  const text = params.get(name)
  if (text === null || text === '') return otherwise
  const value = /^\d{1,15}$/.test(text) ? Number(text) : -1
  if (value < least) throw new Refusal(400, 'invalid_parameter', `${name} must be a whole number from ${least}`)
  return value
}

/** Records per page: `per_page` or `limit`, cut down to the largest page. */
export function pageSize(params: URLSearchParams, config: SimulatorConfig): number {
  const name = params.has('per_page') ? 'per_page' : 'limit'
  return Math.min(wholeNumber(params, name, 1, config.pageSize.default), config.pageSize.max)
}

/** `updated_since` (inclusive) and `updated_before` (exclusive). */
export function between(params: URLSearchParams): Between {
  return { sinceUs: time(params, 'updated_since'), beforeUs: time(params, 'updated_before') }
}

function time(params: URLSearchParams, name: string): number | null {
  const text = params.get(name)
  if (text === null || text === '') return null
  const us = parseTimeUs(text)
  if (us === null) throw new Refusal(400, 'invalid_parameter', `${name} must be an ISO 8601 time or seconds since 1970`)
  return us
}

/** Which cursors are good: those of the present age, and how the others are refused. */
export interface CursorAge {
  age: number
  status: number
}

/** The opaque cursor for "after the record with this stamp". */
export function cursorText(collection: string, stamp: number, age: number): string {
  return Buffer.from(`after:${collection}:${stamp}${age > 0 ? `:${age}` : ''}`).toString('base64url')
}

/** The stamp of a cursor; refuses cursors of other collections, made-up ones, and those of an earlier age. */
export function cursorStamp(collection: string, text: string, now: CursorAge): number {
  const m = /^after:([a-z]+):(\d{1,15})(?::(\d{1,6}))?$/.exec(Buffer.from(text, 'base64url').toString('latin1'))
  if (!m || m[1] !== collection) throw new Refusal(400, 'invalid_cursor', 'the cursor is not one of this collection')
  if (Number(m[3] ?? 0) !== now.age) throw new Refusal(now.status, 'cursor_expired', 'the cursor has expired')
  return Number(m[2])
}
