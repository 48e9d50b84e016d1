import type { Action } from '../../model/action.ts'
import type { DeliveryLedger, DeliveryScope } from '../../store/deliveries.ts'
import { deliveryKey, requestKey } from './identity.ts'
import type { Item } from './item.ts'

/** One key speaks for all records of a request. */
export function keyOfRequest(action: Action): boolean {
  return action.batch !== null && action.idempotency !== null && action.idempotency.field === undefined
}

/** Puts items into requests, the unclear ones first: those whose key stands for a whole request go together as they did before. */
export async function groupItems(ledger: DeliveryLedger, scope: DeliveryScope, action: Action, items: Item[]): Promise<Item[][]> {
  const size = action.batch?.size ?? 1
  const unclear = items.filter((i) => i.unclear)
  const fresh = items.filter((i) => !i.unclear)
  const again = keyOfRequest(action) ? await sameRequests(ledger, scope, unclear) : slices(unclear, size)
  const first = slices(fresh, size)
  for (const group of first) assignKeys(scope, action, group)
  return [...again, ...first]
}

/** Requests whose records are all here are repeated as they were. Of others the key says nothing any more: their records go alone. */
async function sameRequests(ledger: DeliveryLedger, scope: DeliveryScope, unclear: Item[]): Promise<Item[][]> {
  const byKey = new Map<string, Item[]>()
  for (const item of unclear) byKey.set(item.key, [...(byKey.get(item.key) ?? []), item])
  const sizes = byKey.size > 0 ? await ledger.sizes([...byKey.keys()]) : new Map<string, number>()
  const groups: Item[][] = []
  for (const [key, items] of byKey) {
    if (sizes.get(key) === items.length) groups.push(items.sort((a, b) => a.place - b.place))
    else for (const item of items) groups.push([goAlone(scope, item)])
  }
  return groups
}

function assignKeys(scope: DeliveryScope, action: Action, group: Item[]): void {
  group.forEach((item, i) => {
    item.place = i
  })
  if (!keyOfRequest(action)) return
  const key = requestKey(group.map((i) => deliveryKey(scope, i)))
  for (const item of group) item.key = key
}

/** An item that leaves its request. What the old key stood for, the new one does not. */
export function goAlone(scope: DeliveryScope, item: Item): Item {
  item.key = deliveryKey(scope, item, true)
  item.place = 0
  item.alone = true
  if (item.unclear) item.absorbed = false
  return item
}

export function slices<T>(list: T[], size: number): T[][] {
  const out: T[][] = []
  for (let from = 0; from < list.length; from += size) out.push(list.slice(from, from + size))
  return out
}
