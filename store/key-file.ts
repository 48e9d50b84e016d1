import { randomBytes } from 'node:crypto'
import { chmod, chown, link, mkdir, open, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { IsthmusError } from '../model/errors.ts'

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown'

/**
 * Makes a key file with mode 600 unless it is there, and gives its text. Linked into place whole, so that of two processes one makes the key and both
 * read the same. On the disk when it returns: what is sealed under it must not outlive it. Throws VaultKey. `made`: by this very call.
 */
export async function makeKeyFile(path: string, cure = 'make the folder writable, or set ISTHMUS_KEY'): Promise<{ text: string; made: boolean }> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(fresh, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true })
    await chmod(fresh, 0o600)
    const made = await link(fresh, path).then(() => true, (error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
      return false
    })
    await settle(path)
    return { text: await readFile(path, 'utf8'), made }
  } catch (error) {
    throw new IsthmusError('VaultKey', `No key could be made in ${dirname(path)} (${codeOf(error)})`, { cure })
  } finally {
    await unlink(fresh).catch(() => {})
  }
}

/** Makes the key that follows the one in `path`, beside it, for the same user and group and with the same mode. Throws VaultKey; nothing has changed then. */
export async function makeNextKeyFile(path: string): Promise<string> {
  const next = nextKeyFile(path)
  const byHand = 'give the new key with --new-key-file and exchange the file yourself'
  const { text } = await makeKeyFile(next, byHand)
  try {
    const [was, is] = await Promise.all([stat(path), stat(next)])
    if (was.uid !== is.uid || was.gid !== is.gid) await chown(next, was.uid, was.gid)
    await chmod(next, was.mode & 0o777)
    return text
  } catch (error) {
    throw new IsthmusError('VaultKey', `The new key cannot be given to the owner of ${path} (${codeOf(error)})`, { cure: `run this as that user, or ${byHand}` })
  }
}

/** Puts the key made beside a key file in its place, at once and for good. */
export async function exchangeKeyFile(path: string): Promise<void> {
  try {
    await rename(nextKeyFile(path), path)
    await settle(path)
  } catch (error) {
    throw new IsthmusError('VaultKey', `The key file ${path} cannot be replaced (${codeOf(error)})`, { cure: 'make its folder writable, and run this again' })
  }
}

/** Where the key that follows is kept while a rotation is under way. */
export function nextKeyFile(path: string): string {
  return `${path}.next`
}

/** Mode of a file that others than its owner may read, for example `644`; null when they may not. Windows knows no such modes. */
export async function openTo(path: string): Promise<string | null> {
  if (process.platform === 'win32') return null
  const { mode } = await stat(path)
  return (mode & 0o077) === 0 ? null : (mode & 0o777).toString(8)
}

/** Waits until a change of the folder is on the disk, where the system can tell. */
async function settle(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r').catch(() => null)
  await folder?.sync().catch(() => {})
  await folder?.close()
}
