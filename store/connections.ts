import type pg from 'pg'
import type { ConnectionInfo, ConnectionStore } from '../model/connections.ts'
import { redactor } from '../model/redact/index.ts'
import { healthQueries } from './connection-health.ts'
import type { Keyring } from './keyring.ts'
import { inTransaction } from './transaction.ts'
import type { SealedPlace } from './vault.ts'

interface Row {
  id: string
  connector: string
  method: string
  settings: Record<string, string>
  credentials: string[]
  created_at: Date
  updated_at: Date
}

const SELECT = `select c.*, array(select field from isthmus.vault_credentials v where v.connection = c.id order by field) as credentials from isthmus.vault_connections c`

/** Where a credential is sealed. */
export function credentialPlace(connection: string, field: string): SealedPlace {
  return { table: 'vault_credentials', row: connection, field }
}

/** Connections: settings as they are, credentials sealed one by one. */
export function connectionQueries(pool: pg.Pool, keyring: Keyring): Omit<ConnectionStore, 'putToken'> {
  return {
    ...healthQueries(pool),
    async saveConnection({ id, connector, method, settings, credentials }) {
      const sealed = await Promise.all(Object.entries(credentials).map(async ([field, value]) => {
        redactor.add(value)
        return [field, await keyring.seal(value, credentialPlace(id, field))] as const
      }))
      await inTransaction(pool, async (client) => {
        await client.query(
          `insert into isthmus.vault_connections (id, connector, method, settings) values ($1, $2, $3, $4)
           on conflict (id) do update set connector = excluded.connector, method = excluded.method, settings = excluded.settings, updated_at = now()`,
          [id, connector, method, JSON.stringify(settings)],
        )
        await client.query('delete from isthmus.vault_credentials where connection = $1', [id])
        for (const [field, value] of sealed) await client.query('insert into isthmus.vault_credentials (connection, field, sealed) values ($1, $2, $3)', [id, field, value])
      })
    },
    async getConnection(id) {
      const { rows } = await pool.query<Row>(`${SELECT} where c.id = $1`, [id])
      return rows[0] ? info(rows[0]) : null
    },
    async listConnections() {
      const { rows } = await pool.query<Row>(`${SELECT} order by c.id collate "C"`)
      return rows.map(info)
    },
    async connectionValues(id) {
      const { rows } = await pool.query<{ settings: Record<string, string>; field: string | null; sealed: string | null }>(
        'select c.settings, v.field, v.sealed from isthmus.vault_connections c left join isthmus.vault_credentials v on v.connection = c.id where c.id = $1',
        [id],
      )
      if (rows.length === 0) return null
      const credentials: Record<string, string> = {}
      for (const { field, sealed } of rows) {
        if (field === null || sealed === null) continue
        credentials[field] = await keyring.open(sealed, credentialPlace(id, field))
        redactor.add(credentials[field])
      }
      return { settings: rows[0]!.settings, credentials }
    },
    async removeConnection(id) {
      return inTransaction(pool, async (client) => {
        const { rowCount } = await client.query('delete from isthmus.vault_connections where id = $1', [id])
        // `<name>/<fingerprint>`: names may hold what LIKE takes for a pattern, and slashes.
        await client.query(`delete from isthmus.tokens where regexp_replace(connection, '/[^/]*$', '') = $1 and connection like '%/%'`, [id])
        await client.query('delete from isthmus.connection_health where connection = $1', [id])
        // A tenant that was let go is not late.
        await client.query("delete from isthmus.stream_watch where connection = $1 and strpos(sync, '@') > 0", [id])
        return rowCount === 1
      })
    },
  }
}

function info({ id, connector, method, settings, credentials, created_at, updated_at }: Row): ConnectionInfo {
  return { id, connector, method, settings, credentials, createdAt: created_at, updatedAt: updated_at }
}

