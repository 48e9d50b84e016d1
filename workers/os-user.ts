import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { IsthmusError } from '../model/errors.ts'

const exec = promisify(execFile)

/** A user of the operating system that PostgreSQL runs as when this process is root (PostgreSQL refuses root). */
export interface OsUser {
  name: string
  uid: number
  gid: number
}

async function find(name: string): Promise<OsUser | null> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await exec('id', [flag, name])).stdout.trim())))
    return Number.isInteger(uid) && uid! > 0 ? { name, uid: uid!, gid: gid! } : null
  } catch {
    const line = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n').find((l) => l.startsWith(`${name}:`))
    const [, , uid, gid] = line?.split(':') ?? []
    return Number(uid) > 0 ? { name, uid: Number(uid), gid: Number(gid) } : null
  }
}

/**
 * The user PostgreSQL is to run as: null when this process is not root (then it is this one), else `isthmus` or `postgres`
 * where they exist, else a new system user `isthmus`, else `nobody`.
 */
export async function postgresUser(): Promise<OsUser | null> {
  if (process.getuid?.() !== 0) return null
  const existing = (await find('isthmus')) ?? (await find('postgres'))
  if (existing) return existing
  const create: [string, string[]][] = [
    ['useradd', ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin', 'isthmus']],
    ['adduser', ['-S', '-D', '-H', '-h', '/nonexistent', '-s', '/sbin/nologin', 'isthmus']],
  ]
  for (const [command, args] of create) {
    await exec(command, args).catch(() => {})
    const made = await find('isthmus')
    if (made) return made
  }
  const nobody = await find('nobody')
  if (nobody) return nobody
  throw new IsthmusError('NotFound', 'PostgreSQL does not run as root, and there is no other user to run it as', {
    cure: 'create one (`useradd --system isthmus`), run as another user, or set DATABASE_URL to a PostgreSQL that runs',
  })
}

function ids(user: OsUser | null): { uid?: number; gid?: number } {
  return user ? { uid: user.uid, gid: user.gid } : {}
}

/** True when the user can run `file ...args` and it ends well. */
export async function probeAs(user: OsUser | null, file: string, args: string[]): Promise<boolean> {
  return exec(file, args, { ...ids(user), cwd: '/', timeout: 15_000, killSignal: 'SIGKILL' }).then(() => true, () => false)
}

/** Runs a program as the user and gives its output. Rejects with what it wrote when it fails. */
export async function runAs(user: OsUser | null, file: string, args: string[], env: NodeJS.ProcessEnv, timeout: number): Promise<string> {
  try {
    const { stdout } = await exec(file, args, { ...ids(user), cwd: '/', env, timeout, killSignal: 'SIGKILL' })
    return stdout
  } catch (error) {
    const { stderr, stdout, message } = error as { stderr?: string; stdout?: string; message: string }
    throw new Error((stderr || stdout || message).trim().slice(-600), { cause: error })
  }
}

/** True when the user can pass through `dir`, which exists. */
export async function canReach(user: OsUser | null, dir: string): Promise<boolean> {
  if (!user) return true
  return probeAs(user, '/bin/sh', ['-c', 'cd "$1/."', 'sh', dir])
}
