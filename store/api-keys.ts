import type pg from 'pg'
import type { ApiKey, ApiKeyStore } from '../model/triggers.ts'

const COLUMNS = 'id, name, scopes, created_at as "createdAt", expires_at as "expiresAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"'

/** Keys of the HTTP API. */
export function apiKeyQueries(pool: pg.Pool): ApiKeyStore {
  return {
    async createApiKey({ id, name, scopes, expiresAt, hash }) {
      return (await pool.query<ApiKey>(`insert into isthmus.api_keys (id, name, scopes, expires_at, hash) values ($1, $2, $3, $4, $5) returning ${COLUMNS}`, [id, name, scopes, expiresAt, hash])).rows[0]!
    },
    async listApiKeys() {
      return (await pool.query<ApiKey>(`select ${COLUMNS} from isthmus.api_keys order by created_at desc, id`)).rows
    },
    async findApiKey(id) {
      const { rows } = await pool.query<ApiKey & { hash: Buffer }>(`select ${COLUMNS}, hash from isthmus.api_keys where id = $1 and revoked_at is null and (expires_at is null or expires_at > now())`, [id])
      return rows[0] ?? null
    },
    async noteApiKey(id) {
      // Every call would write a row.
      await pool.query(`update isthmus.api_keys set last_used_at = now() where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`, [id])
    },
    async revokeApiKey(id) {
      return (await pool.query('update isthmus.api_keys set revoked_at = now() where id = $1 and revoked_at is null', [id])).rowCount === 1
    },
  }
}
