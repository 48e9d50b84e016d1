import { resolve } from 'node:path'
import { IsthmusError } from '../model/errors.ts'
import { keyFromCommand } from './key-command.ts'
import { exchangeKeyFile, makeKeyFile, nextKeyFile } from './key-file.ts'
import { pgError, poolOf } from './postgres.ts'
import { rotateKey, type Rotated, type RotationOptions } from './rotation.ts'
import { SEALED } from './sealed-values.ts'
import { parseKey, readKeyFile, type VaultKey } from './vault-key.ts'

export interface NewKeyOptions {
  from: VaultKey
  env: Record<string, string | undefined>
  projectDir: string
  file: string | undefined
  command: string | undefined
  finish: boolean
}

/** The key that follows, and how it takes the old one's place: a file is replaced here, anything else by a person. Throws VaultKey. */
export async function newKey({ from, env, projectDir, file, command, finish }: NewKeyOptions): Promise<{ to: VaultKey | null; exchange: (() => Promise<void>) | null }> {
  if (finish) return { to: null, exchange: null }
  if (from.source?.kind === 'file') {
    const { path } = from.source
    if (file ?? command ?? env['ISTHMUS_NEW_KEY']) throw new IsthmusError('VaultKey', `the key stands in the file ${path}, which is replaced by a new one here`, { cure: 'leave the new key out' })
    return { to: parseKey(await makeKeyFile(nextKeyFile(path)), nextKeyFile(path)), exchange: () => exchangeKeyFile(path) }
  }
  const given = [file && '--new-key-file', command && '--new-key-command', env['ISTHMUS_NEW_KEY'] && 'ISTHMUS_NEW_KEY'].filter(Boolean)
  if (given.length !== 1) throw new IsthmusError('VaultKey', given.length === 0 ? 'no new key is given' : `${given.join(' and ')} are given at once`, { cure: 'give one: ISTHMUS_NEW_KEY, --new-key-file or --new-key-command' })
  if (file) return { to: parseKey(await readKeyFile(resolve(projectDir, file), 'correct --new-key-file'), file), exchange: null }
  if (command) return { to: parseKey(await keyFromCommand(command, '--new-key-command', env, projectDir), 'what --new-key-command prints'), exchange: null }
  return { to: parseKey(env['ISTHMUS_NEW_KEY']!, 'ISTHMUS_NEW_KEY'), exchange: null }
}

/** `rotateKey` on a database. A rotation of a key file that was killed after the exchange is finished with the key that is there. */
export async function rotateVaultKey(databaseUrl: string, options: Omit<RotationOptions, 'pool'>): Promise<Rotated> {
  const pool = poolOf(databaseUrl, 'isthmus key rotation', 2)
  try {
    return await rotateKey({ ...options, pool })
  } catch (error) {
    throw pgError(error, 'The database of Isthmus')
  } finally {
    await pool.end()
  }
}

export interface VaultStatus {
  dataKeys: number
  /** Sealed values. */
  sealed: number
  /** Of these, not under the newest data key. */
  older: number
  /** A rotation is under way, or was stopped. */
  rotation: boolean
}

/** What the vault holds. */
export async function vaultStatus(databaseUrl: string): Promise<VaultStatus> {
  const pool = poolOf(databaseUrl, 'isthmus vault status', 1)
  try {
    const { rows } = await pool.query<{ keys: string; newest: string; rotation: boolean }>(
      `select count(*) as keys, (select id from isthmus.data_keys where purpose = 'values' order by created_at desc, id desc limit 1) as newest,
       exists (select from isthmus.meta where name = 'key rotation') as rotation from isthmus.data_keys`,
    )
    const { keys, newest, rotation } = rows[0]!
    const counts = await Promise.all(SEALED.map((s) => pool.query<{ all: string; older: string }>(`select count(*) as all, count(*) filter (where split_part(v.sealed, '.', 2) <> $1) as older from (${s.select}) v`, [newest])))
    const sum = (name: 'all' | 'older') => counts.reduce((total, { rows: [row] }) => total + Number(row![name]), 0)
    return { dataKeys: Number(keys), sealed: sum('all'), older: sum('older'), rotation }
  } catch (error) {
    throw pgError(error, 'The database of Isthmus')
  } finally {
    await pool.end()
  }
}
