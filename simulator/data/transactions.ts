import { mix, stateOf } from './hash.ts'
import { accountDigits, companyName, customerName, customerState, FIRST_CUSTOMER_ID, personName } from './people.ts'
import { cents, flat, PAD2, PAD3, pad8 } from './text.ts'
import { clockText, dayText, microsText, splitDay, updateUs } from './time.ts'
import type { DataOptions } from './types.ts'
import { isPoison } from './types.ts'
import { MEMOS, PLACES, TAGS } from './words.ts'

// Fixed text and what may follow it are joined beforehand: fewer parts per record are what makes it fast.
const STATUS = ['booked', 'booked', 'booked', 'booked', 'booked', 'pending', 'reversed', 'booked'].map((s) => flat(`,"status":"${s}","amount":`))
const CURRENCY = PLACES.flatMap((p) => [true, false].map((yes) => flat(`,"currency":"${p.currency}","reconciled":${yes},"customer":{"id":`)))
const ACCOUNT = PLACES.map((p) => flat(`","account":"${p.country}`))
// Most have none or one tag, and the empty list occurs: loaders trip over it.
const TAG_LISTS = Array.from({ length: 64 }, (_, i) => (i % 4 === 0 ? '' : i % 4 === 3 ? `"${TAGS[i >> 3]!}","${TAGS[(i + 3) & 7]!}"` : `"${TAGS[i >> 3]!}"`)).map((t) => flat(`"},"tags":[${t}],"memo":`))
const MEMO = MEMOS.map((m) => flat(`"${m}","value_date":"`))
const NO_MEMO = 'null,"value_date":"'
const ZONES = ['+01:00', '+02:00', 'Z', '-05:00'].map((z) => flat(`${z}","updated_at":"`))

/** One bank transaction as JSON text, about 430 bytes. */
export function transactionText(options: DataOptions, index: number, stamp: number, revision: number): string {
  const a = stateOf(options.seed ^ 0x7472616e, index)
  const b = mix(a + 1)
  const c = mix(a + 2 + revision)
  const customer = b % Math.max(1, options.customers)
  const us = updateUs(stamp, options.tieGroup)
  const { day, second } = splitDay(us)
  const time = `${dayText(day)}T${clockText(second)}`
  const place = b >>> 28
  const number = pad8(index)
  return (
    `{"id":"txn_${number}","ledgerNo":9${pad8(a % 100_000_000)}0${number}${STATUS[(c >>> 3) & 7]!}${isPoison(options, index) ? '"n/a"' : amount(c, b)}` +
    `${CURRENCY[place * 2 + ((c >>> 6) & 1)]!}${FIRST_CUSTOMER_ID + customer},"name":"${customerName(customerState(options.seed, customer))}"},"counterparty":{"name":"` +
    `${(b & 1) === 0 ? companyName(c) : personName(c)}${ACCOUNT[place]!}${accountDigits(b)}${TAG_LISTS[a >>> 26]!}${(a & 0x300) === 0 ? MEMO[(a >>> 10) % 12]! : NO_MEMO}` +
    `${dayText(day - (a & 1))}","entered_at":"${time}","booked_at":"${time}${ZONES[(a >>> 4) & 3]!}${time}${microsText(us)}"}`
  )
}

/** Mostly everyday amounts, some negative, a few with more digits than a double holds. */
function amount(c: number, b: number): string {
  if (c % 512 === 7) return `${9_007_199_254_740 + (b % 1_000_000)}${PAD3[(c >>> 12) % 1000]!}.${PAD2[b % 100]!}`
  const value = c % 16 === 3 ? c % 50_000_000 : (c >>> 5) % 90_000
  return cents((c & 7) === 2 ? -value : (c & 15) === 5 ? value - (value % 10) : value)
}
