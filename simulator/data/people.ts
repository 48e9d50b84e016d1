import { mix, stateOf } from './hash.ts'
import { flat, PAD2, PAD4 } from './text.ts'
import { FIRMS, FIRST_NAMES, FORMS, LAST_NAMES, PLACES, TRADES } from './words.ts'

/** What `id` of a customer starts from; the id is a plain number. */
export const FIRST_CUSTOMER_ID = 1_000_001

/** Whether customer `index` is a company; the others are persons. */
export function isCompany(state: number): boolean {
  return state % 5 < 3
}

/** The name of the customer with this state, as JSON string content. */
export function customerName(state: number): string {
  return isCompany(state) ? companyName(state) : personName(state)
}

/** The state that everything about customer `index` follows from, the same wherever the customer is named. */
export function customerState(seed: number, index: number): number {
  return stateOf(seed ^ 0x63757374, index)
}

// Every name there can be is put together once: 1,024 persons and 4,096 companies.
const PERSONS = Array.from({ length: 1024 }, (_, i) => flat(`${FIRST_NAMES[i & 31]!} ${LAST_NAMES[i >>> 5]!}`))
const COMPANIES = Array.from({ length: 4096 }, (_, i) => flat(`${FIRMS[i & 31]!} ${TRADES[(i >>> 5) & 15]!} ${FORMS[i >>> 9]!}`))

export function personName(state: number): string {
  return PERSONS[(state >>> 4) & 1023]!
}

export function companyName(state: number): string {
  return COMPANIES[(state >>> 4) & 4095]!
}

export function placeOf(state: number): (typeof PLACES)[number] {
  return PLACES[state >>> 28]!
}

/** An account number in the form of an IBAN: country and 18 digits. The check digits are not computed. */
export function account(state: number, country: string): string {
  return country + accountDigits(state)
}

/** The digits of an account number. */
export function accountDigits(state: number): string {
  const b = mix(state + 11)
  return PAD2[state % 97]! + PAD4[(state >>> 3) % 10_000]! + PAD4[b % 10_000]! + (PAD4[(b >>> 14) % 10_000]! + PAD4[(state >>> 18) % 10_000]!)
}
