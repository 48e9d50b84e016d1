import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { IsthmusError } from '../model/errors.ts'
import { redactor } from '../model/redact/index.ts'
import { keyFromCommand } from './key-command.ts'
import { makeKeyFile, openTo } from './key-file.ts'
import { hmac } from './vault.ts'

/** The key that seals credentials. */
export interface VaultKey {
  /** Stored with each value; tells nothing about the key. */
  id: string
  secret: Buffer
  /** Where it came from: the name of a variable, or a file. */
  source?: KeySource
  /** Its file did not exist and was made just now. */
  made?: boolean
  /** Reads the key again where it came from, since it may have been exchanged meanwhile. Absent where it cannot change. */
  reload?(): Promise<VaultKey>
}

export type KeySource = { kind: 'variable' | 'command'; name: string } | { kind: 'file'; path: string }

type Env = Record<string, string | undefined>
const SOURCES = ['ISTHMUS_KEY', 'ISTHMUS_KEY_FILE', 'ISTHMUS_KEY_COMMAND']

/**
 * The key from `ISTHMUS_KEY` (32 bytes in base64 or hex), from the file `ISTHMUS_KEY_FILE`, or from what the command `ISTHMUS_KEY_COMMAND` prints; of
 * these one may be set. Else from `.isthmus/key` of the project, which is made when it does not exist and refused when others can read it. Throws VaultKey.
 */
export async function loadVaultKey({ env, projectDir }: { env: Env; projectDir: string }): Promise<VaultKey> {
  const given = SOURCES.filter((name) => env[name])
  if (given.length > 1) throw new IsthmusError('VaultKey', `${given.join(' and ')} are set at once`, { cure: 'set one of them' })
  const reload = (): Promise<VaultKey> => loadVaultKey({ env, projectDir })
  if (env['ISTHMUS_KEY']) return parseKey(env['ISTHMUS_KEY'], 'ISTHMUS_KEY', { source: { kind: 'variable', name: 'ISTHMUS_KEY' } })
  const command = env['ISTHMUS_KEY_COMMAND']
  if (command) return parseKey(await keyFromCommand(command, 'ISTHMUS_KEY_COMMAND', env, projectDir), 'what ISTHMUS_KEY_COMMAND prints', { source: { kind: 'command', name: 'ISTHMUS_KEY_COMMAND' }, reload })
  const file = env['ISTHMUS_KEY_FILE']
  if (file) {
    const path = resolve(projectDir, file)
    return parseKey(await readKeyFile(path, 'correct ISTHMUS_KEY_FILE, or make that file readable'), path, { source: { kind: 'file', path }, reload })
  }
  return ownKey(join(projectDir, '.isthmus', 'key'), reload)
}

/** The project's own key file. */
async function ownKey(path: string, reload: () => Promise<VaultKey>): Promise<VaultKey> {
  const there = await readIfThere(path)
  const { text, made } = there === null ? await makeKeyFile(path) : { text: there, made: false }
  const mode = await openTo(path)
  if (mode !== null) throw new IsthmusError('VaultKey', `Others can read the key file ${path} (mode ${mode})`, { cure: `chmod 600 ${path}` })
  return parseKey(text, path, { source: { kind: 'file', path }, reload, ...(made && { made }) })
}

/** A key from its text: 32 bytes in base64 or hex. `where` is named when it is none. Throws VaultKey; the text is never quoted. */
export function parseKey(text: string, where: string, more: Pick<VaultKey, 'source' | 'reload' | 'made'> = {}): VaultKey {
  const trimmed = text.trim()
  const secret = /^[0-9a-f]{64}$/i.test(trimmed) ? Buffer.from(trimmed, 'hex') : /^[\w+/-]{43}=?$/.test(trimmed) ? Buffer.from(trimmed, 'base64') : null
  if (secret?.length !== 32) {
    throw new IsthmusError('VaultKey', `${where} does not hold a key of 32 bytes in base64 or hex`, { cure: 'make one with `openssl rand -base64 32`, or restore the one that was there' })
  }
  for (const form of [trimmed, secret.toString('hex'), secret.toString('base64').slice(0, 43), secret.toString('base64url')]) redactor.add(form)
  return { id: hmac(secret, 'isthmus key id').toString('hex').slice(0, 16), secret, ...more }
}

/** Where a key comes from, for people. */
export function sourceOf({ source }: Pick<VaultKey, 'source'>): string {
  return source === undefined ? '' : source.kind === 'file' ? source.path : source.name
}

export async function readKeyFile(path: string, cure: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new IsthmusError('VaultKey', `The key file ${path} cannot be read (${error.code})`, { cure })
  })
}

async function readIfThere(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw new IsthmusError('VaultKey', `The key file ${path} cannot be read (${error.code})`, { cure: 'make it readable for this user' })
  })
}
