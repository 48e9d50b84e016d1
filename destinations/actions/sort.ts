import { guaranteeKind, type Action } from '../../model/action.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { Delivery, DeliveryLedger, DeliveryScope } from '../../store/deliveries.ts'
import { deliveryKey, recordName, versionOf } from './identity.ts'
import type { Ending, Item } from './item.ts'
import type { Row } from './rows.ts'

/** What a chunk has to do, and what is done already. */
export interface Sorted {
  /** How records ended, by line. */
  endings: Map<number, Ending>
  todo: Item[]
  /** How often earlier attempts at this chunk sent records without knowing what became of the request before. */
  uncertain: number
}

/** Compares the rows of a chunk with the ledger. Of rows with one key the last counts. */
export async function sortRows(ledger: DeliveryLedger, scope: DeliveryScope, chunk: string, plan: StreamPlan, action: Action, rows: Row[]): Promise<Sorted> {
  const endings = new Map<number, Ending>()
  const last = new Map<string, Row>()
  for (const row of rows) {
    const record = recordName(row, plan.key)
    const before = last.get(record)
    if (before) endings.set(before.line, before.text === row.text ? { kind: 'unchanged' } : { kind: 'replaced' })
    last.set(record, row)
  }
  const known = await ledger.latest(scope, [...last.keys()])
  const todo: Item[] = []
  let uncertain = 0
  for (const [record, row] of last) {
    const version = versionOf(row, action)
    const found = known.get(record) ?? null
    if (found?.chunk === chunk) uncertain += found.uncertain
    const ending = found === null ? null : endedBefore(found, version, chunk)
    if (ending) endings.set(row.line, ending)
    else todo.push(itemOf(scope, plan, action, row, record, version, found))
  }
  return { endings, todo, uncertain }
}

function endedBefore(found: Delivery, version: string, chunk: string): Ending | null {
  if (found.version !== version) return null
  // An earlier attempt at this very chunk: what it did counts here.
  const here = found.chunk === chunk
  if (found.state === 'delivered') return here ? { kind: 'delivered', effect: found.effect } : { kind: 'unchanged' }
  return found.state === 'failed' && here ? { kind: 'refused', reason: found.reason, field: '' } : null
}

function itemOf(scope: DeliveryScope, plan: StreamPlan, action: Action, row: Row, record: string, version: string, found: Delivery | null): Item {
  const unclear = found !== null && found.state === 'pending' && found.version === version
  // What never arrived gives its place to what is sent instead of it.
  const turn = found === null ? 1 : unclear || found.state === 'unsent' ? found.turn : found.turn + 1
  const effect = action.method === 'DELETE' ? 'deleted' : found?.known ? 'updated' : 'inserted'
  const key = unclear ? found.key : deliveryKey(scope, { record, version, turn })
  const kind = guaranteeKind(action, plan.key)
  return {
    row, record, turn, version, effect, key, place: unclear ? found.place : 0, unclear, alone: false,
    absorbed: kind === 'key' || kind === 'method',
    begunMs: unclear ? performance.now() - found.ageMs : 0,
  }
}
