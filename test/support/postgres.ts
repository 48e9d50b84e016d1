import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { postgresBinaries } from '../../workers/postgres-binaries.ts'

const exec = promisify(execFile)
const WATCH = '"$@" & read _; kill -INT $!; wait $!; rm -rf "$0"'
const NOBODY = { name: 'nobody', uid: 65534, gid: 65534 }

export interface TestDatabase {
  url: string
  close(): Promise<void>
}

interface Server {
  url: string
}

let server: Promise<Server> | null = null

/** A fresh, empty database: in the server of `DATABASE_URL`, else in one started for this process, which ends with it. */
export async function testDatabase(): Promise<TestDatabase> {
  const given = process.env['DATABASE_URL']
  const admin = given ?? (await (server ??= startServer())).url
  const name = `isthmus_test_${randomBytes(6).toString('hex')}`
  await execute(admin, `create database ${name}`)
  const url = new URL(admin)
  url.pathname = `/${name}`
  let open = true
  return {
    url: url.href,
    async close() {
      if (!open) return
      open = false
      await execute(admin, `drop database if exists ${name} with (force)`)
    },
  }
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

async function startServer(): Promise<Server> {
  const user = process.getuid?.() === 0 ? NOBODY : null
  const binaries = await postgresBinaries(join(tmpdir(), 'isthmus-test-postgres'), user)
  const dir = await mkdtemp(join(tmpdir(), 'isthmus-pg-'))
  const passwordFile = join(dir, 'password')
  const password = randomBytes(12).toString('hex')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (user) for (const path of [dir, passwordFile]) await chown(path, user.uid, user.gid)
  await chmod(dir, 0o700)
  const data = join(dir, 'data')
  const as = user ? { uid: user.uid, gid: user.gid, cwd: '/' } : { cwd: '/' }
  await exec(binaries.initdb, [`--pgdata=${data}`, '--username=test', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync'], as)
  const port = await freePort()
  const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', fsync: 'off', max_connections: 200, max_wal_size: '4GB', log_min_messages: 'panic' }
  const args = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
  // The shell ends server and data when its input ends: also when this process is killed.
  const child = spawn('/bin/sh', ['-c', WATCH, dir, binaries.postgres, '-D', data, ...args], { ...as, stdio: ['pipe', 'ignore', 'ignore'] })
  const url = `postgresql://test:${password}@127.0.0.1:${port}/postgres`
  await ready(url, child)
  child.unref()
  ;(child.stdin as unknown as Socket).unref()
  return { url }
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (child.exitCode !== null) throw new Error(`the test server ended with ${child.exitCode}`)
    if (await execute(url, 'select 1').then(() => true, () => false)) return
    await sleep(50)
  }
  child.stdin?.end()
  throw new Error('the test server did not answer within 30 s')
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
