import type { Action } from '../../model/action.ts'
import type { ErrorType } from '../../model/errors.ts'
import { compileCondition, compilePath, type Selector } from '../../model/mapping/index.ts'
import type { Source } from '../../model/source.ts'
import { bodyExcerpt, type HttpResponse, type Redactor } from '../../protocols/http/index.ts'
import { batchReader } from './batch.ts'
import type { Item } from './item.ts'
import type { Heard } from './listener.ts'
import { locationId, plainText } from './text.ts'

/** What an answer says of one record. */
export type Result =
  | { kind: 'delivered'; remoteId: string | null }
  | { kind: 'refused'; reason: string }
  | { kind: 'unclear'; reason: string }
  /** Not taken for now. */
  | { kind: 'again'; reason: string }

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
const OF_THE_RECORD = new Set([400, 404, 409, 410, 412, 413, 422, 423, 424])
/** Statuses that say "repeated" only when they name the first result: they are also those of bad records. */
const AMBIGUOUS = new Set([400, 422])

/** Compiles how the answers of an action are read. What is not known to be untaken is unclear. */
export function createReader(source: Pick<Source, 'kind'>, action: Action, redactor: Redactor): (heard: Heard, items: Item[]) => Reading {
  const { batch, idempotency } = action
  const id = action.id === null ? null : compilePath(action.id)
  const reasonAt = action.reason === null ? null : compilePath(action.reason)
  const first = idempotency?.first ? compilePath(idempotency.first) : null
  const success = action.success === null ? null : compileCondition(action.success)
  const repeated = new Set(idempotency?.repeated ?? [])
  const done = new Set([...action.done, ...(action.method === 'DELETE' ? [404, 410] : [])])
  const why = (value: unknown): string => said(reasonAt, value, redactor)
  const idOf = (value: unknown, response: HttpResponse): string | null => idText(id, value) ?? locationId(response.headers['location'])
  const single = (value: unknown, ok: boolean, excerpt: () => string): Result => (ok ? { kind: 'delivered', remoteId: idText(id, value) } : { kind: 'refused', reason: why(value) || redactor.text(excerpt()) })
  const readBatch = batch !== null && batch.results !== null ? batchReader(batch, single) : null

  /** The first request with the key was taken: this answer only says so. */
  const firstResult = ({ response, value }: Heard): { remoteId: string | null } | null => {
    if (!repeated.has(response.status)) return null
    const named = idText(first, value) ?? locationId(response.headers['location'])
    return named === null && AMBIGUOUS.has(response.status) ? null : { remoteId: named ?? idText(id, value) }
  }

  return (heard, items) => {
    const { response, value, verdict, by } = heard
    const { status } = response
    const excerpt = (): string => bodyExcerpt(response.body, redactor)
    const all = (remoteId: string | null): Reading => ({ kind: 'each', results: items.map(() => ({ kind: 'delivered', remoteId })) })
    if (by !== 'rule') {
      if (done.has(status)) return all(idText(id, value))
      const before = firstResult(heard)
      if (before) return all(before.remoteId)
    }
    switch (verdict.kind) {
      case 'throttled':
        // A status of 5xx alone does not say that nothing was done.
        return by === 'status' && status >= 500 ? { kind: 'unclear', reason: verdict.reason, untilMs: verdict.untilMs } : verdict
      case 'authRequired':
        return verdict
      case 'permission':
        return { kind: 'hopeless', type: 'PermissionDenied', reason: verdict.reason, cure: 'grant these credentials the right to perform this action' }
      case 'transient':
        if (by === 'protocol' && source.kind === 'graphql' && tookEffect(value)) break
        return { kind: 'unclear', reason: verdict.reason, untilMs: null }
      case 'refused':
      case 'positionLost': {
        if (by === 'protocol' && source.kind === 'graphql' && tookEffect(value)) break
        const told = why(value)
        const reason = told ? `HTTP ${status}: ${told}` : verdict.reason
        if (by !== 'status' && (status < 300 || status >= 500)) return { kind: 'refused', reason }
        // 404 of an address that is the same for all records says nothing about one of them.
        if (OF_THE_RECORD.has(status) && !(status === 404 && !action.path.includes('{'))) return { kind: 'refused', reason }
        return { kind: 'hopeless', type: 'Contract', reason, cure: 'compare path, method and body of the action with the documentation of the API' }
      }
      case 'ok':
      case 'empty':
        break
    }
    if (by === 'rule' && status >= 300) return all(idOf(value, response))
    const needed = success !== null || readBatch !== null || source.kind === 'soap' || source.kind === 'graphql'
    if (value === undefined && (needed || isPageForPeople(response))) {
      return { kind: 'unclear', reason: `HTTP ${status} without the ${source.kind === 'soap' ? 'XML' : action.format.kind.toUpperCase()} expected: ${excerpt()}`, untilMs: null }
    }
    if (success !== null && !success(value)) return { kind: 'refused', reason: why(value) || `HTTP ${status}: ${excerpt()}` }
    if (readBatch !== null) return { kind: 'each', results: readBatch(value, status, items) }
    return all(idOf(value, response))
  }
}

/** GraphQL runs the fields of a mutation one after the other: one that has a value took effect, whatever failed below it (https://spec.graphql.org/October2021/#sec-Handling-Field-Errors). */
function tookEffect(value: unknown): boolean {
  const data = (value as { data?: unknown } | null | undefined)?.data
  return typeof data === 'object' && data !== null && Object.values(data).some((v) => v !== null)
}

/** A sign-in page, or that of a proxy, in a 200: nothing was said about the record. */
function isPageForPeople({ headers, body }: HttpResponse): boolean {
  return /html/i.test(headers['content-type'] ?? '') && /^\s*</.test(body.toString('latin1', 0, 100))
}

function said(at: Selector | null, value: unknown, redactor: Redactor): string {
  const found = at === null ? undefined : at(value)
  if (found === undefined || found === null || (Array.isArray(found) && found.length === 0)) return ''
  return redactor.text(plainText(found)).slice(0, 300)
}

function idText(at: Selector | null, value: unknown): string | null {
  const found = at === null ? undefined : at(value)
  return found === undefined || found === null ? null : plainText(found)
}
