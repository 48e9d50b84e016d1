import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadVaultKey, openStore, seal, vaultStatus } from '../../store/index.ts'
import { makeProject, type Project } from '../support/cli.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'

const CHILD = fileURLToPath(new URL('../support/vault-process.mjs', import.meta.url))
const N = 1_000
const IDS = Array.from({ length: N }, (_, i) => `acme-${i}%_x`)

let database: TestDatabase
let project: Project
let db: pg.Pool
const children = new Set<ChildProcess>()
beforeAll(async () => {
  ;[database, project] = await Promise.all([testDatabase(), makeProject()])
  db = new pg.Pool({ connectionString: database.url, max: 4 })
  db.on('error', () => {})
})
afterAll(async () => {
  children.forEach((c) => c.kill('SIGKILL'))
  await db?.end()
  await database?.close()
  await project?.close()
})

function start(task: Record<string, unknown>): ChildProcess {
  const child = fork(CHILD, [JSON.stringify({ databaseUrl: database.url, projectDir: project.dir, task })], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** Columns of the whole schema that hold a value sealed otherwise than under `dataKey`, with how many. Oracle: the rows, whatever the rotation knows of. */
async function sealedOtherwise(dataKey: string): Promise<Record<string, number>> {
  const { rows: columns } = await db.query<{ t: string; c: string }>(`select table_name as t, column_name as c from information_schema.columns where table_schema = 'isthmus' and data_type in ('text', 'json', 'jsonb') and table_name <> 'key_wraps'`)
  const found: Record<string, number> = {}
  for (const { t, c } of columns) {
    const { rows } = await db.query<{ n: number }>(`select count(*)::int as n from isthmus.${t} where ${c}::text ~ 'v[12]\\.[0-9a-f]{16}\\.[A-Za-z0-9_-]{16}\\.' and ${c}::text not like 'v2.' || $1 || '.%'`, [dataKey])
    if (rows[0]!.n > 0) found[`${t}.${c}`] = rows[0]!.n
  }
  return found
}

describe('rotating the key of the vault', () => {
  it('beside readers and writers of other processes, killed at every step: nothing fails, nothing is left under the old key', async () => {
    const old = await loadVaultKey({ env: {}, projectDir: project.dir })
    const store = await openStore(database.url, { key: old })
    await store.migrate()
    for (let i = 0; i < N; i += 50) {
      await Promise.all(IDS.slice(i, i + 50).map((id) => store.saveConnection({ id, connector: 'acme', method: 'default', settings: { region: 'eu' }, credentials: { key: `key of ${id}`, secret: `secret of ${id}` } })))
    }
    await store.saveSettings('run/1', { ACME_KEY: 'from the environment' })
    await store.createConnectLink('content of a link')
    // A value as earlier versions sealed it: by the vault's key itself.
    await db.query('insert into isthmus.connections (connection, settings) values ($1, $2)', ['run/old', seal(old, '{"A":"older form"}', { table: 'connections', row: 'run/old', field: 'settings' }, 1)])
    const payloads = await store.payloadKeys()
    expect(await sealedOtherwise('none')).toEqual({ 'connections.settings': 2, 'vault_credentials.sealed': 2 * N, 'connect_links.sealed': 1 })

    const worker = start({ name: 'work', connections: IDS })
    await once(worker, 'message')
    const deaths: string[] = []
    const rotate = async (killAt: string | null, nth = 1, settleMs = 0): Promise<void> => {
      const child = start({ name: 'rotate', killAt, nth, settleMs })
      let step = ''
      child.on('message', (m: { step?: string }) => (step = m.step ?? step))
      if (killAt === null) {
        await once(child, 'message')
        await sleep(Math.random() * 300)
        child.kill('SIGKILL')
      }
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
      expect([code, signal]).toEqual([null, 'SIGKILL'])
      deaths.push(killAt ?? `at random after ${step}`)
      // A worker that starts at this moment, with the key that the file holds now.
      const fresh = await openStore(database.url, { key: await loadVaultKey({ env: {}, projectDir: project.dir }) })
      await fresh.migrate()
      expect((await fresh.connectionValues(IDS[7]!))!.credentials['secret']).toBe(`secret of ${IDS[7]}`)
      await fresh.close()
    }
    for (const [step, nth] of [['begun', 1], ['batch', 1], ['batch', 4]] as const) await rotate(step, nth)
    await rotate(null)
    await rotate('resealed')
    expect((await loadVaultKey({ env: {}, projectDir: project.dir })).id).toBe(old.id)
    await rotate('exchanged')
    await rotate('settled')
    // The last one has all it needs: it dies after its last step.
    await rotate('dropped', 1, undefined)
    const stopped = once(worker, 'message')
    worker.send('stop')
    const [{ counts, failures, written }] = (await stopped) as [{ counts: Record<string, number>; failures: string[]; written: Record<string, string> }]
    expect(failures).toEqual([])
    for (const what of ['reads', 'writes', 'refreshes']) expect(counts[what], what).toBeGreaterThan(50)
    expect(deaths).toHaveLength(8)

    const key = await loadVaultKey({ env: {}, projectDir: project.dir })
    expect(key.id).not.toBe(old.id)
    const file = join(project.dir, '.isthmus', 'key')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(project.dir, '.isthmus'))).toEqual(['key'])
    const { rows: newest } = await db.query<{ id: string }>(`select id from isthmus.data_keys where purpose = 'values' order by created_at desc limit 1`)
    expect(await sealedOtherwise(newest[0]!.id)).toEqual({})
    expect((await db.query('select root, count(*)::int as n from isthmus.key_wraps group by root')).rows).toEqual([{ root: key.id, n: 5 }])
    expect((await db.query(`select name from isthmus.meta where name like 'key%'`)).rows).toEqual([])

    // The store that was open all the time has read nothing since, and holds the old key.
    const fresh = await openStore(database.url, { key })
    for (const s of [store, fresh]) {
      for (const id of [IDS[1]!, ...Object.keys(written).slice(0, 20)]) expect(await s.connectionValues(id)).toEqual({ settings: { region: 'eu' }, credentials: { key: written[id] ?? `key of ${id}`, secret: `secret of ${id}` } })
      expect(await s.getSettings('run/old')).toEqual({ A: 'older form' })
      expect(await (await s.payloadKeys()).get(payloads.current.id)).toEqual(payloads.current.key)
    }
    expect((await fresh.payloadKeys()).current.id).not.toBe(payloads.current.id)
    await Promise.all([store.close(), fresh.close()])
  })

  it('is told by the command line; a wrong, missing or exposed key is one sentence and changes nothing', async () => {
    const file = join(project.dir, '.isthmus', 'key')
    const text = await readFile(file, 'utf8')
    const url = { DATABASE_URL: database.url }
    const before = (await db.query('select (select json_agg(k order by data_key, root) from isthmus.key_wraps k) as wraps, (select count(*)::int from isthmus.data_keys) as keys')).rows
    const wrong = randomBytes(32).toString('hex')
    const [status, refused] = await Promise.all([project.isthmus(['vault', 'status', '--json'], url), project.isthmus(['vault', 'rotate-key'], { ...url, ISTHMUS_KEY: wrong, ISTHMUS_NEW_KEY: text.trim() })])
    expect(status).toMatchObject({ code: 0, json: { source: file, openTo: null, dataKeys: 5, older: 0, otherWraps: 0, rotation: false } })
    expect(status.json.key).toMatch(/^[0-9a-f]{16}$/)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/^error The credentials in this database were sealed with another key than that of ISTHMUS_KEY\. Cure: give the key .*\n$/)
    expect(refused.stdout).toBe('')
    await chmod(file, 0o640)
    const exposed = loadVaultKey({ env: {}, projectDir: project.dir })
    await expect(exposed).rejects.toMatchObject({ type: 'VaultKey', message: `Others can read the key file ${file} (mode 640)`, cure: `chmod 600 ${file}` })
    await chmod(file, 0o600)
    // Missing: one is made on the way, and taken away again, so that the right one can be put there.
    await rename(file, `${file}.away`)
    await expect(openStore(database.url, { key: await loadVaultKey({ env: {}, projectDir: project.dir }) })).rejects.toMatchObject({ type: 'VaultKey', message: `The credentials in this database were sealed with a key, and ${file} is missing` })
    expect(await readdir(join(project.dir, '.isthmus'))).toEqual(['key.away'])
    await rename(`${file}.away`, file)
    expect((await db.query('select (select json_agg(k order by data_key, root) from isthmus.key_wraps k) as wraps, (select count(*)::int from isthmus.data_keys) as keys')).rows).toEqual(before)
    expect(await readFile(file, 'utf8')).toBe(text)

    // A key that a person sets.
    const next = randomBytes(32).toString('base64')
    const prepared = await project.isthmus(['vault', 'rotate-key'], { ...url, ISTHMUS_KEY: text.trim(), ISTHMUS_NEW_KEY: next })
    expect(prepared.code).toBe(0)
    expect(prepared.stdout).toMatch(/prepared: [\d,]+ values were sealed anew, both keys open them\nnext: set the key [0-9a-f]{16} as ISTHMUS_KEY for all workers and clients, restart them, then run `isthmus vault rotate-key --finish`/)
    expect(prepared.stdout + prepared.stderr).not.toContain(next)
    expect(await vaultStatus(database.url, await loadVaultKey({ env: { ISTHMUS_KEY: next }, projectDir: project.dir }))).toMatchObject({ source: 'ISTHMUS_KEY', older: 0, rotation: true, otherWraps: 7 })
  })
})
