import { createHmac, randomBytes } from 'node:crypto'
import { chmod, link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { IsthmusError } from '../model/errors.ts'

/** The key that seals credentials. */
export interface VaultKey {
  /** Stored with each value; tells nothing about the key. */
  id: string
  secret: Buffer
}

/**
 * The key from `ISTHMUS_KEY` (32 bytes in base64 or hex), else from the file `ISTHMUS_KEY_FILE`, else from `.isthmus/key` of the
 * project, which is made when it does not exist. Throws VaultKey.
 */
export async function loadVaultKey({ env, projectDir }: { env: Record<string, string | undefined>; projectDir: string }): Promise<VaultKey> {
  if (env['ISTHMUS_KEY']) return parseKey(env['ISTHMUS_KEY'], 'ISTHMUS_KEY')
  const given = env['ISTHMUS_KEY_FILE']
  if (given) {
    const path = resolve(projectDir, given)
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new IsthmusError('VaultKey', `The key file ${path} cannot be read (${error.code})`, { cure: 'correct ISTHMUS_KEY_FILE, or make that file readable' })
    })
    return parseKey(text, path)
  }
  const path = join(projectDir, '.isthmus', 'key')
  return parseKey((await readIfThere(path)) ?? (await makeKeyFile(path)), path)
}

function parseKey(text: string, where: string): VaultKey {
  const trimmed = text.trim()
  const secret = /^[0-9a-f]{64}$/i.test(trimmed) ? Buffer.from(trimmed, 'hex') : /^[\w+/-]{43}=?$/.test(trimmed) ? Buffer.from(trimmed, 'base64') : null
  if (secret?.length !== 32) {
    throw new IsthmusError('VaultKey', `${where} does not hold a key of 32 bytes in base64 or hex`, { cure: 'make one with `openssl rand -base64 32`, or restore the one that was there' })
  }
  return { id: createHmac('sha256', secret).update('isthmus key id').digest('hex').slice(0, 16), secret }
}

async function readIfThere(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw new IsthmusError('VaultKey', `The key file ${path} cannot be read (${error.code})`, { cure: 'make it readable for this user' })
  })
}

/** Linked into place whole, so that of two processes one makes the key and both read the same. */
async function makeKeyFile(path: string): Promise<string> {
  const folder = join(path, '..')
  const fresh = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeFile(fresh, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' })
    await chmod(fresh, 0o600)
    await link(fresh, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new IsthmusError('VaultKey', `No key could be made in ${folder} (${(error as NodeJS.ErrnoException).code})`, { cure: 'make the folder writable, or set ISTHMUS_KEY' })
  } finally {
    await unlink(fresh).catch(() => {})
  }
}
