import type { Action } from '../../model/action.ts'
import type { ErrorType } from '../../model/errors.ts'
import { parseExact, stringifyExact } from '../../model/json/index.ts'
import { compilePath, type Selector } from '../../model/mapping/index.ts'
import { bodyExcerpt, classify, type HttpResponse, type Redactor } from '../../protocols/http/index.ts'
import { compileCondition } from '../../model/mapping/index.ts'
import type { Item } from './item.ts'

/** What an answer says of one record. */
export type Result = { kind: 'delivered'; remoteId: string | null } | { kind: 'refused'; reason: string } | { kind: 'unclear'; reason: string }

/** What an answer says of its request. */
export type Reading =
  | { kind: 'each'; results: Result[] }
  /** All records were refused together: the cause may be one of them. */
  | { kind: 'refused'; reason: string }
  /** Not taken up: too many requests. `untilMs` null: the API does not say how long. */
  | { kind: 'throttled'; untilMs: number | null; reason: string }
  | { kind: 'authRequired'; reason: string }
  /** Not taken up, and waiting does not cure it. */
  | { kind: 'hopeless'; type: ErrorType; reason: string; cure: string }
  /** Whether it was taken up is not known. */
  | { kind: 'unclear'; reason: string; untilMs: number | null }

/** Statuses that speak of what is in the request, not of the plan. */
const OF_THE_RECORD = new Set([400, 404, 409, 410, 412, 413, 422, 424])

/** Compiles how the answers of an action are read. */
export function createReader(action: Action, redactor: Redactor): (response: HttpResponse, items: Item[]) => Reading {
  const { batch } = action
  const id = action.id === null ? null : compilePath(action.id)
  const reasonAt = action.reason === null ? null : compilePath(action.reason)
  const success = action.success === null ? null : compileCondition(action.success)
  const done = new Set([...action.done, ...(action.idempotency?.repeated ?? []), ...(action.method === 'DELETE' ? [404, 410] : [])])
  const single = (value: unknown, ok: boolean, excerpt: () => string): Result => (ok ? { kind: 'delivered', remoteId: idText(id, value) } : { kind: 'refused', reason: why(reasonAt, value, redactor) || excerpt() })
  const readBatch = batch?.results ? batchReader(action, single) : null

  return (response, items) => {
    const { status, body } = response
    const excerpt = (): string => bodyExcerpt(body, redactor)
    if (done.has(status)) return { kind: 'each', results: items.map(() => ({ kind: 'delivered', remoteId: idText(id, jsonOf(body)) })) }
    const verdict = classify(response, { nowMs: Date.now(), redactor, expects: null })
    switch (verdict.kind) {
      case 'throttled':
        // An answer of 5xx does not say that nothing was done.
        return status >= 500 ? { kind: 'unclear', reason: verdict.reason, untilMs: verdict.untilMs } : verdict
      case 'authRequired':
        return verdict
      case 'permission':
        return { kind: 'hopeless', type: 'PermissionDenied', reason: verdict.reason, cure: 'grant these credentials the right to perform this action' }
      case 'transient':
        return { kind: 'unclear', reason: verdict.reason, untilMs: null }
      case 'refused': {
        const told = why(reasonAt, jsonOf(body), redactor)
        const reason = told ? `HTTP ${status}: ${told}` : verdict.reason
        // 404 of an address that is the same for all records says nothing about one of them.
        if (OF_THE_RECORD.has(status) && !(status === 404 && !action.path.includes('{'))) return { kind: 'refused', reason }
        return { kind: 'hopeless', type: 'Contract', reason, cure: 'compare path, method and body of the action with the documentation of the API' }
      }
      case 'ok':
      case 'empty':
        break
    }
    const needed = success !== null || readBatch !== null
    const value = jsonOf(body)
    if (value === undefined && needed) return { kind: 'unclear', reason: `HTTP ${status} without the JSON expected: ${excerpt()}`, untilMs: null }
    if (success !== null && !success(value)) return { kind: 'refused', reason: why(reasonAt, value, redactor) || `HTTP ${status}: ${excerpt()}` }
    if (readBatch !== null) return { kind: 'each', results: readBatch(value, items) }
    return { kind: 'each', results: items.map(() => single(value, true, excerpt)) }
  }
}

/** Results of the records of a batch, by their place or by a key. */
function batchReader({ batch }: Action, single: (value: unknown, ok: boolean, excerpt: () => string) => Result): (value: unknown, items: Item[]) => Result[] {
  const { results, key, success } = batch!
  const list = compilePath(results!)
  const keyOf = key === null ? null : compilePath(key.result)
  const ok = success === null ? unlessFailed : compileCondition(success)
  return (value, items) => {
    const found = list(value)
    const all = Array.isArray(found) ? found : []
    const byKey = keyOf === null ? null : new Map(all.map((r: unknown) => [plainText(keyOf(r)), r]))
    return items.map((item, i) => {
      const result: unknown = byKey === null ? all[i] : byKey.get(item.row.cells[key!.column] ?? '')
      if (result === undefined || result === null) return { kind: 'unclear', reason: 'the answer holds no result for the record' }
      return single(result, ok(result), () => stringifyExact(result).slice(0, 200))
    })
  }
}

/** A result of a batch is a success unless it says otherwise in one of the usual ways. */
function unlessFailed(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return result !== false
  const r = result as Record<string, unknown>
  const said = (v: unknown): boolean => v !== undefined && v !== null && v !== false && v !== '' && !(Array.isArray(v) && v.length === 0)
  return !said(r['error']) && !said(r['errors']) && r['success'] !== false && r['ok'] !== false && !(Number(r['status']) >= 400)
}

function jsonOf(body: Buffer): unknown {
  if (body.length === 0) return undefined
  try {
    return parseExact(body)
  } catch {
    return undefined
  }
}

function why(at: Selector | null, value: unknown, redactor: Redactor): string {
  const found = at === null ? undefined : at(value)
  return found === undefined || found === null ? '' : redactor.text(plainText(found)).slice(0, 300)
}

function idText(at: Selector | null, value: unknown): string | null {
  const found = at === null ? undefined : at(value)
  return found === undefined || found === null ? null : plainText(found)
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? value : stringifyExact(value)
}
