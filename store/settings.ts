import type pg from 'pg'
import type { Store } from '../model/ports.ts'
import { openSealed, seal } from './vault.ts'
import type { VaultKey } from './vault-key.ts'

/** Settings of connections, sealed. */
export function settingsQueries(pool: pg.Pool, key: VaultKey): Pick<Store, 'saveSettings' | 'getSettings'> {
  const place = (connection: string) => ({ table: 'connections', row: connection, field: 'settings' })
  return {
    async saveSettings(connection, values) {
      await pool.query(
        `insert into isthmus.connections (connection, settings) values ($1, $2)
         on conflict (connection) do update set settings = excluded.settings, updated_at = now()`,
        [connection, seal(key, JSON.stringify(values), place(connection))],
      )
    },
    async getSettings(connection) {
      const { rows } = await pool.query<{ settings: string }>('select settings from isthmus.connections where connection = $1', [connection])
      return rows[0] ? (JSON.parse(openSealed(key, rows[0].settings, place(connection))) as Record<string, string>) : {}
    },
  }
}
