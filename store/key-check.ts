import { readFile, unlink } from 'node:fs/promises'
import type pg from 'pg'
import { IsthmusError } from '../model/errors.ts'
import { openSealed, sealedBy, wrongKey, type SealedPlace } from './vault.ts'
import type { VaultKey } from './vault-key.ts'

/** Older databases hold a value here that the vault's key sealed itself. */
const PLACE: SealedPlace = { table: 'meta', row: 'key check', field: 'value' }

/** Throws VaultKey when the values of this database were sealed with another key. Changes nothing; a database without values takes any key. */
export async function checkKey(pool: pg.Pool, key: VaultKey): Promise<void> {
  try {
    await compare(pool, key)
  } catch (error) {
    if (!key.made || key.source?.kind !== 'file' || !(error instanceof IsthmusError) || error.type !== 'VaultKey') throw error
    await unmake(key.source.path, key)
    throw new IsthmusError('VaultKey', `The credentials in this database were sealed with a key, and ${key.source.path} is missing`, {
      cure: 'put the key back there, or give it in ISTHMUS_KEY, ISTHMUS_KEY_FILE or ISTHMUS_KEY_COMMAND; docs/vault.md tells what to do when it is lost',
    })
  }
}

/** Removes a key that opens nothing from where the right one is to be put back. */
async function unmake(path: string, key: VaultKey): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '')
  if (Buffer.from(text.trim(), 'base64').equals(key.secret)) await unlink(path).catch(() => {})
}

async function compare(pool: pg.Pool, key: VaultKey): Promise<void> {
  const { rows: tables } = await pool.query<{ there: boolean }>(`select to_regclass('isthmus.key_wraps') is not null as there`)
  if (tables[0]!.there) {
    const { rows } = await pool.query<{ mine: boolean; all: boolean }>('select coalesce(bool_or(root = $1), false) as mine, count(*) > 0 as all from isthmus.key_wraps', [key.id])
    if (rows[0]!.all) {
      if (!rows[0]!.mine) throw wrongKey(key)
      return
    }
  }
  const { rows } = await pool.query<{ value: string }>('select value from isthmus.meta where name = $1', [PLACE.row])
  const value = rows[0]?.value
  if (value !== undefined && sealedBy(value)?.version === 1) openSealed(key, value, PLACE)
}
