import { expect, it } from 'vitest'
import { heardLimits } from './rate-limits.ts'

const now = Date.UTC(2026, 0, 1)
const s = now / 1000

it.each<[Record<string, string>, ReturnType<typeof heardLimits>]>([
  [{}, null],
  [{ 'content-type': 'application/json', 'retry-after': '3' }, null],
  // draft-ietf-httpapi-ratelimit-headers, newest form, two policies: the one with least left tells.
  [{ 'ratelimit-policy': '"burst";q=100;w=60,"daily";q=1000;w=86400', ratelimit: '"burst";r=50;t=30, "daily";r=7;t=4000' }, { windows: [{ requests: 100, ms: 60_000 }, { requests: 1000, ms: 86_400_000 }], guessed: false, remaining: 7, resetMs: 4_000_000 }],
  // Form of draft 07, and of 03 to 06.
  [{ 'ratelimit-policy': '100;w=60', ratelimit: 'limit=100, remaining=50, reset=30' }, { windows: [{ requests: 100, ms: 60_000 }], guessed: false, remaining: 50, resetMs: 30_000 }],
  [{ 'ratelimit-limit': '100, 100;w=60;burst=10', 'ratelimit-remaining': '12', 'ratelimit-reset': '9' }, { windows: [{ requests: 100, ms: 60_000 }], guessed: false, remaining: 12, resetMs: 9_000 }],
  // No length: the reset is a lower bound; near a round one it is taken for that.
  [{ 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': String(s + 3_580) }, { windows: [{ requests: 5000, ms: 3_600_000 }], guessed: true, remaining: 4999, resetMs: 3_580_000 }],
  [{ 'x-ratelimit-limit': '7', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now + 2_000) }, { windows: [{ requests: 7, ms: 2_000 }], guessed: true, remaining: 0, resetMs: 2_000 }],
  [{ 'x-rate-limit-limit': '20', 'x-rate-limit-remaining': '19', 'x-rate-limit-reset': '1' }, { windows: [{ requests: 20, ms: 1_000 }], guessed: true, remaining: 19, resetMs: 1_000 }],
  [{ 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '19', 'x-ratelimit-reset': '2026-01-01T00:15:00Z' }, { windows: [{ requests: 20, ms: 900_000 }], guessed: true, remaining: 19, resetMs: 900_000 }],
  [{ 'x-hubspot-ratelimit-max': '100', 'x-hubspot-ratelimit-remaining': '9', 'x-hubspot-ratelimit-interval-milliseconds': '10000' }, { windows: [{ requests: 100, ms: 10_000 }], guessed: false, remaining: 9, resetMs: 10_000 }],
  // Nonsense is no hint.
  [{ 'x-ratelimit-limit': 'many', 'x-ratelimit-reset': '5' }, null],
  [{ 'x-ratelimit-limit': '10', 'x-ratelimit-reset': String(s - 100) }, null],
  [{ 'x-ratelimit-limit': '0', 'x-ratelimit-reset': '10' }, null],
  [{ 'ratelimit-policy': `"a";q=1;w=1${' '.repeat(9_000)}` }, null],
])('hears of %o', (headers, expected) => {
  expect(heardLimits(headers, now)).toEqual(expected)
})
