import { InvalidArgumentError } from 'commander'
import { durationMs } from '../model/duration.ts'
import { COLLECTIONS } from './data/types.ts'
import type { FaultKind } from './http/fault-kinds.ts'
import { BODY_FAULTS, faultKind } from './http/fault-kinds.ts'
import type { SimulatorOptions } from './options.ts'

type Records = NonNullable<SimulatorOptions['records']>
type Faults = NonNullable<SimulatorOptions['faults']>
type FaultsAt = NonNullable<SimulatorOptions['faultAt']>
type Limit = NonNullable<SimulatorOptions['limits']>[number]

/** A whole number from 0; `1_000_000` and `1e6` are understood. */
export function whole(text: string): number {
  const value = Number(text.replace(/_/g, ''))
  if (!Number.isSafeInteger(value) || value < 0 || text.trim() === '') throw new InvalidArgumentError('It must be a whole number from 0.')
  return value
}

/** `20000` for every collection, or `transactions=1000000,customers=500`; a collection that is not named keeps its default. */
export function records(text: string, before: Records | undefined): Records {
  if (!text.includes('=')) {
    const n = whole(text)
    return { customers: n, invoices: n, transactions: n }
  }
  const out: Records = { ...before }
  for (const part of text.split(',')) {
    const [name = '', n = ''] = part.split('=')
    if (!(COLLECTIONS as readonly string[]).includes(name.trim())) throw new InvalidArgumentError(`There is no collection "${name}"; there are ${COLLECTIONS.join(', ')}.`)
    out[name.trim() as keyof Records] = whole(n)
  }
  return out
}

/** `100/1m`: 100 requests in any minute. May be given several times. */
export function limit(text: string, before: Limit[] | undefined): Limit[] {
  const m = /^(\d+)\s*\/\s*(\S+)$/.exec(text)
  if (!m) throw new InvalidArgumentError('Write requests and a window, for example 100/1m or 10/1s.')
  return [...(before ?? []), { requests: whole(m[1]!), perMs: milliseconds(/^\d/.test(m[2]!) ? m[2]! : `1${m[2]!}`) }]
}

/** `50`, `50ms` or `1s`, in milliseconds. */
export function milliseconds(text: string): number {
  try {
    return /^\d+$/.test(text) ? Number(text) : durationMs(text)
  } catch {
    throw new InvalidArgumentError('It must be a duration, for example 50ms, 2s or 1m.')
  }
}

/** `3600`, `90s` or `1h`, in seconds. */
export function seconds(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : milliseconds(text) / 1000
}

/** `status:503=0.05`: a kind and its chance. May be given several times. */
export function fault(text: string, before: Faults | undefined): Faults {
  const [kind = '', chance = ''] = text.split('=')
  const value = Number(chance)
  if (chance === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('Write a kind and a chance from 0 to 1, for example status:503=0.05.')
  return { ...before, [known(kind)]: value }
}

/** A chance from 0 to 1. */
export function chance(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('It must be a chance from 0 to 1, for example 0.05.')
  return value
}

/** `17=cut`: a request's number and a kind. May be given several times. */
export function faultAt(text: string, before: FaultsAt | undefined): FaultsAt {
  const [number = '', kind = ''] = text.split('=')
  if (whole(number) < 1) throw new InvalidArgumentError('Requests are numbered from 1.')
  return { ...before, [String(whole(number))]: known(kind) }
}

/** `12` or `12/5s`: one 429 at this request, with this Retry-After (default 2 s). */
export function throttleOnce(text: string): { atRequest: number; retryAfterSeconds: number } {
  const [at = '', wait = '2s'] = text.split('/')
  return { atRequest: whole(at), retryAfterSeconds: Math.ceil(seconds(wait)) }
}

function known(kind: string): FaultKind {
  const found = faultKind(kind)
  if (!found) throw new InvalidArgumentError(`There is no fault "${kind}"; there are status:<400..599>, status:503:retry-after, ${BODY_FAULTS.join(', ')}.`)
  return found
}
