import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { cacheDir, ensureStateDir, stateDir } from './paths.ts'
import { canReach, postgresUser, type OsUser } from './os-user.ts'

const exec = promisify(execFile)

/** What is kept in `.isthmus/postgres.json` (mode 600). */
export interface PostgresRecord {
  project: string
  /** Folder of the cluster; its parent belongs to this project alone. */
  dataDir: string
  password: string
  port: number | null
}

export interface PostgresHome {
  record: PostgresRecord
  user: OsUser | null
  /** Where a copy of the programs may go. */
  copyDir: string
  log: string
  save(change: Partial<PostgresRecord>): Promise<void>
}

/** Where root keeps what the database's user must reach when the project lies below a closed folder such as `/root`. */
const SHARED = '/var/lib/isthmus'

/** Decides where the cluster of a project lives, or finds it again; makes password and folders once. */
export async function postgresHome(projectDir: string): Promise<PostgresHome> {
  const state = await ensureStateDir(projectDir)
  const project = await realpath(resolve(projectDir))
  const file = join(state, 'postgres.json')
  let user = await postgresUser()
  let record = await read(file)
  if (record && record.project !== project) {
    if (record.dataDir.startsWith(join(record.project, '/'))) {
      record = { ...record, project, dataDir: join(state, 'postgres', 'data') }
    } else {
      // Moved: its data move along. Copied: two servers must not share one cluster.
      const original = await read(join(record.project, '.isthmus', 'postgres.json'))
      record = original ? null : { ...record, project }
    }
  }
  if (!record) {
    record = { project, dataDir: join(await chooseHome(state, project, user), 'data'), password: randomBytes(24).toString('base64url'), port: null }
    await setAside(record.dataDir)
  }
  await makeReachable(join(record.dataDir, '..'), user)
  const owner = await stat(record.dataDir).catch(() => null)
  // A copy made by root.
  if (user && owner?.uid === 0) await exec('chown', ['-R', `${user.uid}:${user.gid}`, record.dataDir])
  // The cluster belongs to the user it was made by, also when another would be chosen today.
  if (user && owner && owner.uid !== 0 && owner.uid !== user.uid) {
    user = { name: String(owner.uid), uid: owner.uid, gid: owner.gid }
    await makeReachable(join(record.dataDir, '..'), user)
  }
  const home: PostgresHome = {
    record, user, copyDir: user ? SHARED : cacheDir(), log: join(state, 'postgres.log'),
    async save(change) {
      Object.assign(home.record, change)
      const temporary = `${file}.${process.pid}`
      await writeFile(temporary, JSON.stringify(home.record, null, 2), { mode: 0o600 })
      await rename(temporary, file)
    },
  }
  await home.save({})
  return home
}

/** The project has a cluster from an earlier start. */
export async function hasCluster(projectDir: string): Promise<boolean> {
  const record = await read(join(stateDir(resolve(projectDir)), 'postgres.json'))
  return record !== null && (await stat(record.dataDir).catch(() => null)) !== null
}

async function read(file: string): Promise<PostgresRecord | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as PostgresRecord
  } catch {
    return null
  }
}

async function chooseHome(state: string, project: string, user: OsUser | null): Promise<string> {
  if (!user || (await canReach(user, state))) return join(state, 'postgres')
  await mkdir(SHARED, { recursive: true, mode: 0o755 })
  const name = createHash('sha256').update(project).digest('hex').slice(0, 16)
  // Taken by a project that has moved from here since, or left by one that was removed.
  const taken = await stat(join(SHARED, name)).catch(() => null)
  return join(SHARED, taken ? `${name}-${randomBytes(4).toString('hex')}` : name)
}

/** A cluster without its record cannot be opened any more (the password is gone): kept once as `<dir>.old`. */
async function setAside(dataDir: string): Promise<void> {
  if (!(await stat(dataDir).catch(() => null))) return
  await rm(`${dataDir}.old`, { recursive: true, force: true })
  await rename(dataDir, `${dataDir}.old`)
}

async function makeReachable(dir: string, user: OsUser | null): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  if (!user) return
  await chown(dir, user.uid, user.gid)
  await chmod(dir, 0o700)
}
