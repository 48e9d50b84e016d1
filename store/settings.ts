import type pg from 'pg'
import type { Store } from '../model/ports.ts'
import { isSecretName, redactor } from '../model/redact/index.ts'
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
      const values = rows[0] ? (JSON.parse(await keyring.open(rows[0].settings, place(connection))) as Record<string, string>) : {}
      for (const [name, value] of Object.entries(values)) noteSecret(name, value)
      return values
    },
  }
}

/** Of the environment only what carries a secret by its name, and passwords of addresses: names of hosts and accounts must stay readable in messages. What a sign-in method reads as a secret it registers itself. */
function noteSecret(name: string, value: string): void {
  if (isSecretName(name)) redactor.add(value)
  const password = URL.canParse(value) ? new URL(value).password : ''
  if (password === '') return
  redactor.add(password)
  try {
    redactor.add(decodeURIComponent(password))
  } catch {
    // Written with a % of its own.
  }
}
