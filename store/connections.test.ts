import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store, TokenRefresh } from '../model/ports.ts'
import { redactor } from '../model/redact/index.ts'
import { testDatabase, type TestDatabase } from '../test/support/postgres.ts'
import { loadVaultKey, openStore, type VaultKey } from './index.ts'

let database: TestDatabase
let store: Store
/** As another process would: own pool, own memory. */
let other: Store
let db: pg.Pool
let key: VaultKey
const newKey = () => loadVaultKey({ env: { ISTHMUS_KEY: randomBytes(32).toString('hex') }, projectDir: '/' })
beforeAll(async () => {
  database = await testDatabase()
  key = await newKey()
  ;[store, other] = await Promise.all([openStore(database.url, { key }), openStore(database.url, { key })])
  await store.migrate()
  db = new pg.Pool({ connectionString: database.url, max: 2 })
  db.on('error', () => {})
})
afterAll(async () => {
  await Promise.all([store?.close(), other?.close(), db?.end()])
  await database?.close()
})

const save = (id: string, credentials: Record<string, string> = { secret: `secret of ${id}` }) => store.saveConnection({ id, connector: 'acme', method: 'key', settings: { region: 'eu' }, credentials })
const token = (id: string) => ({ accessToken: `access of ${id}`, refreshToken: `refresh of ${id}`, expiresAt: null })
const refresh = (first: string, sent: string[] = []): TokenRefresh => ({
  presents: (current) => current.refreshToken ?? first,
  fetch: async (current) => {
    sent.push(current.refreshToken ?? first)
    return { accessToken: `next after ${sent.length}`, refreshToken: `${first} ${sent.length}`, expiresAt: null }
  },
  verdict: () => 'refused',
  reconnect: (reason) => new Error(`reconnect: ${reason}`),
  log: { run: 'r', stream: 's' },
})

describe('connections', () => {
  it('are stored, exchanged, listed and removed with their tokens only, whatever they are called', async () => {
    const names = ['a', 'ab', 'a_', 'a%', 'a.', 'a/b', 'a\\', `a'; --`, 'ä', '%', '_', '.*', 'a$']
    for (const id of names) {
      await save(id, { secret: `secret of ${id}`, empty: '' })
      await store.putToken(`${id}/print`, token(id))
      await store.putToken(`${id}/other`, token(id))
      await store.noteHealth(id, { state: 'ok', reason: '' })
    }
    expect((await store.listConnections()).map((c) => c.id)).toEqual([...names].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y))))
    expect(await other.getConnection('a%')).toMatchObject({ id: 'a%', connector: 'acme', method: 'key', settings: { region: 'eu' }, credentials: ['empty', 'secret'] })
    expect(await other.connectionValues('a%')).toEqual({ settings: { region: 'eu' }, credentials: { secret: 'secret of a%', empty: '' } })
    await save('a%', { fresh: 'another secret' })
    expect((await other.connectionValues('a%'))!.credentials).toEqual({ fresh: 'another secret' })
    for (let left = [...names]; left.length > 0; ) {
      const [id, ...rest] = left as [string, ...string[]]
      expect(await store.removeConnection(id)).toBe(true)
      expect(await store.removeConnection(id)).toBe(false)
      left = rest
      const tokens = (await db.query<{ connection: string }>('select connection from isthmus.tokens')).rows.map((r) => r.connection)
      expect(tokens.sort()).toEqual(rest.flatMap((n) => [`${n}/other`, `${n}/print`]).sort())
      expect((await store.connectionHealth()).map((h) => h.connection).sort()).toEqual([...rest].sort())
    }
    expect(await store.connectionValues('a')).toBeNull()
    expect((await db.query('select 1 from isthmus.vault_credentials')).rowCount).toBe(0)
  })

  it('open nowhere else: not swapped between connections, fields, versions or tables', async () => {
    for (const id of ['s1', 's2']) {
      await save(id, { one: `one of ${id}`, two: `two of ${id}` })
      await store.putToken(`${id}/print`, token(id))
      await store.saveSettings(`run/${id}`, { ACME_KEY: `env of ${id}` })
    }
    const swaps = [
      `update isthmus.vault_credentials c set sealed = o.sealed from isthmus.vault_credentials o where c.connection like 's_' and o.connection like 's_' and c.connection <> o.connection and c.field = o.field`,
      `update isthmus.vault_credentials c set sealed = o.sealed from isthmus.vault_credentials o where c.connection like 's_' and c.connection = o.connection and c.field <> o.field`,
      `update isthmus.vault_credentials c set sealed = t.sealed from isthmus.tokens t where t.connection = c.connection || '/print'`,
      `update isthmus.tokens c set sealed = o.sealed from isthmus.tokens o where c.connection like 's_/print' and o.connection like 's_/print' and c.connection <> o.connection`,
      `update isthmus.tokens set version = version + 1 where connection like 's_/print'`,
      `update isthmus.connections c set settings = o.settings from isthmus.connections o where c.connection like 'run/s_' and o.connection like 'run/s_' and c.connection <> o.connection`,
      `update isthmus.key_wraps w set sealed = o.sealed from isthmus.key_wraps o where w.data_key <> o.data_key`,
    ]
    const outcomes: string[] = []
    for (const swap of swaps) {
      const client = await db.connect()
      const kept = (await client.query(`select (select json_agg(c) from isthmus.vault_credentials c) as c, (select json_agg(t) from isthmus.tokens t) as t, (select json_agg(s) from isthmus.connections s) as s, (select json_agg(w) from isthmus.key_wraps w) as w`)).rows[0]
      expect((await client.query(swap)).rowCount).toBeGreaterThan(1)
      if (swap.includes('key_wraps')) {
        // Keys that are open already stay so: it is met by the next process.
        const later = await openStore(database.url, { key })
        outcomes.push(await later.migrate().then(() => 'opened', (e: { type: string }) => e.type))
        await later.close()
      } else {
        const reads = swap.includes('vault_credentials') ? ['s1', 's2'].map((id) => other.connectionValues(id)) : swap.includes('tokens') ? ['s1', 's2'].map((id) => other.getToken(`${id}/print`)) : ['s1', 's2'].map((id) => other.getSettings(`run/${id}`))
        for (const read of await Promise.allSettled(reads as Promise<unknown>[])) outcomes.push(read.status === 'rejected' ? (read.reason as { type: string }).type : 'opened')
      }
      await client.query('begin')
      for (const [table, rows] of [['vault_credentials', kept.c], ['tokens', kept.t], ['connections', kept.s], ['key_wraps', kept.w]] as const) {
        await client.query(`delete from isthmus.${table}`)
        await client.query(`insert into isthmus.${table} select * from json_populate_recordset(null::isthmus.${table}, $1)`, [JSON.stringify(rows)])
      }
      await client.query('commit')
      client.release()
    }
    expect(new Set(outcomes)).toEqual(new Set(['VaultKey']))
    expect(outcomes).toHaveLength(13)
    expect((await other.connectionValues('s1'))!.credentials).toEqual({ one: 'one of s1', two: 'two of s1' })
    // Signing in again heals a token that does not open.
    await db.query(`update isthmus.tokens set sealed = 'rubbish' where connection = 's1/print'`)
    await expect(other.getToken('s1/print')).rejects.toMatchObject({ type: 'VaultKey' })
    expect(await store.putToken('s1/print', token('s1 again'))).toMatchObject({ version: 2 })
    expect(await other.getToken('s1/print')).toMatchObject({ version: 2, accessToken: 'access of s1 again' })
  })

  it('take what a person has just got over everything: the lost, the used up and the one under way', async () => {
    const failing: TokenRefresh = { ...refresh('gone'), fetch: () => Promise.reject(new Error('invalid_grant')) }
    await expect(store.refreshToken('put/print', 0, failing)).rejects.toThrow('reconnect: invalid_grant')
    await expect(other.refreshToken('put/print', 0, refresh('gone'))).rejects.toThrow('reconnect')
    expect(await store.putToken('put/print', token('put'))).toMatchObject({ version: 1, refreshToken: 'refresh of put' })
    expect(await other.reconnectReason('put/print')).toBeNull()
    // The new refresh token may be presented, although the one before was refused,
    const sent: string[] = []
    expect((await other.refreshToken('put/print', 1, refresh('gone', sent))).token).toMatchObject({ version: 2 })
    expect(sent).toEqual(['refresh of put'])
    // also the very text of one that had been presented before.
    await store.putToken('put/print', { ...token('put'), refreshToken: 'gone' })
    expect((await other.refreshToken('put/print', 3, refresh('never', sent))).token.version).toBe(4)
    expect(sent).toEqual(['refresh of put', 'gone'])
    // An exchange that was under way ends with the pair of the person.
    const slow: TokenRefresh = { ...refresh('slow'), fetch: async () => {
      await store.putToken('put/print', token('person'))
      return { accessToken: 'late', refreshToken: 'late', expiresAt: null }
    } }
    expect((await other.refreshToken('put/print', 4, slow)).token).toMatchObject({ version: 5, accessToken: 'access of person' })
    expect(await store.getToken('put/print')).toMatchObject({ version: 5, refreshToken: 'refresh of person' })
  })

  it('have a health that costs next to nothing to tell again, and changes at once', async () => {
    const row = async () => (await db.query<{ xmin: string }>(`select xmin::text, * from isthmus.connection_health where connection = 'h'`)).rows[0]
    const at = () => new Date()
    await store.noteHealth('h', { state: 'ok', reason: '', lastSuccessAt: at() })
    const first = (await row())!.xmin
    await Promise.all(Array.from({ length: 200 }, () => store.noteHealth('h', { state: 'ok', reason: '', lastSuccessAt: at() })))
    expect((await row())!.xmin).toBe(first)
    redactor.add('t0p-s3cret-value')
    await store.noteHealth('h', { lastErrorAt: at(), lastErrorType: 'Transient', lastErrorMessage: 'reset; sent t0p-s3cret-value' })
    const second = (await row())!.xmin
    // Good and bad by turns: both are known already.
    for (let i = 0; i < 50; i++) {
      await store.noteHealth('h', { state: 'ok', reason: '', lastSuccessAt: at() })
      await store.noteHealth('h', { lastErrorAt: at(), lastErrorType: 'Transient', lastErrorMessage: `reset ${i}` })
    }
    expect((await row())!.xmin).toBe(second)
    expect((await other.connectionHealth('h'))[0]).toMatchObject({ state: 'ok', lastErrorType: 'Transient', lastErrorMessage: 'reset; sent ***' })
    const since = (await other.connectionHealth('h'))[0]!.since
    await store.noteHealth('h', { state: 'needsReconnect', reason: 'invalid_grant', lastErrorAt: at(), lastErrorType: 'AuthFailed', lastErrorMessage: 'no' })
    const bad = (await other.connectionHealth('h'))[0]!
    expect(bad).toMatchObject({ state: 'needsReconnect', reason: 'invalid_grant', lastErrorType: 'AuthFailed' })
    expect(bad.since! > since!).toBe(true)
    // Healed by another process, then lost again here: told although this one has said so lately.
    await other.noteHealth('h', { state: 'ok', reason: '' })
    await store.noteHealth('h', { state: 'needsReconnect', reason: 'invalid_grant' })
    expect((await other.connectionHealth('h'))[0]).toMatchObject({ state: 'needsReconnect' })
    await store.noteHealth('h', { state: 'ok', reason: '' })
    expect((await other.connectionHealth('h'))[0]).toMatchObject({ state: 'ok', reason: '', lastErrorType: 'AuthFailed' })
    // What could not be written is told again.
    await db.query('alter table isthmus.connection_health rename to away')
    await expect(store.noteHealth('lost', { state: 'needsReconnect', reason: 'x' })).rejects.toThrow()
    await expect(store.noteHealth('lost', { state: 'ok', reason: '' })).rejects.toThrow()
    await db.query('alter table isthmus.away rename to connection_health')
    await store.noteHealth('lost', { state: 'ok', reason: '' })
    expect(await store.connectionHealth('lost')).toHaveLength(1)
  })

  it('tell the redactor every secret that is opened or sealed, and nothing else', async () => {
    // Written by another process: this one has not seen them.
    const script = { key: 'k-4f9a7c21', access: 'acc-77e1b0', refresh: 'ref-90ab3d', env: 'env-5512cd', dsn: 'p%40ss-1f2e' }
    await save('red', { key: script.key })
    await store.putToken('red/print', { accessToken: script.access, refreshToken: script.refresh, expiresAt: null })
    await store.saveSettings('run/red', { ACME_TOKEN: script.env, WAREHOUSE_URL: `postgresql://me:${script.dsn}@db.example/x`, ACME_REGION: 'eu-central', ACME_URL: 'https://api.acme.example' })
    await other.connectionValues('red')
    await other.getToken('red/print')
    await other.getSettings('run/red')
    for (const secret of [...Object.values(script), 'p@ss-1f2e']) expect(redactor.text(`sent ${secret} there`)).toBe('sent *** there')
    const plain = 'cannot reach https://api.acme.example in eu-central (db.example)'
    expect(redactor.text(plain)).toBe(plain)
  })
})

describe('a key that is lost', () => {
  it('is got over as docs/vault.md says: everything that was sealed is forgotten, all else stays', async () => {
    await store.log({ run: 'r', stream: 's', level: 'info', message: 'stays' })
    const found = await newKey()
    await expect(openStore(database.url, { key: found })).rejects.toMatchObject({ type: 'VaultKey' })
    const sql = /```sql\n([\s\S]*?)```/.exec(await readFile(new URL('../docs/vault.md', import.meta.url), 'utf8'))![1]!
    await db.query(sql)
    const anew = await openStore(database.url, { key: found })
    await anew.migrate()
    expect(await anew.listConnections()).toEqual([])
    expect(await anew.getToken('s1/print')).toMatchObject({ version: 0 })
    await anew.saveConnection({ id: 'anew', connector: '', method: '', settings: {}, credentials: { a: 'b' } })
    expect((await anew.connectionValues('anew'))!.credentials).toEqual({ a: 'b' })
    expect((await anew.logs('r', 0)).map((l) => l.message)).toContain('stays')
    await anew.close()
  })
})
