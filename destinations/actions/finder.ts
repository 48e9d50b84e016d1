import { placeholders, type Action, type Lookup } from '../../model/action.ts'
import { durationMs } from '../../model/duration.ts'
import { pathKeys } from '../../model/value.ts'
import { compilePath, isEmpty } from '../../model/mapping/index.ts'
import type { Verdict } from '../../protocols/http/index.ts'
import type { Item } from './item.ts'
import type { Heard } from './listener.ts'
import type { Row } from './rows.ts'
import { fillText } from './template.ts'
import { plainText } from './text.ts'

/** What a look-up says of a record; `unclear`: not now. */
export type Found = { kind: 'there'; remoteId: string | null } | { kind: 'absent' } | { kind: 'contract'; reason: string } | { kind: 'verdict'; verdict: Verdict }

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

/** Compiles how the answers of look-ups are read; `xml`: an empty list is no element there. Throws RefusedRecord when the record lacks what `match` compares. */
export function createFinder(lookup: Lookup, xml: boolean): (heard: Heard, row: Row) => Found {
  const pick = compilePath(lookup.records)
  const above = compilePath(pathKeys(lookup.records).slice(0, -1))
  const id = lookup.id === null ? null : compilePath(lookup.id)
  const match = Object.entries(lookup.match).map(([field, template]) => ({ get: compilePath(field), template }))

  return ({ response, value, verdict, by }, row) => {
    if (by !== 'rule' && response.status === 404) return { kind: 'absent' }
    if (verdict.kind === 'empty' || (verdict.kind === 'ok' && (response.status === 204 || response.status === 205))) return { kind: 'absent' }
    if (verdict.kind !== 'ok') return { kind: 'verdict', verdict }
    if (value === undefined) return { kind: 'verdict', verdict: { kind: 'transient', reason: 'the answer is not in the format expected', last: 'Contract' } }
    const found = pick(value)
    // An absent list is no empty list: the plan may look at the wrong place, and the record would be sent twice.
    if (found === undefined && xml && above(value) !== undefined) return { kind: 'absent' }
    if (found === undefined) return { kind: 'contract', reason: 'the answer holds nothing where the plan looks for the record' }
    const there = (Array.isArray(found) ? found : isEmpty(found) ? [] : [found]).find((r: unknown) => match.every(({ get, template }) => plainText(get(r) ?? '') === fillText(template, row.values))) as unknown
    if (there === undefined) return { kind: 'absent' }
    const remote = id === null ? undefined : id(there)
    return { kind: 'there', remoteId: remote === undefined || remote === null ? null : plainText(remote) }
  }
}
