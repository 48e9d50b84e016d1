import type pg from 'pg'
import { openSealed, sealedBy, wrongKey, type SealedPlace } from './vault.ts'
import type { VaultKey } from './vault-key.ts'

/** Older databases hold a value here that the vault's key sealed itself. */
const PLACE: SealedPlace = { table: 'meta', row: 'key check', field: 'value' }

/** Throws VaultKey when the values of this database were sealed with another key. Changes nothing; a database without values takes any key. */
export async function checkKey(pool: pg.Pool, key: VaultKey): Promise<void> {
  const { rows: tables } = await pool.query<{ there: boolean }>(`select to_regclass('isthmus.key_wraps') is not null as there`)
  if (tables[0]!.there) {
    const { rows } = await pool.query<{ mine: boolean; all: boolean }>('select coalesce(bool_or(root = $1), false) as mine, count(*) > 0 as all from isthmus.key_wraps', [key.id])
    if (rows[0]!.all) {
      if (!rows[0]!.mine) throw wrongKey()
      return
    }
  }
  const { rows } = await pool.query<{ value: string }>('select value from isthmus.meta where name = $1', [PLACE.row])
  const value = rows[0]?.value
  if (value !== undefined && sealedBy(value)?.version === 1) openSealed(key, value, PLACE)
}
