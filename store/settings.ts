import type pg from 'pg'
import type { Store } from '../model/ports.ts'
import type { Keyring } from './keyring.ts'

/** Settings of runs, sealed. */
export function settingsQueries(pool: pg.Pool, keyring: Keyring): Pick<Store, 'saveSettings' | 'getSettings'> {
  const place = (connection: string) => ({ table: 'connections', row: connection, field: 'settings' })
  return {
    async saveSettings(connection, values) {
      await pool.query(
        `insert into isthmus.connections (connection, settings) values ($1, $2)
         on conflict (connection) do update set settings = excluded.settings, updated_at = now()`,
        [connection, await keyring.seal(JSON.stringify(values), place(connection))],
      )
    },
    async getSettings(connection) {
      const { rows } = await pool.query<{ settings: string }>('select settings from isthmus.connections where connection = $1', [connection])
      return rows[0] ? (JSON.parse(await keyring.open(rows[0].settings, place(connection))) as Record<string, string>) : {}
    },
  }
}
