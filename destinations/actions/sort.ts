import { guaranteeKind, type Action } from '../../model/action.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { Delivery, DeliveryLedger, DeliveryScope } from '../../store/deliveries.ts'
import { newestColumn } from '../../model/newest-column.ts'
import { compareMarks } from '../postgres/marks.ts'
import { deliveryKey, recordName, versionOf } from './identity.ts'
import type { Ending, Item } from './item.ts'
import type { Row } from './rows.ts'

/** Begins the names of chunks that are sent outside of a scan. */
export const APPLY = 'apply/'

/** What a chunk has to do, and what is done already. */
export interface Sorted {
  /** How records ended, by line. */
  endings: Map<number, Ending>
  todo: Item[]
  /** How often earlier attempts at this chunk sent records without knowing what became of the request before. */
  uncertain: number
}

/** Compares the rows of a chunk with the ledger. Of rows with one key the last counts. `newest` leaves out rows that are older, by that column, than what was delivered. */
export async function sortRows(ledger: DeliveryLedger, scope: DeliveryScope, chunk: string, plan: StreamPlan, action: Action, rows: Row[], newest: string | null = null): Promise<Sorted> {
  const endings = new Map<number, Ending>()
  const last = new Map<string, Row>()
  for (const row of rows) {
    const record = recordName(row, plan.key)
    const before = last.get(record)
    if (before && newest !== null && older(before.cells[newest], row.cells[newest])) {
      endings.set(row.line, { kind: 'older' })
      continue
    }
    if (before) endings.set(before.line, before.text === row.text ? { kind: 'unchanged' } : { kind: 'replaced' })
    last.set(record, row)
  }
  const known = await ledger.latest(scope, [...last.keys()])
  const todo: Item[] = []
  const column = newestColumn(plan)
  let uncertain = 0
  for (const [record, row] of last) {
    const version = versionOf(row, action)
    const found = known.get(record) ?? null
    if (found?.chunk === chunk) uncertain += found.uncertain
    const late = newest !== null && found?.state === 'delivered' && found.version !== version && older(found.mark, row.cells[newest])
    const ending: Ending | null = late ? { kind: 'older' } : found === null ? null : endedBefore(found, version, chunk)
    if (ending) endings.set(row.line, ending)
    else todo.push(itemOf(scope, plan, action, row, record, version, found, column === null ? null : (row.cells[column] ?? null)))
  }
  return { endings, todo, uncertain }
}

/** `mark` is newer than what `than` holds. */
function older(mark: string | null | undefined, than: string | null | undefined): boolean {
  return typeof mark === 'string' && typeof than === 'string' && compareMarks(mark, than) > 0
}

function endedBefore(found: Delivery, version: string, chunk: string): Ending | null {
  if (found.version !== version) return null
  // An earlier attempt at this very chunk: what it did counts here.
  const here = found.chunk === chunk
  if (found.state === 'delivered') return here ? { kind: 'delivered', effect: found.effect } : { kind: 'unchanged' }
  // What is sent again on purpose is tried again.
  return found.state === 'failed' && here && !chunk.startsWith(APPLY) ? { kind: 'refused', reason: found.reason, field: '' } : null
}

function itemOf(scope: DeliveryScope, plan: StreamPlan, action: Action, row: Row, record: string, version: string, found: Delivery | null, mark: string | null): Item {
  const unclear = found !== null && found.state === 'pending' && found.version === version
  // What never arrived gives its place to what is sent instead of it.
  const turn = found === null ? 1 : unclear || found.state === 'unsent' ? found.turn : found.turn + 1
  const effect = action.method === 'DELETE' ? 'deleted' : found?.known ? 'updated' : 'inserted'
  const key = unclear ? found.key : deliveryKey(scope, { record, version, turn })
  const kind = guaranteeKind(action, plan.key)
  return {
    row, record, turn, version, effect, mark, key, place: unclear ? found.place : 0, unclear, alone: false,
    absorbed: kind === 'key' || kind === 'method',
    begunMs: unclear ? performance.now() - found.ageMs : 0,
  }
}
