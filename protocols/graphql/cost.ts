import type { HeardCost, HeardLimits } from '../../model/index.ts'
import { revive } from '../../model/json/index.ts'

const object = (value: unknown): Record<string, unknown> | null => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null)
const amount = (value: unknown): number | null => {
  const n = value === null || value === undefined || value === '' || typeof value === 'boolean' ? NaN : Number(value)
  return Number.isFinite(n) && n >= 0 && n <= 1e9 ? n : null
}

/** `extensions.cost` of an answer (https://shopify.dev/docs/api/usage/rate-limits#graphql-admin-api-rate-limits); null when there is none that is whole. */
export function costOf(answer: unknown): HeardCost | null {
  const cost = object(revive(object(object(answer)?.['extensions'])?.['cost'] ?? null))
  const status = object(cost?.['throttleStatus'])
  if (!cost || !status) return null
  const max = amount(status['maximumAvailable'])
  const rate = amount(status['restoreRate'])
  const available = amount(status['currentlyAvailable'])
  const requested = amount(cost['requestedQueryCost'])
  if (max === null || rate === null || available === null || requested === null || max <= 0 || rate <= 0) return null
  return { max, rate, available, requested, actual: amount(cost['actualQueryCost']) ?? 0 }
}

/** Longest wait that is believed. */
const LONGEST_MS = 24 * 3_600_000
const HOUR_MS = 3_600_000
/** Clocks and roundings: a bucket that is said to be full enough just now may lack a fraction of a point. */
const MARGIN_MS = 50

/** How long until the bucket holds what the query needs, in ms; null when it never does. */
export function costWait({ max, rate, available, requested }: HeardCost): number | null {
  if (requested > max) return null
  return Math.min(LONGEST_MS, Math.ceil((Math.max(0, requested - available) / rate) * 1000) + MARGIN_MS)
}

/**
 * What the body of an answer says of the account's allowance: the bucket of `extensions.cost`, or GitHub's `rateLimit { limit cost remaining resetAt }`
 * where the query selects it (https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api). null: nothing.
 */
export function heardInAnswer(answer: unknown, nowMs: number): HeardLimits | null {
  const cost = costOf(answer)
  if (cost) return { windows: [], guessed: false, remaining: null, resetMs: null, cost }
  const limit = object(revive(object(object(answer)?.['data'])?.['rateLimit'] ?? null))
  if (!limit) return null
  const each = Math.max(1, amount(limit['cost']) ?? 1)
  const most = amount(limit['limit'])
  const left = amount(limit['remaining'])
  const resetMs = typeof limit['resetAt'] === 'string' ? Date.parse(limit['resetAt']) - nowMs : NaN
  if (most === null || left === null || most < each || !(resetMs > 0 && resetMs <= LONGEST_MS)) return null
  return { windows: [{ requests: Math.floor(most / each), ms: HOUR_MS }], guessed: false, remaining: Math.floor(left / each), resetMs }
}
