import type { Batch } from '../../model/action.ts'
import { stringifyExact } from '../../model/json/index.ts'
import { compileCondition, compilePath } from '../../model/mapping/index.ts'
import type { Result } from './answer.ts'
import type { Item } from './item.ts'
import { plainText } from './text.ts'

type Single = (value: unknown, ok: boolean, excerpt: () => string) => Result

/** Place of a record among those of its request, as a column. */
export const INDEX = '{index}'

/** Compiles how the results of the records of a request are read, by their place or by a key. */
export function batchReader(batch: Batch, single: Single): (value: unknown, status: number, items: Item[]) => Result[] {
  const { key } = batch
  const list = compilePath(batch.results!)
  const keyOf = key === null ? null : compilePath(key.result)
  const ok = batch.success === null ? unlessFailed : compileCondition(batch.success)
  const again = batch.again === null ? () => false : compileCondition(batch.again)
  const failures = compilePath(batch.failures ?? 'errors')
  return (value, status, items) => {
    const all = listOf(list(value))
    const byKey = keyOf === null ? null : new Map(all.map((r) => [plainText(keyOf(r) ?? ''), r]))
    // Places say nothing when there are fewer results than records.
    const placed = all.length === items.length
    const found = items.map((item, i): unknown => (byKey === null ? (placed ? all[i] : undefined) : byKey.get(key!.column === INDEX ? String(i) : plainText(item.row.values[key!.column] ?? ''))))
    const missing = found.filter((r) => r === undefined || r === null).length
    const failed = batch.failures !== null || status === 207 ? listOf(failures(value)) : []
    return found.map((result): Result => {
      if (result !== undefined && result !== null) return read(result)
      // As many are said to be refused as have no result.
      if (failed.length > 0 && (items.length === 1 || (byKey !== null && failed.length >= missing))) return single(failed[0], false, () => told(failed[0]))
      return { kind: 'unclear', reason: placed || byKey !== null ? 'the answer holds no result for the record' : `the answer holds ${all.length} results for ${items.length} records` }
    })
  }

  function read(result: unknown): Result {
    const good = ok(result)
    const code = statusOf(result)
    if (!good && (code === 429 || again(result))) return { kind: 'again', reason: told(result) }
    if (!good && code >= 500 && batch.success === null) return { kind: 'unclear', reason: told(result) }
    return single(result, good, () => told(result))
  }
}

function listOf(found: unknown): unknown[] {
  if (Array.isArray(found)) return found
  return typeof found === 'object' && found !== null ? [found] : []
}

const told = (result: unknown): string => stringifyExact(result).slice(0, 200)

function statusOf(result: unknown): number {
  return typeof result === 'object' && result !== null ? Number((result as Record<string, unknown>)['status'] ?? (result as Record<string, unknown>)['statusCode']) : NaN
}

/** A result of a batch is a success unless it says otherwise in one of the usual ways. */
function unlessFailed(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return result !== false
  const r = result as Record<string, unknown>
  const said = (v: unknown): boolean => v !== undefined && v !== null && v !== false && v !== '' && !(Array.isArray(v) && v.length === 0)
  return !['error', 'errors', 'Fault', 'fault'].some((name) => said(r[name])) && r['success'] !== false && r['ok'] !== false && !(statusOf(r) >= 400)
}
