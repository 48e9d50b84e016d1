import type { Token, TokenRefresh } from '../model/ports.ts'
import { giveUp, present, type TokenDeps, type Use } from './token-claim.ts'
import { writeLog } from './log.ts'
import { inTransaction } from './transaction.ts'

const CLEARED = 'use_id = null, use_by = null, use_of = null, use_at = null, use_seen_at = null'
const CONNECTED = 'reconnect_since = null, reconnect_reason = null'

/** Stores the result of a refresh. Gives the stored token instead when somebody else has stored one meanwhile. */
export async function keep(deps: TokenDeps, use: Use, got: Omit<Token, 'version'>, refresh: TokenRefresh): Promise<Token> {
  const { connection, current } = use
  return inTransaction(deps.pool, async (client) => {
    const { row, token: stored } = await deps.rows.lock(connection, client, deps.silenceMs)
    if (stored.version !== current.version) return stored
    const fresh: Token = { ...got, version: current.version + 1 }
    const rotates = use.presented === null ? null : row.rotates === true || present(refresh, fresh) !== use.presented
    await client.query(
      `update isthmus.tokens set version = $2, sealed = $3, rotates = $4, updated_at = now(), ${CONNECTED} ${row.use_id === use.id ? `, ${CLEARED}` : ''} where connection = $1`,
      [connection, fresh.version, await deps.rows.seal(connection, fresh), rotates],
    )
    if (row.reconnect_since) await writeLog(client, { ...refresh.log, level: 'info', message: 'the token that was thought to be lost has come after all' })
    return fresh
  })
}

/** Nothing was used: all is as before the refresh. */
export async function takeBack(deps: TokenDeps, { connection, id, presented }: Use): Promise<void> {
  await inTransaction(deps.pool, async (client) => {
    const { rowCount } = await client.query(`update isthmus.tokens set ${CLEARED}, ${CONNECTED} where connection = $1 and use_id = $2`, [connection, id])
    if (rowCount === 1 && presented !== null) await client.query('delete from isthmus.presented_tokens where fingerprint = $1 and connection = $2', [await deps.rows.fingerprint(presented), connection])
  })
}

/** The refresh token is used up, or may be. Gives the newer token that somebody else has stored, else null. */
export async function lose(deps: TokenDeps, use: Use, reason: string, refresh: TokenRefresh): Promise<Token | null> {
  const { connection, current } = use
  return inTransaction(deps.pool, async (client) => {
    const { row, token: stored } = await deps.rows.lock(connection, client, deps.silenceMs)
    if (stored.version > current.version) return stored
    if (!row.reconnect_since) await giveUp(client, connection, refresh, reason)
    return null
  })
}

/** Stores what a person has just got by signing in, over whatever was there: an exchange under way ends with a token that nobody takes. */
export async function put(deps: TokenDeps, connection: string, token: Omit<Token, 'version'>): Promise<Token> {
  return inTransaction(deps.pool, async (client) => {
    // Not opened: signing in again also heals a token that does not open any more.
    const { version } = await deps.rows.lockRow(connection, client, deps.silenceMs)
    const fresh: Token = { issuedAt: new Date(), ...token, version: version + 1 }
    await client.query(`update isthmus.tokens set version = $2, sealed = $3, rotates = null, served = least(served, $2 - 1), updated_at = now(), ${CONNECTED}, ${CLEARED} where connection = $1`, [
      connection, fresh.version, await deps.rows.seal(connection, fresh),
    ])
    return fresh
  })
}
