import { describe, expect, it } from 'vitest'
import { ERROR_POLICY, type ErrorType } from '../model/errors.ts'
import { lapses as lapsesThere } from '../model/position.ts'
import type { Position } from '../model/run.ts'
import { lapses, MAX_SETBACKS, NEVER_PARKS, parkedWait, setbackWait } from './policy.ts'

describe('policy of stopped streams', () => {
  it('parks what the error table says', () => {
    const fails = (Object.keys(ERROR_POLICY) as ErrorType[]).filter((t) => !ERROR_POLICY[t].parks)
    expect([...NEVER_PARKS].sort()).toEqual(fails.sort())
  })

  it.each<Position | null>([
    null, { kind: 'page', page: 2 }, { kind: 'offset', offset: 9 }, { kind: 'cursor', cursor: 'a' }, { kind: 'url', url: 'u' }, { kind: 'search', id: 's', page: 2 },
    { kind: 'range', offset: 1, tag: '', head: '' }, { kind: 'job', job: 'j', sinceMs: 0, ready: true, url: null, at: null },
    ...[null, { kind: 'cursor', cursor: 'a' } as const].flatMap((at): Position[] => [
      { kind: 'window', from: '', to: '', until: '', after: null, last: null, at }, { kind: 'parent', at: null, index: 0, id: '', in: at }, { kind: 'parent', at, index: 0, id: '', in: null },
    ]),
  ])('knows which places an API may forget: %j', (position) => {
    expect(lapses(position)).toBe(lapsesThere(position))
  })

  it('gives up on an outage within three minutes, and tries again by itself', () => {
    const waits = Array.from({ length: MAX_SETBACKS - 1 }, (_, i) => setbackWait(i + 1))
    expect(waits.reduce((a, b) => a + b)).toBeLessThan(180_000)
    expect([1, 2, 3, 4, 9].map((n) => parkedWait('Unreachable', n))).toEqual([300_000, 600_000, 1_200_000, 1_800_000, 1_800_000])
    expect(parkedWait('AuthFailed', 1)).toBeNull()
  })
})
