import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { redactor } from '../model/redact/index.ts'
import { testDatabase, type TestDatabase } from '../test/support/postgres.ts'
import { abandonVaultRotation, loadVaultKey, openStore, rotateVaultKey, vaultStatus, type RotateOptions, type VaultKey } from './index.ts'
import { words } from './key-command.ts'

let database: TestDatabase
let projectDir = ''
let db: pg.Pool
beforeAll(async () => {
  projectDir = await mkdtemp(join(tmpdir(), 'isthmus-rotation-'))
  database = await testDatabase()
  db = new pg.Pool({ connectionString: database.url, max: 2 })
  db.on('error', () => {})
})
afterAll(async () => {
  await db?.end()
  await database?.close()
  await rm(projectDir, { recursive: true, force: true })
})
beforeEach(() => db.query('drop schema if exists isthmus cascade'))

const newText = (): string => randomBytes(32).toString('hex')
const keyOf = (text: string) => loadVaultKey({ env: { ISTHMUS_KEY: text }, projectDir })
const values = (i: number) => ({ settings: { region: `r${i}` }, credentials: { key: `key ${i}`, secret: `secret ${i}` } })
const rotate = (from: VaultKey, options: Partial<RotateOptions> = {}) => rotateVaultKey(database.url, { from, env: {}, projectDir, settleMs: 0, ...options })
/** The vault opens with this key, and what it gave out before is what it gives out now. */
async function works(key: VaultKey, ids = ['a0', 'a1', 'a2']): Promise<void> {
  const store = await openStore(database.url, { key })
  await store.migrate()
  for (const id of ids) expect(await store.connectionValues(id)).toEqual(values(Number(id.slice(1))))
  await store.close()
}
async function fill(key: VaultKey): Promise<void> {
  const store = await openStore(database.url, { key })
  await store.migrate()
  for (let i = 0; i < 3; i++) await store.saveConnection({ id: `a${i}`, connector: '', method: 'default', ...values(i) })
  await store.close()
}

describe('a key that a person sets', () => {
  it('is prepared, works beside the old one, is finished when told, and can be given up until then', async () => {
    const texts = [newText(), newText(), newText()]
    const [first, second, third] = (await Promise.all(texts.map(keyOf))) as [VaultKey, VaultKey, VaultKey]
    await fill(first)
    await expect(rotate(first)).rejects.toMatchObject({ type: 'VaultKey', message: 'no new key is given' })
    await expect(rotate(first, { env: { ISTHMUS_NEW_KEY: texts[0] } })).rejects.toMatchObject({ message: 'the new key is the one in use' })
    await expect(rotate(first, { env: { ISTHMUS_NEW_KEY: texts[1] }, newKeyFile: 'x' })).rejects.toMatchObject({ message: '--new-key-file and ISTHMUS_NEW_KEY are given at once' })
    expect(await rotate(first, { env: { ISTHMUS_NEW_KEY: texts[1] } })).toEqual({ key: second.id, resealed: 6, unopened: [], finished: false })
    for (const key of [first, second]) await works(key)
    await expect(rotate(first, { finish: true })).rejects.toMatchObject({ message: 'the key in use is still the old one' })
    await expect(rotate(first, { env: { ISTHMUS_NEW_KEY: texts[2] } })).rejects.toMatchObject({ message: 'a rotation to another key is under way' })

    await expect(abandonVaultRotation(database.url, second)).rejects.toMatchObject({ message: 'the new key is the one in use already' })
    await abandonVaultRotation(database.url, first)
    await works(first)
    await expect(works(second)).rejects.toMatchObject({ type: 'VaultKey' })

    await writeFile(join(projectDir, 'next'), texts[2]!)
    expect(await rotate(first, { newKeyCommand: 'cat next' })).toMatchObject({ key: third.id, finished: false })
    // Said again with the new key in use: only `finish` ends it, since workers may still be restarted.
    expect(await rotate(third)).toMatchObject({ key: third.id, finished: false, resealed: 0 })
    for (const key of [first, third]) await works(key)
    expect(await rotate(third, { finish: true })).toMatchObject({ key: third.id, finished: true })
    await works(third)
    await expect(works(first)).rejects.toMatchObject({ type: 'VaultKey', message: expect.stringContaining('another key than that of ISTHMUS_KEY') as string })
    await expect(rotate(third, { finish: true })).rejects.toMatchObject({ message: 'no rotation is under way' })
    expect(await vaultStatus(database.url, third)).toMatchObject({ sealed: 6, older: 0, otherWraps: 0, rotation: false, dataKeys: 7 })
  })
})

describe('a key in a file', () => {
  it('is replaced behind a link with owner and mode as they were; two rotations at once exchange it once each', async () => {
    await mkdir(join(projectDir, 'secrets'), { recursive: true })
    const path = join(projectDir, 'secrets', 'real')
    await writeFile(path, newText())
    await chmod(path, 0o640)
    await symlink('secrets/real', join(projectDir, 'link'))
    const load = () => loadVaultKey({ env: { ISTHMUS_KEY_FILE: 'link' }, projectDir })
    const first = await load()
    await fill(first)
    expect((await vaultStatus(database.url, first)).openTo).toBe('640')
    const done = await Promise.all([rotate(first), rotate(first)])
    expect(new Set(done.map((d) => d.key)).size).toBe(2)
    const key = await load()
    expect(done.map((d) => d.key)).toContain(key.id)
    expect((await stat(path)).mode & 0o777).toBe(0o640)
    expect(await readdir(join(projectDir, 'secrets'))).toEqual(['real'])
    await works(key)
    await works(first.reload ? await first.reload() : first)
    // A process that holds the key of two rotations ago reads the file again, at once.
    const store = await openStore(database.url, { key })
    await store.migrate()
    await rotate(key)
    await rotate(await load())
    expect(await store.connectionValues('a1')).toEqual(values(1))
    await store.saveConnection({ id: 'a9', connector: '', method: 'default', ...values(9) })
    await store.close()
    await works(await load(), ['a9'])
  })

  it('leaves values that nobody can open, and tells of them', async () => {
    const dir = await mkdtemp(join(projectDir, 'p-'))
    const key = await loadVaultKey({ env: {}, projectDir: dir })
    await fill(key)
    await db.query(`update isthmus.vault_credentials c set sealed = o.sealed from isthmus.vault_credentials o where c.connection = 'a1' and c.field = 'key' and o.connection = 'a2' and o.field = 'key'`)
    expect(await rotate(key, { projectDir: dir })).toMatchObject({ resealed: 5, unopened: ['a1 in isthmus.vault_credentials'], finished: true })
    await works(await loadVaultKey({ env: {}, projectDir: dir }), ['a0', 'a2'])
  })

  it('has a key for payloads that is a month old followed by another, but not by a process whose key is out', async () => {
    const texts = [newText(), newText()]
    const [first, second] = (await Promise.all(texts.map(keyOf))) as [VaultKey, VaultKey]
    await fill(first)
    const store = await openStore(database.url, { key: first })
    await store.migrate()
    const before = await store.payloadKeys()
    const age = () => db.query(`update isthmus.data_keys set created_at = created_at - interval '31 days' where purpose = 'payloads'`)
    const count = async () => (await db.query(`select id from isthmus.data_keys where purpose = 'payloads'`)).rowCount
    await age()
    await rotate(first, { env: { ISTHMUS_NEW_KEY: texts[1] } })
    await age()
    // Neither while a rotation is under way,
    await Promise.all([works(first), works(second)])
    expect(await count()).toBe(2)
    await rotate(second, { finish: true })
    // nor under a key that opens nothing any more: this store was opened with it.
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    await store.payloadKeys().catch(() => undefined)
    expect(await count()).toBe(2)
    const [one, other] = await Promise.all([openStore(database.url, { key: second }), openStore(database.url, { key: second })])
    await Promise.all([one.migrate(), other.migrate()])
    expect(await count()).toBe(3)
    const now = await one.payloadKeys()
    expect(now.current.id).not.toBe(before.current.id)
    expect((await other.payloadKeys()).current).toEqual(now.current)
    expect(await now.get(before.current.id)).toEqual(before.current.key)
    expect(await now.get('0000000000000000')).toBeNull()
    await Promise.all([one.close(), other.close(), store.close()])
  })
})

describe('the key', () => {
  it('comes from a command; what is wrong with a source is one sentence without the key', async () => {
    const text = newText()
    await writeFile(join(projectDir, 'the key'), text)
    const load = (env: Record<string, string>) => loadVaultKey({ env: { PATH: process.env['PATH']!, ...env }, projectDir })
    expect((await load({ ISTHMUS_KEY_COMMAND: `cat 'the key'` })).secret.toString('hex')).toBe(text)
    const other = newText()
    const wrong: [Record<string, string>, string][] = [
      [{ ISTHMUS_KEY: text, ISTHMUS_KEY_FILE: 'x' }, 'ISTHMUS_KEY and ISTHMUS_KEY_FILE are set at once'],
      [{ ISTHMUS_KEY_FILE: 'x', ISTHMUS_KEY_COMMAND: 'true' }, 'ISTHMUS_KEY_FILE and ISTHMUS_KEY_COMMAND are set at once'],
      [{ ISTHMUS_KEY_COMMAND: ' ' }, 'it is empty'],
      [{ ISTHMUS_KEY_COMMAND: `cat 'the key` }, 'a quote in it is not closed'],
      [{ ISTHMUS_KEY_COMMAND: 'no-such-program-here --x' }, 'there is no program no-such-program-here'],
      [{ ISTHMUS_KEY_COMMAND: projectDir }, `${projectDir} cannot be run (EACCES)`],
      [{ ISTHMUS_KEY_COMMAND: `sh -c "echo ${other}; echo denied to ${other} >&2; exit 3"` }, 'it ended with 3: denied to ***'],
      [{ ISTHMUS_KEY_COMMAND: 'sh -c "kill -9 $$"' }, 'it was ended by SIGKILL'],
      [{ ISTHMUS_KEY_COMMAND: 'cat' }, 'does not hold a key of 32 bytes'],
      [{ ISTHMUS_KEY_COMMAND: 'echo $HOME && echo short' }, 'does not hold a key of 32 bytes'],
      [{ ISTHMUS_KEY_COMMAND: 'yes' }, 'it printed more than a key'],
      [{ ISTHMUS_KEY_FILE: 'gone' }, 'cannot be read (ENOENT)'],
      [{ ISTHMUS_KEY: text.slice(2) }, 'ISTHMUS_KEY does not hold a key of 32 bytes'],
    ]
    await Promise.all(wrong.map(async ([env, reason]) => {
      const error = (await load(env).catch((e: unknown) => e)) as Error & { cure: string }
      expect(error).toMatchObject({ type: 'VaultKey', message: expect.stringContaining(reason) as string, cure: expect.stringMatching(/./) as string })
      expect(error.message + error.cure).not.toMatch(new RegExp(`${text}|${other}`))
      expect(error.message).not.toContain('\n')
    }))
    // Known to the redactor in the forms it may be written in.
    for (const form of ['hex', 'base64', 'base64url'] as const) expect(redactor.holds(`x ${Buffer.from(text, 'hex').toString(form)} y`)).toBe(true)
    expect(await readFile(join(projectDir, 'the key'), 'utf8')).toBe(text)
  })

  it('splits a command as documented', () => {
    expect(words(`op  read "op://My Vault/it's/key" --a='x y' "" \\n $HOME|cat`)).toEqual(['op', 'read', "op://My Vault/it's/key", '--a=x y', '', '\\n', '$HOME|cat'])
    expect(words(`a 'b`)).toBeNull()
    expect(words(' ')).toEqual([])
  })
})
