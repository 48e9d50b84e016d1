import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testDatabase, type TestDatabase } from '../test/support/postgres.ts'
import { loadVaultKey, newKey, openStore, rotateVaultKey, vaultStatus } from './index.ts'
import { seal } from './vault.ts'

const PROCESS = fileURLToPath(new URL('../test/support/rotate-process.ts', import.meta.url))
let database: TestDatabase
let projectDir = ''
let pool: pg.Pool

beforeAll(async () => {
  database = await testDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 4 })
  projectDir = await mkdtemp(join(tmpdir(), 'isthmus-rotation-'))
})
afterAll(async () => {
  await pool.end()
  await database.close()
  await rm(projectDir, { recursive: true, force: true })
})

const name = (i: number): string => `acme-${i}%_x`
const values = (i: number, version = 0) => ({ settings: { region: `r${i}` }, credentials: { key: `canary-${i}-${version}`, secret: `canary-secret-${i}` } })

describe('rotating the key of the vault', () => {
  it('works beside readers and writers, survives kill -9 at any moment, and leaves nothing that the old key opens', async () => {
    const old = await loadVaultKey({ env: {}, projectDir })
    const store = await openStore(database.url, { key: old })
    await store.migrate()
    const N = 1_000
    for (let i = 0; i < N; i += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => store.saveConnection({ id: name(i + j), connector: 'acme', method: 'default', ...values(i + j) })))
    for (let i = 0; i < 20; i++) await store.putToken(`${name(i)}/print`, { accessToken: `canary-access-${i}`, refreshToken: `canary-refresh-${i}`, expiresAt: null })
    await store.saveSettings('run/1', { ACME_KEY: 'canary-env' })
    // A value as earlier versions sealed it: by the vault's key itself.
    await pool.query('insert into isthmus.connections (connection, settings) values ($1, $2)', ['run/old', seal(old, '{"A":"canary-old"}', { table: 'connections', row: 'run/old', field: 'settings' }, 1)])
    expect(await store.getSettings('run/old')).toEqual({ A: 'canary-old' })
    const { rows: before } = await pool.query<{ all: string }>(`select string_agg(sealed, ' ') as all from isthmus.vault_credentials`)
    expect(before[0]!.all).not.toMatch(/canary|Y2FuYXJ5/)

    let stop = false
    let calls = 0
    const failures: unknown[] = []
    const versions = new Map<number, number>()
    const work = async (): Promise<void> => {
      while (!stop) {
        const i = Math.floor(Math.random() * N)
        try {
          if (Math.random() < 0.3 && i >= 100) {
            const version = (versions.get(i) ?? 0) + 1
            versions.set(i, version)
            await store.saveConnection({ id: name(i), connector: 'acme', method: 'default', ...values(i, version) })
          } else if ((await store.connectionValues(name(i)))?.credentials['secret'] !== `canary-secret-${i}`) throw new Error(`wrong value of ${i}`)
        } catch (error) {
          failures.push(error)
        }
        calls += 1
        await sleep(5)
      }
    }
    const workers = [work(), work()]
    let kills = 0
    for (let attempt = 0; attempt < 12; attempt++) {
      const child = spawn(process.execPath, ['--import', 'jiti/register', PROCESS, database.url, projectDir], { stdio: ['ignore', 'pipe', 'inherit'] })
      const exited = once(child, 'exit')
      await Promise.race([once(child.stdout, 'data'), exited])
      if (attempt < 8) {
        await sleep(Math.random() * 250)
        kills += child.kill('SIGKILL') ? 1 : 0
      }
      const [code] = (await exited) as [number | null]
      if (attempt >= 8) {
        expect(code).toBe(0)
        break
      }
    }
    stop = true
    await Promise.all(workers)
    expect(failures).toEqual([])
    expect(kills).toBe(8)
    expect(calls).toBeGreaterThan(100)

    const key = await loadVaultKey({ env: {}, projectDir })
    expect(key.id).not.toBe(old.id)
    expect(await vaultStatus(database.url)).toMatchObject({ sealed: N * 2 + 22, older: 0, rotation: false })
    expect((await pool.query('select distinct root from isthmus.key_wraps')).rows).toEqual([{ root: key.id }])
    await expect(openStore(database.url, { key: old })).rejects.toMatchObject({ type: 'VaultKey', message: expect.stringContaining('another key') as string })
    const fresh = await openStore(database.url, { key })
    for (const s of [store, fresh]) {
      expect(await s.connectionValues(name(7))).toEqual(values(7))
      expect(await s.getToken(`${name(3)}/print`)).toMatchObject({ version: 1, accessToken: 'canary-access-3', refreshToken: 'canary-refresh-3' })
      expect(await s.getSettings('run/old')).toEqual({ A: 'canary-old' })
    }
    for (const [i, version] of versions) expect((await fresh.connectionValues(name(i)))!.credentials['key'], String(i)).toBe(`canary-${i}-${version}`)
    // What Temporal stored before opens afterwards too.
    const [was, now] = await Promise.all([store.payloadKeys(), fresh.payloadKeys()])
    expect(await now.get(was.current.id)).toEqual(was.current.key)
    expect(await now.get('0000000000000000')).toBeNull()

    expect(await fresh.removeConnection(name(1))).toBe(true)
    expect(await fresh.getToken(`${name(1)}/print`)).toMatchObject({ version: 0 })
    expect(await fresh.getToken(`${name(10)}/print`)).toMatchObject({ version: 1 })
    await store.close()
    await fresh.close()
  }, 120_000)

  it('prepares a key that a person has to set, works with either, and finishes when told', async () => {
    const other = await testDatabase()
    const keyOf = (text: string) => loadVaultKey({ env: { ISTHMUS_KEY: text }, projectDir })
    const texts = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')]
    const [first, second] = await Promise.all(texts.map(keyOf))
    const store = await openStore(other.url, { key: first! })
    await store.migrate()
    await store.saveConnection({ id: 'acme', connector: '', method: 'default', ...values(1) })
    await store.close()
    const given = (env: Record<string, string>) => newKey({ from: first!, env, projectDir, file: undefined, command: undefined, finish: false })
    await expect(given({})).rejects.toMatchObject({ type: 'VaultKey', message: 'no new key is given' })
    const { to, exchange } = await given({ ISTHMUS_NEW_KEY: texts[1]! })
    expect(await rotateVaultKey(other.url, { from: first!, to, exchange, finish: false })).toMatchObject({ finished: false, resealed: 2 })
    await expect(rotateVaultKey(other.url, { from: first!, to: null, exchange: null, finish: true })).rejects.toMatchObject({ message: 'the key in use is still the old one' })
    for (const key of [first!, second!]) {
      const either = await openStore(other.url, { key })
      await either.migrate()
      expect(await either.connectionValues('acme')).toEqual(values(1))
      await either.close()
    }
    expect(await rotateVaultKey(other.url, { from: second!, to: null, exchange: null, finish: true })).toMatchObject({ finished: true })
    await expect(openStore(other.url, { key: first! })).rejects.toMatchObject({ type: 'VaultKey' })
    await other.close()
  })

  it('takes the key from a command, and says what is wrong with each source', async () => {
    const text = (await readFile(join(projectDir, '.isthmus', 'key'), 'utf8')).trim()
    const load = (env: Record<string, string>) => loadVaultKey({ env: { PATH: process.env['PATH']!, ...env }, projectDir })
    const file = await load({})
    expect((await load({ ISTHMUS_KEY_COMMAND: `cat "${join(projectDir, '.isthmus', 'key')}"` })).secret).toEqual(file.secret)
    const wrong: [Record<string, string>, string][] = [
      [{ ISTHMUS_KEY: text, ISTHMUS_KEY_FILE: 'x' }, 'ISTHMUS_KEY and ISTHMUS_KEY_FILE are set at once'],
      [{ ISTHMUS_KEY_COMMAND: 'no-such-program-here --x' }, 'there is no program no-such-program-here'],
      [{ ISTHMUS_KEY_COMMAND: `sh -c "echo ${text}; echo denied >&2; exit 3"` }, 'it ended with 3: denied'],
      [{ ISTHMUS_KEY_COMMAND: 'echo $HOME && echo short' }, 'does not hold a key of 32 bytes'],
      [{ ISTHMUS_KEY_FILE: 'gone' }, 'cannot be read (ENOENT)'],
    ]
    for (const [env, reason] of wrong) {
      const error = (await load(env).catch((e: unknown) => e)) as Error
      expect(error).toMatchObject({ type: 'VaultKey', message: expect.stringContaining(reason) as string })
      expect(JSON.stringify(error) + error.message).not.toContain(text)
    }
  })
})
