import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { IsthmusError } from '../model/errors.ts'

/** Makes a key file with mode 600 unless it is there, and gives its text. Linked into place whole, so that of two processes one makes the key and both read the same. Throws VaultKey. */
export async function makeKeyFile(path: string): Promise<string> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(fresh, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' })
    await chmod(fresh, 0o600)
    await link(fresh, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new IsthmusError('VaultKey', `No key could be made in ${dirname(path)} (${(error as NodeJS.ErrnoException).code})`, { cure: 'make the folder writable, or set ISTHMUS_KEY' })
  } finally {
    await unlink(fresh).catch(() => {})
  }
}

/** Puts the key made beside a key file in its place, at once. */
export async function exchangeKeyFile(path: string): Promise<void> {
  await rename(nextKeyFile(path), path)
}

/** Where the key that follows is kept while a rotation is under way. */
export function nextKeyFile(path: string): string {
  return `${path}.next`
}
