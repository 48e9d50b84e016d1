import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type pg from 'pg'
import type { Token, TokenRefresh } from '../model/ports.ts'
import { CallbackError } from './callback-error.ts'
import { writeLog } from './log.ts'
import { bounded, shown } from './text.ts'
import type { TokenRow, TokenRows } from './token-row.ts'
import { inTransaction } from './transaction.ts'

export interface TokenDeps {
  pool: pg.Pool
  rows: TokenRows
  /** A process that gave no sign of life for so long counts as dead. */
  silenceMs: number
}

/** A refresh that this process may do, and has noted before it does. */
export interface Use {
  id: string
  connection: string
  /** The token before it. */
  current: Token
  /** What it presents that may work only once; null when nothing can be used up. */
  presented: string | null
  /** The provider is known to replace refresh tokens, or not to; null = not known. */
  rotates: boolean | null
}

export type Claim = { kind: 'token'; token: Token } | { kind: 'wait' } | { kind: 'reconnect'; reason: string } | { kind: 'go'; use: Use }

const PROCESS = bounded(`${hostname()} ${process.pid}`, 100)

/** Notes that this process refreshes the token of a connection; the note is committed when it returns `go`. */
export async function claim(deps: TokenDeps, connection: string, floor: number, refresh: TokenRefresh): Promise<Claim> {
  const { rows } = deps
  return inTransaction(deps.pool, async (client): Promise<Claim> => {
    const { row, token: current } = await rows.lock(connection, client, deps.silenceMs)
    if (current.version > floor) return { kind: 'token', token: current }
    if (row.reconnect_since) return { kind: 'reconnect', reason: row.reconnect_reason ?? '' }
    if (row.use_id !== null) {
      if (row.alive) return { kind: 'wait' }
      if (row.use_of !== null && row.rotates !== false) return giveUp(client, connection, refresh, lost(row))
    }
    const presented = present(refresh, current)
    const print = presented === null ? null : await rows.fingerprint(presented)
    if (print !== null && current.version === 0 && row.rotates !== false) {
      const other = await presentedBy(client, print, connection)
      if (other === 'wait') return { kind: 'wait' }
      if (other !== null) return giveUp(client, connection, refresh, `the connection ${other.slice(0, other.lastIndexOf('/'))} has used this refresh token already, and it may work only once`)
    }
    const use: Use = { id: randomUUID(), connection, current, presented, rotates: row.rotates }
    await client.query(
      'update isthmus.tokens set use_id = $2, use_by = $3, use_of = $4, use_at = clock_timestamp(), use_seen_at = clock_timestamp() where connection = $1',
      [connection, use.id, PROCESS, print],
    )
    return { kind: 'go', use }
  })
}

/** What the refresh would present; its errors are those of the caller. */
export function present(refresh: TokenRefresh, token: Token): string | null {
  try {
    return refresh.presents(token)
  } catch (error) {
    throw new CallbackError(error)
  }
}

/** From now on a person has to sign in again; said once, in the transaction that decides it. */
export async function giveUp(client: pg.PoolClient, connection: string, refresh: TokenRefresh, why: string): Promise<{ kind: 'reconnect'; reason: string }> {
  const reason = shown(why, 1_000)
  await client.query('update isthmus.tokens set reconnect_since = clock_timestamp(), reconnect_reason = $2 where connection = $1', [connection, reason])
  await writeLog(client, { ...refresh.log, level: 'error', message: `reconnect needed: ${connection.slice(0, connection.lastIndexOf('/'))}: ${reason}` })
  return { kind: 'reconnect', reason }
}

function lost(row: TokenRow): string {
  return `a process (${row.use_by}) stopped while it exchanged the refresh token, begun ${row.use_at?.toISOString()}: the token may be used up and is not sent again`
}

/** The connection that has presented a token given from outside, when that forbids to present it again: not when its provider does not rotate. */
async function presentedBy(client: pg.PoolClient, print: string, connection: string): Promise<null | 'wait' | string> {
  await client.query('insert into isthmus.presented_tokens (fingerprint, connection) values ($1, $2) on conflict do nothing', [print, connection])
  const { rows } = await client.query<{ connection: string; rotates: boolean | null; waits: boolean }>(
    `select p.connection, t.rotates, t.use_id is not null and t.reconnect_since is null as waits
     from isthmus.presented_tokens p left join isthmus.tokens t using (connection) where p.fingerprint = $1`,
    [print],
  )
  const by = rows[0]
  if (!by || by.connection === connection || by.rotates === false) return null
  return by.waits ? 'wait' : by.connection
}
