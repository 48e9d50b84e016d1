import { pathKeys } from '../../model/index.ts'
import type { Action, Condition, Path } from '../../model/index.ts'
import { textAt } from '../double/extract.ts'
import { put, type Made } from '../double/records.ts'
import { REFUSED } from '../said.ts'
import { insideOf, read, type Values } from './read.ts'
import type { Effect, SinkOptions } from './types.ts'

/** What an API answers, before it is written in what it speaks. */
export interface Reply {
  status: number
  value: unknown
}

/** A call of the action: its body or arguments, and what its address says. */
export interface Call {
  method: string
  address: Values
  body: unknown
  /** The key by which the API recognises a repeated request; null when there is none. */
  given: string | null
}

/** What an action's description says of an API, whatever it speaks: it takes records, knows repeated keys where the action has one, answers look-ups. */
export interface Taker {
  effects: Effect[]
  act(call: Call): Reply
  look(asked: Values): Reply
}

export function createTaker({ action, key, refuses }: Pick<SinkOptions, 'action' | 'key' | 'refuses'>): Taker {
  const effects: Effect[] = []
  const done = new Map<string, Reply>()
  const args = action.soap?.args
  const single = args !== undefined && args !== null && Object.keys(args).length > 0 && action.batch === null ? args : action.body
  const template = action.graphql ? { variables: action.graphql.variables } : single

  const act = ({ method, address, body, given }: Call): Reply => {
    if (action.idempotency && !action.batch && !given) return { status: 400, value: { error: 'no idempotency key' } }
    const known = given === null ? undefined : done.get(given)
    if (known) return { ...known, status: action.idempotency!.repeated[0] ?? known.status }
    const records = recordsOf(body, address)
    // An answer that speaks for all records of a batch takes all of them or none.
    const whole = action.batch !== null && action.batch.results === null
    const results = whole && records.some(isRefused) ? records.map((record) => ({ record, ok: false })) : records.map((record, i) => take(record, method, body, i))
    const reply = replyOf(results)
    if (given !== null) done.set(given, reply)
    return reply
  }

  const isRefused = (record: Values): boolean => refuses !== null && key.some((k) => record[k] === refuses)
  const take = (record: Values, method: string, body: unknown, i: number): { record: Values; ok: boolean } => {
    if (isRefused(record)) return { record, ok: false }
    const field = action.idempotency?.field
    const own = field !== undefined && action.batch ? textAt(listOf(body)[i], field) : null
    if (own !== null && done.has(own)) return { record, ok: true }
    if (own !== null) done.set(own, { status: 200, value: null })
    effects.push({ record, method })
    return { record, ok: true }
  }

  const listOf = (body: unknown): unknown[] => {
    const at = action.batch!.records === '' ? body : pathKeys(action.batch!.records).reduce<unknown>((here, k) => (here as Made | null | undefined)?.[k], body)
    // Of XML one record alone is no list.
    return at === undefined || at === null ? [] : [at].flat()
  }

  function recordsOf(body: unknown, address: Values): Values[] {
    const { batch } = action
    if (batch === null) return [{ ...address, ...read(template, body) }]
    return listOf(body).map((item) => read(template, batch.item === null ? item : insideOf(batch.item, item)) ?? {})
  }

  function replyOf(results: { record: Values; ok: boolean }[]): Reply {
    const { batch } = action
    const value: Made = {}
    const one = (ok: boolean, n: number, record: Values): Made => {
      const result: Made = {}
      const condition = batch?.success ?? (batch ? null : action.success)
      if (condition) satisfy(result, condition, ok)
      else if (!ok) put(result, 'error', REFUSED)
      if (ok && action.id !== null) put(result, action.id, `remote-${n}`)
      if (!ok && action.reason !== null) put(result, action.reason, REFUSED)
      if (batch?.key) put(result, batch.key.result, record[batch.key.column])
      return result
    }
    if (batch?.results) {
      const list = results.map(({ ok, record }, n) => one(ok, n, record))
      if (pathKeys(batch.results).length === 0) return { status: 200, value: list }
      put(value, batch.results, list)
      if (action.success) satisfy(value, action.success, true)
      return { status: 200, value }
    }
    const ok = results.every((r) => r.ok)
    return { status: ok || action.success !== null ? 200 : 422, value: one(ok, effects.length, results[0]?.record ?? {}) }
  }

  function look(asked: Values): Reply {
    const lookup = action.lookup!
    const hit = effects.filter(({ record }) => Object.entries(asked).every(([k, v]) => record[k] === v)).at(-1)
    if (!hit && lookup.records === '') return { status: 404, value: {} }
    const record: Made = {}
    if (hit) for (const [field, text] of Object.entries(lookup.match)) put(record, field, text.replace(/\{([^{}]+)\}/g, (_, name: string) => hit.record[name] ?? ''))
    if (hit && lookup.id !== null) put(record, lookup.id, 'remote-1')
    if (hit && Object.keys(record).length === 0) record['found'] = true
    if (pathKeys(lookup.records).length === 0) return { status: 200, value: record }
    const value: Made = {}
    put(value, lookup.records, hit ? [record] : [])
    return { status: 200, value }
  }

  return { effects, act, look }
}

/** Where the action says its key goes, in a body or arguments that are one record. */
export function keyInBody(action: Action, body: unknown): string | null {
  const field = action.idempotency?.field
  return field === undefined || action.batch ? null : textAt(body, field)
}

/** Makes a condition hold, or not. */
function satisfy(object: Made, { path, in: among, notIn, empty, contains }: Condition, ok: boolean): void {
  const say = (value: unknown): void => void (value !== undefined && put(object, path as Path, value))
  if (among) say(ok ? among[0] : typeof among[0] === 'boolean' ? !among[0] : 'conformance-refused')
  else if (notIn) say(ok ? 'conformance-fine' : notIn[0])
  else if (contains) say(ok ? contains[0] : '')
  // Holds with nothing there when `empty`, with something when not.
  else if (empty !== undefined && empty !== ok) say([REFUSED])
  else if (empty === true) say([])
}
