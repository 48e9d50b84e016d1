import { placeholders, type Action, type Lookup } from '../../model/action.ts'
import { durationMs } from '../../model/duration.ts'
import { parseExact, stringifyExact } from '../../model/json/index.ts'
import { compilePath } from '../../model/mapping/index.ts'
import { classify, type HttpResponse, type Redactor } from '../../protocols/http/index.ts'
import { isEmpty } from '../../model/mapping/index.ts'
import type { Item } from './item.ts'
import type { Row } from './rows.ts'
import { fillText } from './template.ts'

/** What a look-up says of a record; `unclear`: not now. */
export type Found = { kind: 'there'; remoteId: string | null } | { kind: 'absent' } | { kind: 'contract'; reason: string } | { kind: 'verdict'; verdict: ReturnType<typeof classify> }

/** Milliseconds after which a look-up can be trusted. */
export function settleMs(lookup: Lookup): number {
  return durationMs(lookup.settle)
}

/**
 * A look-up can tell what became of an item: that a record is there says so only for its first version, unless `match`
 * compares more than the key.
 */
export function tells(action: Action, key: string[], item: Item): boolean {
  if (action.lookup === null) return false
  return item.effect === 'inserted' || Object.values(action.lookup.match).flatMap(placeholders).some((name) => !key.includes(name))
}

/** Compiles how the answers of look-ups are read. Throws RefusedRecord when the record lacks what `match` compares. */
export function createFinder(lookup: Lookup, redactor: Redactor): (response: HttpResponse, row: Row) => Found {
  const pick = compilePath(lookup.records)
  const id = lookup.id === null ? null : compilePath(lookup.id)
  const match = Object.entries(lookup.match).map(([field, template]) => ({ get: compilePath(field), template }))
  const text = (value: unknown): string => (typeof value === 'string' ? value : stringifyExact(value))

  return (response, row) => {
    if (response.status === 404) return { kind: 'absent' }
    const verdict = classify(response, { nowMs: Date.now(), redactor, expects: 'json' })
    if (verdict.kind === 'empty') return { kind: 'absent' }
    if (verdict.kind !== 'ok') return { kind: 'verdict', verdict }
    let found: unknown
    try {
      found = pick(parseExact(response.body))
    } catch {
      return { kind: 'verdict', verdict: { kind: 'transient', reason: 'the answer is not the JSON expected', last: 'Contract' } }
    }
    // An absent list is no empty list: the plan may look at the wrong place, and the record would be sent twice.
    if (found === undefined) return { kind: 'contract', reason: 'the answer holds nothing where the plan looks for the record' }
    const there = (Array.isArray(found) ? found : isEmpty(found) ? [] : [found]).find((r: unknown) => match.every(({ get, template }) => text(get(r)) === fillText(template, row.values))) as unknown
    if (there === undefined) return { kind: 'absent' }
    const remote = id === null ? undefined : id(there)
    return { kind: 'there', remoteId: remote === undefined || remote === null ? null : text(remote) }
  }
}
