import { describe, expect, it } from 'vitest'
import type { Store, Token } from '../model/ports.ts'
import type { OpenStream } from './context.ts'
import { PageToken } from './page-token.ts'
import { isFresh, isShortLived, marginMs, signIn } from './sign-in.ts'

const NOW = Date.now()
const where = { run: 'r', stream: 's' }
const { signal } = new AbortController()
/** A token of `life` ms that was issued `age` ms ago. */
const token = (life: number | null, age: number, version = 1): Token => ({
  version, accessToken: `t${version}`, refreshToken: null, issuedAt: new Date(NOW - age), expiresAt: life === null ? null : new Date(NOW - age + life),
})

/** A store with one token; a refresh gives one of `life` ms. */
function storeWith(stored: Token, life = 60_000) {
  const calls: number[] = []
  const store = {
    getToken: async () => stored,
    refreshToken: async (_key: string, seen: number) => {
      calls.push(seen)
      if (stored.version <= seen) stored = { ...token(life, 0, stored.version + 1), issuedAt: new Date(), expiresAt: new Date(Date.now() + life) }
      return { token: stored, refreshed: true }
    },
  } as unknown as Store
  return { store, calls, open: { tokenKey: 'k', reader: { auth: {} } } as unknown as OpenStream }
}

describe('margins', () => {
  it.each([
    [3_600_000, 5_000], [50_000, 5_000], [49_000, 4_900], [10_000, 1_000], [1_000, 100],
  ])('a token of %i ms counts as over %i ms early', (life, margin) => {
    expect(marginMs(token(life, 0))).toBe(margin)
    expect(isFresh(token(life, life - margin - 1), NOW)).toBe(true)
    expect(isFresh(token(life, life - margin), NOW)).toBe(false)
  })

  it('is 5 s when the life is not known, and none when the end is not', () => {
    expect(marginMs({ ...token(1_000, 0), issuedAt: null })).toBe(5_000)
    expect(isFresh(token(null, 1e9))).toBe(true)
    expect(isFresh({ ...token(null, 0), version: 0 })).toBe(false)
    expect([isShortLived(token(59_000, 0)), isShortLived(token(60_000, 0)), isShortLived(token(null, 0)), isShortLived({ ...token(1_000, 0), issuedAt: undefined })]).toEqual([true, false, false, false])
  })
})

describe('signing in', () => {
  it('shares the token of 1 s that another caller has just fetched', async () => {
    const { store, open, calls } = storeWith(token(1_000, 300, 8))
    for (const seen of [-1, 0, 7]) expect(await signIn(store, open, seen, where, signal)).toMatchObject({ token: { version: 8 }, refreshed: false })
    expect(calls).toEqual([])
  })

  it('asks for one newer than what was refused or runs out', async () => {
    const refused = storeWith(token(1_000, 300, 8))
    await signIn(refused.store, refused.open, 8, where, signal)
    const over = storeWith(token(1_000, 950, 8))
    await signIn(over.store, over.open, 3, where, signal)
    expect([...refused.calls, ...over.calls]).toEqual([8, 8])
  })
})

describe('inside the step that reads pages', () => {
  it('exchanges a token that lives short when it has run out, and hands it over with its margin', async () => {
    const { store, open, calls } = storeWith(token(1_000, 950, 4), 1_000)
    const pages = new PageToken(store, open, where, signal, null)
    const got = (await pages.get())!
    expect([got.version, calls, pages.refreshes]).toEqual([5, [4], 1])
    expect(got.expiresAt!.getTime() - got.issuedAt!.getTime()).toBeGreaterThan(880)
    expect(got.expiresAt!.getTime() - got.issuedAt!.getTime()).toBeLessThanOrEqual(901)
  })

  it('leaves others to the workflow', async () => {
    const { store, open, calls } = storeWith(token(3_600_000, 3_599_000, 4))
    expect(await new PageToken(store, open, where, signal, null).get()).toMatchObject({ version: 4, expiresAt: token(3_600_000, 3_599_000).expiresAt })
    expect(calls).toEqual([])
  })
})
