import { mix, stateOf } from './hash.ts'
import { customerName, customerState, FIRST_CUSTOMER_ID, placeOf } from './people.ts'
import { cents, pad8 } from './text.ts'
import { clockText, dayText, isoMicros, splitDay, updateUs } from './time.ts'
import type { DataOptions } from './types.ts'
import { isPoison } from './types.ts'
import { ITEMS } from './words.ts'

const STATUSES = ['draft', 'sent', 'paid', 'paid', 'paid', 'overdue', 'void']

/** One invoice as JSON text, 500 to 800 bytes. `amount` is the exact sum of its lines and `tax`. */
export function invoiceText(options: DataOptions, index: number, stamp: number, revision: number): string {
  const a = stateOf(options.seed ^ 0x696e766f, index)
  const b = mix(a + 1)
  const c = mix(a + 2 + revision)
  const customer = b % Math.max(1, options.customers)
  const who = customerState(options.seed, customer)
  const us = updateUs(stamp, options.tieGroup)
  const { day, second } = splitDay(us)
  const status = STATUSES[c % 7]!
  let net = 0
  let lines = ''
  for (let n = 1 + (c >>> 30); n > 0; n--) {
    const d = mix(c + n)
    const quantity = 1 + (d & 15)
    const price = (d >>> 8) % 40_000
    net += quantity * price
    lines += `${lines === '' ? '' : ','}{"sku":"SKU-${10_000 + (d % 9000)}","text":"${ITEMS[d >>> 29]!}","quantity":${quantity},"price":${cents(price)}}`
  }
  const tax = Math.round(net * 0.19)
  return (
    `{"id":"inv_${pad8(index)}","number":"R-${dayText(day).slice(0, 4)}-${pad8(index)}","ledgerNo":9${pad8(a % 100_000_000)}2${pad8(index)},"status":"${status}",` +
    `"amount":${isPoison(options, index) ? '"n/a"' : cents(net + tax)},"tax":${cents(tax)},"currency":"${placeOf(who).currency}",` +
    `"customer":{"id":${FIRST_CUSTOMER_ID + customer},"name":"${customerName(who)}"},"lines":[${lines}],` +
    `"issued_on":"${dayText(day)}","due_on":"${dayText(day + 30)}","paid_at":${status === 'paid' ? `"${dayText(day + (a & 15))}T${clockText(second)}+02:00"` : 'null'},` +
    `"updated_at":"${isoMicros(us)}"}`
  )
}
