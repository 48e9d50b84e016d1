import type pg from 'pg'
import { openSealed, seal, type SealedPlace } from './vault.ts'
import type { VaultKey } from './vault-key.ts'

const PLACE: SealedPlace = { table: 'meta', row: 'key check', field: 'value' }

/** Throws VaultKey when the values of this database were sealed with another key. The first key that comes is noted. */
export async function checkKey(pool: pg.Pool, key: VaultKey): Promise<void> {
  const read = async () => (await pool.query<{ value: string }>('select value from isthmus.meta where name = $1', [PLACE.row])).rows[0]?.value
  let value = await read()
  if (value === undefined) {
    await pool.query('insert into isthmus.meta (name, value) values ($1, $2) on conflict do nothing', [PLACE.row, seal(key, 'isthmus', PLACE)])
    value = await read()
  }
  openSealed(key, value!, PLACE)
}
