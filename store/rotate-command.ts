import { realpath, unlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { IsthmusError } from '../model/errors.ts'
import { keyFromCommand } from './key-command.ts'
import { exchangeKeyFile, makeNextKeyFile, nextKeyFile } from './key-file.ts'
import { pgError, poolOf } from './postgres.ts'
import { abandonRotation, pendingRotation, rotateKey, type PendingRotation, type Rotated, type RotationOptions } from './rotation.ts'
import { parseKey, readKeyFile, type VaultKey } from './vault-key.ts'

/** Held for the time of a rotation: two at once would exchange the key twice. */
const ROTATION_LOCK = 0x69737472
/** The lock of a process that was killed goes with its connection. */
const LOCK_WAIT_MS = 5_000

export interface RotateOptions extends Pick<RotationOptions, 'step' | 'settleMs'> {
  /** The key in use. */
  from: VaultKey
  /** Holds `ISTHMUS_NEW_KEY`, and is given to the command. */
  env: Record<string, string | undefined>
  projectDir: string
  /** A file that holds the new key. */
  newKeyFile?: string | undefined
  /** A command that prints the new key. */
  newKeyCommand?: string | undefined
  /** The new key is set everywhere: what the old one opens is dropped. */
  finish?: boolean | undefined
}

/**
 * Exchanges the vault's key. A key file is made anew and replaced here unless a new key is given; any other key is exchanged by a person: prepared first, then
 * finished. A rotation that was stopped goes on. Throws VaultKey, or AlreadyRunning when another one is at work.
 */
export async function rotateVaultKey(databaseUrl: string, options: RotateOptions): Promise<Rotated> {
  return locked(databaseUrl, async (pool) => {
    // Another rotation may have replaced the file while this one waited.
    const from = options.from.source?.kind === 'file' && options.from.reload ? await options.from.reload() : options.from
    const given = await newKey(from, options, await pendingRotation(pool))
    return rotateKey({ pool, from, ...given, finish: options.finish === true, ...(options.step && { step: options.step }), ...(options.settleMs !== undefined && { settleMs: options.settleMs }) })
  })
}

/** Gives up a rotation that is not finished; the old key must be the one in use. Throws VaultKey, AlreadyRunning. */
export async function abandonVaultRotation(databaseUrl: string, from: VaultKey): Promise<void> {
  await locked(databaseUrl, async (pool) => {
    await abandonRotation(pool, from)
    if (from.source?.kind === 'file') await unlink(nextKeyFile(await realpath(from.source.path))).catch(() => {})
  })
}

/** The key that follows, and how it takes the old one's place: a file is replaced here, anything else by a person. */
async function newKey(from: VaultKey, options: RotateOptions, pending: PendingRotation | null): Promise<Pick<RotationOptions, 'to' | 'exchange'>> {
  const given = await givenKey(options)
  const arrived = pending !== null && pending.to === from.id
  if (arrived && pending.own) return { to: null, exchange: () => Promise.resolve() }
  if (options.finish || (arrived && !given)) return { to: null, exchange: null }
  if (given) return { to: given, exchange: null }
  if (from.source?.kind !== 'file') throw new IsthmusError('VaultKey', 'no new key is given', { cure: 'give one: ISTHMUS_NEW_KEY, --new-key-file or --new-key-command' })
  if (pending && !pending.own) throw new IsthmusError('VaultKey', 'a rotation to a key that was given is under way', { cure: 'give that key again, or give the rotation up with --abandon' })
  // Behind a link, so that the link stays.
  const path = await realpath(from.source.path)
  return { to: parseKey(await makeNextKeyFile(path), nextKeyFile(path)), exchange: () => exchangeKeyFile(path) }
}

async function givenKey({ env, projectDir, newKeyFile, newKeyCommand }: RotateOptions): Promise<VaultKey | null> {
  const variable = env['ISTHMUS_NEW_KEY']
  const given = [newKeyFile && '--new-key-file', newKeyCommand && '--new-key-command', variable && 'ISTHMUS_NEW_KEY'].filter(Boolean)
  if (given.length > 1) throw new IsthmusError('VaultKey', `${given.join(' and ')} are given at once`, { cure: 'give one of them' })
  if (newKeyFile) return parseKey(await readKeyFile(resolve(projectDir, newKeyFile), 'correct --new-key-file'), newKeyFile)
  if (newKeyCommand) return parseKey(await keyFromCommand(newKeyCommand, '--new-key-command', env, projectDir), 'what --new-key-command prints')
  return variable ? parseKey(variable, 'ISTHMUS_NEW_KEY') : null
}

/** Runs `body` while no other rotation can. */
async function locked<R>(databaseUrl: string, body: (pool: pg.Pool) => Promise<R>): Promise<R> {
  const pool = poolOf(databaseUrl, 'isthmus key rotation', 3)
  let holder: pg.PoolClient | null = null
  try {
    holder = await pool.connect()
    const began = performance.now()
    while (!(await holder.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [ROTATION_LOCK])).rows[0]!.got) {
      if (performance.now() - began > LOCK_WAIT_MS) throw new IsthmusError('AlreadyRunning', 'another rotation of the key is at work', { cure: 'wait until it has ended' })
      await sleep(100)
    }
    return await body(pool)
  } catch (error) {
    throw pgError(error, 'The database of Isthmus')
  } finally {
    // Ends the session, and the lock with it.
    holder?.release(true)
    await pool.end()
  }
}
