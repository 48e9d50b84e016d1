import { mix } from './hash.ts'
import { customerName, customerState, FIRST_CUSTOMER_ID, isCompany, account, personName, placeOf } from './people.ts'
import { cents, pad8 } from './text.ts'
import { dayText, isoMicros, splitDay, updateUs } from './time.ts'
import type { DataOptions } from './types.ts'
import { isPoison } from './types.ts'
import { TAGS } from './words.ts'

const STATUSES = ['active', 'active', 'active', 'dormant', 'blocked']

/** One customer as JSON text, about 480 bytes. */
export function customerText(options: DataOptions, index: number, stamp: number, revision: number): string {
  const a = customerState(options.seed, index)
  const b = mix(a + 1)
  const c = mix(a + 2 + revision)
  const us = updateUs(stamp, options.tieGroup)
  const place = placeOf(b)
  const limit = c % 9 === 0 ? 'null' : cents((c >>> 6) % 1000 * 50_000)
  return (
    `{"id":${FIRST_CUSTOMER_ID + index},"ledgerNo":9${pad8(b % 100_000_000)}1${pad8(index)},"kind":"${isCompany(a) ? 'company' : 'person'}","name":"${customerName(a)}",` +
    `"email":"c${index}@example.${place.country.toLowerCase()}","phone":${(b & 3) === 0 ? 'null' : `"+${30 + (b % 19)} ${pad8(c % 100_000_000)}"`},` +
    `"status":"${STATUSES[c % 5]!}","vip":${(c & 128) === 0},"amount":${isPoison(options, index) ? '"n/a"' : limit},"currency":"${place.currency}",` +
    `"address":{"street":"${personName(b)} ${1 + (b % 180)}","city":"${place.city}","country":"${place.country}","postal":"${String(10_000 + (b % 89_999))}"},` +
    `"bank":{"account":"${account(b, place.country)}"},"tags":${(c & 1) === 0 ? '[]' : `["${TAGS[c >>> 29]!}"]`},` +
    `"since":"${dayText(splitDay(us).day - 400 + (a & 63))}","updated_at":"${isoMicros(us)}"}`
  )
}
