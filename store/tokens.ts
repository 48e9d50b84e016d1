import type pg from 'pg'
import type { Store, Token } from '../model/ports.ts'
import { CallbackError } from './callback-error.ts'
import { inTurn } from './in-turn.ts'
import { inTransaction } from './transaction.ts'
import { openSealed, seal } from './vault.ts'
import type { VaultKey } from './vault-key.ts'

const NONE: Token = { version: 0, accessToken: '', expiresAt: null, refreshToken: null }
const LOCK_WAIT = '60s'
// A process that was stopped in the middle of a refresh must not hold the row for ever.
const LONGEST_REFRESH = '120s'

interface Row {
  version: number
  sealed: string | null
}

/** Tokens, sealed; one refresh at a time for a connection. */
export function tokenQueries(pool: pg.Pool, key: VaultKey): Pick<Store, 'getToken' | 'refreshToken'> {
  const place = (connection: string, version: number) => ({ table: 'tokens', row: connection, field: `token ${version}` })
  const open = (connection: string, row: Row | undefined): Token => {
    if (!row || row.sealed === null) return NONE
    const stored = JSON.parse(openSealed(key, row.sealed, place(connection, row.version))) as Omit<Token, 'expiresAt'> & { expiresAt: string | null }
    return { ...stored, version: row.version, expiresAt: stored.expiresAt === null ? null : new Date(stored.expiresAt) }
  }
  const select = 'select version, sealed from isthmus.tokens where connection = $1'
  const getToken = async (connection: string) => open(connection, (await pool.query<Row>(select, [connection])).rows[0])
  // Callers of one process wait here, so that they do not take all connections of the pool while they wait.
  const turn = inTurn()

  return {
    getToken,
    refreshToken: (connection, seen, refresh) =>
      turn(connection, async () => {
        // Version 0 is no token, whatever the caller has seen.
        const floor = Math.max(seen, 0)
        const stored = await getToken(connection)
        if (stored.version > floor) return stored
        await pool.query('insert into isthmus.tokens (connection, version) values ($1, 0) on conflict do nothing', [connection])
        return inTransaction(pool, async (client) => {
          await client.query(`set local lock_timeout = '${LOCK_WAIT}'; set local idle_in_transaction_session_timeout = '${LONGEST_REFRESH}'`)
          const current = open(connection, (await client.query<Row>(`${select} for update`, [connection])).rows[0])
          if (current.version > floor) return current
          const got = await refresh(current).catch((error: unknown) => {
            throw new CallbackError(error)
          })
          const fresh: Token = { ...got, version: current.version + 1 }
          const { accessToken, expiresAt, refreshToken, version } = fresh
          const sealed = seal(key, JSON.stringify({ accessToken, expiresAt, refreshToken }), place(connection, version))
          await client.query('update isthmus.tokens set version = $2, sealed = $3, updated_at = now() where connection = $1', [connection, version, sealed])
          return fresh
        })
      }),
  }
}
