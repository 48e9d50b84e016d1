import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { IsthmusError } from '../model/errors.ts'
import type { Store, TokenRefresh, TokenVerdict } from '../model/ports.ts'
import { testDatabase, type TestDatabase } from '../test/support/postgres.ts'
import { loadVaultKey, openStore, type VaultKey } from './index.ts'

let database: TestDatabase
let key: VaultKey
let store: Store
/** As another process would: own pool, own memory. */
let other: Store
let db: pg.Pool
beforeAll(async () => {
  database = await testDatabase()
  key = await loadVaultKey({ env: { ISTHMUS_KEY: randomBytes(32).toString('hex') }, projectDir: '/' })
  ;[store, other] = await Promise.all([openStore(database.url, { key, silenceMs: 900 }), openStore(database.url, { key, silenceMs: 900 })])
  await store.migrate()
  db = new pg.Pool({ connectionString: database.url })
  db.on('error', () => {})
})
afterAll(async () => {
  await Promise.all([store?.close(), other?.close(), db?.end()])
  await database?.close()
})

const row = async (connection: string) => (await db.query('select * from isthmus.tokens where connection = $1', [connection])).rows[0]
const alerts = async (connection: string) => (await db.query(`select message from isthmus.run_log where level = 'error' and message like $1`, [`reconnect needed: ${connection.split('/')[0]}:%`])).rowCount

/** A provider of one connection, and how this connection asks it. `presented` is the provider's own log. */
function provider({ rotates = true, first = 'from env', failing = null as null | { verdict: TokenVerdict; error: Error }, ms = 5 } = {}) {
  const presented: string[] = []
  const self: { presented: string[]; failing: typeof failing; ms: number; onSend(): Promise<void>; refresh: TokenRefresh } = {
    presented,
    failing,
    ms,
    /** Called when the request leaves. */
    onSend: async () => {},
    refresh: {
      presents: (current) => current.refreshToken ?? first,
      async fetch(current) {
        await self.onSend()
        presented.push(current.refreshToken ?? first)
        await sleep(self.ms)
        if (self.failing) throw self.failing.error
        const n = presented.length
        return { accessToken: `token ${n}`, expiresAt: new Date(1e12), refreshToken: rotates ? `${first} ${n}` : (current.refreshToken ?? first) }
      },
      verdict: () => self.failing?.verdict ?? 'unclear',
      reconnect: (reason) => new IsthmusError('AuthFailed', reason, { cure: 'put it into VARIABLE' }),
      log: { run: 'r', stream: 's' },
    },
  }
  return self
}
/** The note of a process that died between sending and storing. */
const die = (connection: string) => db.query(`update isthmus.tokens set use_id = 'dead', use_by = 'host 1', use_of = 'x', use_at = now(), use_seen_at = now() where connection = $1`, [connection])

describe('one refresh at a time', () => {
  it('is done once for each version seen, whoever asks', async () => {
    const p = provider({ ms: 20 })
    expect(await store.getToken('one/x')).toEqual({ version: 0, accessToken: '', expiresAt: null, refreshToken: null })
    for (let seen = -1; seen < 3; seen++) {
      const got = await Promise.all(Array.from({ length: 60 }, (_, i) => (i % 2 ? store : other).refreshToken('one/x', seen === -1 ? -1 : seen + 1, p.refresh)))
      expect(new Set(got.map(({ token: t }) => `${t.version} ${t.accessToken} ${t.refreshToken} ${t.expiresAt!.getTime()}`)).size).toBe(1)
      expect(got[0]!.token.version).toBe(seen + 2)
      expect(got.filter((g) => g.refreshed)).toHaveLength(1)
    }
    expect(p.presented).toEqual(['from env', 'from env 1', 'from env 2', 'from env 3'])
    expect(await other.getToken('one/x')).toMatchObject({ version: 4, accessToken: 'token 4', expiresAt: new Date(1e12), refreshToken: 'from env 4' })
    expect(JSON.stringify([await row('one/x'), (await db.query('select * from isthmus.presented_tokens')).rows])).not.toMatch(/from env|token 4/)
  })

  it('is noted before the request leaves, holds no connection of the pool, and goes on when its caller gives up', async () => {
    const p = provider({ first: 'intent', ms: 1_000 })
    let noted: unknown = null
    p.onSend = async () => {
      noted = (await row('intent/x')).use_id
    }
    const abort = new AbortController()
    const given = store.refreshToken('intent/x', -1, p.refresh, abort.signal)
    const waiting = Promise.all(Array.from({ length: 200 }, () => store.refreshToken('intent/x', -1, p.refresh)))
    const elsewhere = Promise.all(Array.from({ length: 200 }, () => other.refreshToken('intent/x', -1, p.refresh)))
    const many = Promise.all(Array.from({ length: 30 }, (_, i) => store.refreshToken(`intent ${i}/x`, -1, provider({ ms: 1_000, first: `env ${i}` }).refresh)))
    expect(await Promise.race([store.getRun('none').then(() => 'query'), many.then(() => 'refreshes')])).toBe('query')
    abort.abort(new Error('cancelled'))
    await expect(given).rejects.toThrow('cancelled')
    expect(noted).not.toBeNull()
    for (const { token } of [...(await waiting), ...(await elsewhere)]) expect(token.version).toBe(1)
    expect((await many).every((m) => m.refreshed)).toBe(true)
    expect(p.presented).toEqual(['intent'])
    expect((await row('intent/x')).use_id).toBeNull()
  })

  it('tells times by the clock of each process', async () => {
    const p = provider({ first: 'clock' })
    const life = { ...p.refresh, fetch: async () => ({ accessToken: 'a', refreshToken: 'b', expiresAt: new Date(Date.now() + 60_000) }) }
    const { token } = await store.refreshToken('clock/x', -1, life)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
    try {
      const ahead = (await other.getToken('clock/x')).expiresAt!.getTime() - token.expiresAt!.getTime()
      expect(Math.abs(ahead - 3_600_000)).toBeLessThan(1_000)
    } finally {
      vi.useRealTimers()
    }
  })

  it('is refused in another row or version', async () => {
    await store.refreshToken('moved/x', -1, provider({ first: 'moved' }).refresh)
    await db.query(`insert into isthmus.tokens (connection, version, sealed) select 'moved/y', version, sealed from isthmus.tokens where connection = 'moved/x'`)
    await expect(store.getToken('moved/y')).rejects.toMatchObject({ type: 'VaultKey' })
    await db.query(`update isthmus.tokens set version = version + 1 where connection = 'moved/x'`)
    await expect(store.getToken('moved/x')).rejects.toMatchObject({ type: 'VaultKey' })
  })
})

describe('a refresh that fails', () => {
  it('is taken back when nothing was used: the same refresh token goes again', async () => {
    const failure = Object.assign(new Error('no'), { code: 'ECONNREFUSED', syscall: 'connect' })
    const p = provider({ first: 'back', failing: { verdict: 'unused', error: failure } })
    const failed = await Promise.allSettled(Array.from({ length: 20 }, () => store.refreshToken('back/x', -1, p.refresh)))
    expect(failed.every((f) => f.status === 'rejected' && f.reason === failure)).toBe(true)
    expect(p.presented).toHaveLength(1)
    p.failing = null
    // Also under other settings of the connection, since nobody has used it.
    expect((await other.refreshToken('back/y', -1, p.refresh)).token.version).toBe(1)
  })

  it.each(['unclear', 'refused'] as const)('%s: ends as reconnect needed, with one alert, and nothing is presented again', async (verdict) => {
    const p = provider({ first: verdict, failing: { verdict, error: new IsthmusError('Transient', 'closed the connection') } })
    const connection = `${verdict}/x`
    const ask = () => Promise.allSettled(Array.from({ length: 50 }, (_, i) => (i % 2 ? store : other).refreshToken(connection, -1, p.refresh)))
    for (const result of [...(await ask()), ...(await ask())]) {
      expect(result).toMatchObject({ status: 'rejected', reason: { type: 'AuthFailed', message: expect.stringContaining('closed the connection'), cure: 'put it into VARIABLE' } })
    }
    expect(p.presented).toEqual([verdict])
    expect(await alerts(connection)).toBe(1)
    // New credentials are another row.
    expect((await store.refreshToken(`${verdict}/new`, -1, provider({ first: `new ${verdict}` }).refresh)).token.version).toBe(1)
  })

  it('keeps its result when the database throws everybody out meanwhile', async () => {
    const p = provider({ first: 'thrown out' })
    let thrown = 0
    p.onSend = async () => {
      thrown = (await db.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'isthmus store'`)).rowCount!
    }
    expect((await store.refreshToken('thrown/x', -1, p.refresh)).token).toMatchObject({ version: 1, refreshToken: 'thrown out 1' })
    expect(thrown).toBeGreaterThan(0)
    expect(await row('thrown/x')).toMatchObject({ version: 1, use_id: null, reconnect_since: null, rotates: true })
    expect(p.presented).toEqual(['thrown out'])
  })

  it('takes the newer pair that somebody stored meanwhile', async () => {
    const p = provider({ first: 'newer' })
    await store.refreshToken('newer/x', -1, p.refresh)
    const late = provider({ first: 'newer', failing: { verdict: 'refused', error: new Error('invalid_grant') } })
    late.onSend = async () => {
      await db.query(`update isthmus.tokens set use_id = null where connection = 'newer/x'`)
      await other.refreshToken('newer/x', 1, p.refresh)
    }
    expect((await store.refreshToken('newer/x', 1, late.refresh)).token).toMatchObject({ version: 2, accessToken: 'token 2' })
    expect(await alerts('newer/x')).toBe(0)
  })

  it('goes on by itself where the provider does not rotate', async () => {
    const p = provider({ first: 'stays', rotates: false })
    await store.refreshToken('stays/x', -1, p.refresh)
    p.failing = { verdict: 'unclear', error: new IsthmusError('Transient', 'reset') }
    await expect(store.refreshToken('stays/x', 1, p.refresh)).rejects.toMatchObject({ type: 'Transient' })
    p.failing = null
    expect((await store.refreshToken('stays/x', 1, p.refresh)).token.version).toBe(2)
    // Two connections may share it.
    expect((await store.refreshToken('shares/x', -1, p.refresh)).token.version).toBe(1)
  })

  it('refuses a single-use refresh token that another connection has used', async () => {
    await store.refreshToken('owner/x', -1, provider({ first: 'shared' }).refresh)
    const p = provider({ first: 'shared' })
    await expect(store.refreshToken('thief/x', -1, p.refresh)).rejects.toMatchObject({ type: 'AuthFailed', message: expect.stringContaining('owner') })
    expect(p.presented).toEqual([])
  })
})

describe('a process that stops in the middle', () => {
  it('leaves a note: the others wait for it a while, then ask a person, once', async () => {
    const p = provider({ first: 'dead' })
    await store.refreshToken('dead/x', -1, p.refresh)
    await die('dead/x')
    const sent = p.presented.length
    const began = performance.now()
    const results = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => (i % 2 ? store : other).refreshToken('dead/x', 1, p.refresh)))
    expect(results.every((r) => r.status === 'rejected' && /host 1.*not sent again/.test(String(r.reason)))).toBe(true)
    expect(performance.now() - began).toBeGreaterThan(800)
    expect(p.presented).toHaveLength(sent)
    expect(await alerts('dead/x')).toBe(1)
    // The old token still serves whoever has not seen it refused.
    expect((await store.refreshToken('dead/x', 0, p.refresh)).token.version).toBe(1)
  })

  it('is healed when it was only slow and its answer comes after all', async () => {
    const p = provider({ first: 'slow' })
    await store.refreshToken('slow/x', -1, p.refresh)
    // It gives a sign of life every 6 s, and the others believe in it for 0.9 s.
    const calm = await openStore(database.url, { key, silenceMs: 60_000 })
    const healed = calm.refreshToken('slow/x', 1, provider({ first: 'slow', ms: 1_800 }).refresh)
    await sleep(200)
    await expect(other.refreshToken('slow/x', 1, p.refresh)).rejects.toMatchObject({ type: 'AuthFailed' })
    expect((await healed).token.version).toBe(2)
    expect((await other.refreshToken('slow/x', 1, p.refresh)).token.version).toBe(2)
    await calm.close()
  })

  it('costs only a moment where nothing can be used up', async () => {
    const plain: TokenRefresh = { ...provider().refresh, presents: () => null, fetch: async () => ({ accessToken: 'a', expiresAt: null, refreshToken: null }) }
    await store.refreshToken('plain/x', -1, plain)
    await db.query(`update isthmus.tokens set use_id = 'dead', use_at = now(), use_seen_at = now() where connection = 'plain/x'`)
    const began = performance.now()
    expect((await other.refreshToken('plain/x', 1, plain)).token.version).toBe(2)
    expect(performance.now() - began).toBeLessThan(800)
  })
})
