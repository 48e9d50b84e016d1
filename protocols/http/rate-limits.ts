import type { HeardLimits, RateWindow } from '../../model/index.ts'

const MAX_HEADER = 8 * 1024
const MAX_REQUESTS = 100_000_000
const LONGEST_MS = 31 * 86_400_000
/** Windows that APIs like to have: a reset a little below one of them is taken for it. */
const ROUND_MS = [1_000, 10_000, 60_000, 300_000, 900_000, 3_600_000, 86_400_000]
const FAMILIES = ['x-ratelimit', 'x-rate-limit', 'ratelimit'] as const
const WATCHED = ['x-ratelimit-limit', 'x-rate-limit-limit', 'ratelimit-limit', 'ratelimit-policy', 'ratelimit', 'x-hubspot-ratelimit-max']

/**
 * The allowance that an answer's headers speak of: RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers, all forms),
 * X-RateLimit-Limit / -Remaining / -Reset (epoch s, epoch ms, ISO or seconds), and HubSpot's. null when they say nothing usable.
 */
export function heardLimits(headers: Record<string, string>, nowMs: number): HeardLimits | null {
  // Most answers have none of them.
  if (!WATCHED.some((name) => headers[name] !== undefined)) return null
  for (const name of WATCHED) if ((headers[name]?.length ?? 0) > MAX_HEADER) return null
  const hub = windowOf(count(headers['x-hubspot-ratelimit-max']), count(headers['x-hubspot-ratelimit-interval-milliseconds']))
  if (hub) return { windows: [hub], guessed: false, remaining: count(headers['x-hubspot-ratelimit-remaining']), resetMs: hub.ms }

  const draft = headers['ratelimit']
  const policies = policiesOf(headers['ratelimit-policy'] ?? headers['ratelimit-limit'] ?? headers['x-ratelimit-limit'])
  let limit: number | null = null
  let remaining: number | null = null
  let resetMs: number | null = null
  if (draft !== undefined) {
    limit = parameter(draft, 'limit')
    const items = limit === null ? draft.split(',') : [draft]
    for (const item of items) {
      const left = parameter(item, 'r') ?? parameter(item, 'remaining')
      const reset = parameter(item, 't') ?? parameter(item, 'reset')
      if (left === null || (remaining !== null && left >= remaining)) continue
      remaining = left
      resetMs = reset === null ? null : reset * 1000
    }
  }
  for (const family of FAMILIES) {
    if (headers[`${family}-limit`] === undefined) continue
    limit ??= count(/^\s*(\d+)/.exec(headers[`${family}-limit`]!)?.[1])
    remaining ??= count(headers[`${family}-remaining`])
    resetMs ??= untilReset(headers[`${family}-reset`], nowMs)
  }
  if (policies.length > 0) return { windows: policies, guessed: false, remaining, resetMs }
  const guess = limit !== null && resetMs !== null ? windowOf(limit, rounded(resetMs)) : null
  return guess ? { windows: [guess], guessed: true, remaining, resetMs } : null
}

/** `"burst";q=100;w=60, "daily";q=1000;w=86400` or `100;w=60, 1000;w=3600`. */
function policiesOf(header: string | undefined): RateWindow[] {
  if (header === undefined) return []
  const found: RateWindow[] = []
  for (const item of header.split(',').slice(0, 8)) {
    const seconds = parameter(item, 'w')
    const window = windowOf(parameter(item, 'q') ?? count(/^\s*(\d+)\s*;/.exec(item)?.[1]), seconds === null ? null : seconds * 1000)
    if (window) found.push(window)
  }
  return found
}

function parameter(item: string, name: string): number | null {
  return count(new RegExp(`(?:^|[;,\\s])${name}=(\\d{1,12})(?![\\d.])`).exec(item)?.[1])
}

function count(text: string | undefined): number | null {
  const trimmed = text?.trim() ?? ''
  return /^\d{1,12}$/.test(trimmed) ? Number(trimmed) : null
}

function windowOf(requests: number | null, ms: number | null): RateWindow | null {
  return requests !== null && ms !== null && requests > 0 && requests <= MAX_REQUESTS && ms > 0 && ms <= LONGEST_MS ? { requests, ms } : null
}

function untilReset(text: string | undefined, nowMs: number): number | null {
  const value = text?.trim() ?? ''
  let at: number
  if (/^\d{1,20}(\.\d{1,9})?$/.test(value)) {
    const n = Number(value)
    if (n < 1e9) return n > 0 ? n * 1000 : null
    at = n >= 1e11 ? n : n * 1000
  } else if (/^\d{4}-\d{2}-\d{2}T/.test(value)) at = Date.parse(value)
  else return null
  const left = at - nowMs
  return left > 0 && left <= LONGEST_MS ? left : null
}

function rounded(ms: number): number {
  return ROUND_MS.find((r) => ms <= r && ms >= r * 0.85) ?? Math.ceil(ms / 1000) * 1000
}
