import { randomBytes } from 'node:crypto'
import { execFile } from 'node:child_process'
import { access, chmod, constants, mkdir, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const suffix = process.platform === 'win32' ? '.exe' : ''

/** File name of a program on this system. */
export function programName(name: string): string {
  return name + suffix
}

async function executable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(() => true, () => false)
}

/** Every program of that name on PATH, in order. */
export async function onPath(name: string, env: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const found: string[] = []
  for (const dir of (env.PATH ?? env.Path ?? '').split(delimiter)) {
    if (dir && (await executable(join(dir, name + suffix)))) found.push(join(dir, name + suffix))
  }
  return found
}

/** Output of `file ...args` whatever its exit code; null when it cannot be started or takes more than 15 s. */
export async function probe(file: string, args: string[]): Promise<string | null> {
  if (!(await executable(file))) return null
  try {
    const { stdout, stderr } = await exec(file, args, { timeout: 15_000, killSignal: 'SIGKILL' })
    return stdout + stderr
  } catch (error) {
    const { code, killed, stdout, stderr } = error as { code?: unknown; killed?: boolean; stdout?: string; stderr?: string }
    return typeof code === 'number' && !killed ? `${stdout ?? ''}${stderr ?? ''}` : null
  }
}

/**
 * Fills `target` with a program that `fetch` puts somewhere below a private folder beside it.
 * The program is checked, then renamed into place: two processes doing this at once do no harm.
 */
export async function install(target: string, dir: string, fetch: (into: string) => Promise<string>, check: (file: string) => Promise<boolean>): Promise<void> {
  const into = join(dir, `.tmp-${process.pid}-${randomBytes(4).toString('hex')}`)
  await mkdir(into, { recursive: true })
  try {
    const file = await fetch(into)
    await chmod(file, 0o755)
    if (!(await check(file))) throw new Error(`the program fetched does not run on this system (${process.platform} ${process.arch})`)
    await rename(file, target)
  } finally {
    await rm(into, { recursive: true, force: true })
  }
}
