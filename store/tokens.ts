import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Store, Token } from '../model/ports.ts'
import { CallbackError } from './callback-error.ts'
import { fly } from './token-flight.ts'
import { put } from './token-settle.ts'
import { TokenRows } from './token-row.ts'
import type { Keyring } from './keyring.ts'

/** A process that refreshes gives a sign of life ten times in this while; without one it counts as dead. */
export const SILENCE_MS = 15_000
/** Refreshes under way when the store is closed get so long to be stored. */
const CLOSE_MS = 65_000

type Result = { token: Token; refreshed: boolean }

/**
 * Tokens, sealed; one refresh at a time for a connection, over all processes. Callers of one process share one refresh, so that
 * neither connections of the pool nor requests grow with their number.
 */
export function tokenQueries(pool: pg.Pool, keyring: Keyring, silenceMs = SILENCE_MS): { queries: Pick<Store, 'getToken' | 'refreshToken' | 'putToken' | 'reconnectReason' | 'noteServed' | 'wasServed'>; settled(): Promise<unknown> } {
  const rows = new TokenRows(keyring)
  const flights = new Map<string, Promise<Result>>()
  const noted = new Map<string, number>()
  return {
    queries: {
      getToken: (connection) => rows.read(connection, pool),
      putToken: (connection, token) => put({ pool, rows, silenceMs }, connection, token),
      async reconnectReason(connection) {
        const { rows } = await pool.query<{ reason: string | null }>(`select coalesce(reconnect_reason, '') as reason from isthmus.tokens where connection = $1 and reconnect_since is not null`, [connection])
        return rows[0]?.reason ?? null
      },
      async noteServed(connection, version) {
        if ((noted.get(connection) ?? 0) >= version) return
        noted.set(connection, version)
        await pool.query('update isthmus.tokens set served = $2 where connection = $1 and served < $2', [connection, version])
      },
      async wasServed(connection, version) {
        return ((await pool.query<{ served: number }>('select served from isthmus.tokens where connection = $1', [connection])).rows[0]?.served ?? 0) >= version
      },
      async refreshToken(connection, seen, refresh, signal) {
        // Version 0 is no token, whatever the caller has seen.
        const floor = Math.max(seen, 0)
        for (;;) {
          const shared = flights.get(connection)
          const flight = shared ?? fly({ pool, rows, silenceMs }, connection, floor, refresh).finally(() => flights.delete(connection))
          if (!shared) flights.set(connection, flight)
          const result = await orAbort(flight, signal)
          // One that was begun for an older token may end with the one this caller has seen.
          if (result.token.version > floor) return shared ? { token: result.token, refreshed: false } : result
        }
      },
    },
    settled: () => Promise.race([Promise.allSettled(flights.values()), sleep(CLOSE_MS, undefined, { ref: false })]),
  }
}

/** Stops waiting when aborted; what it waited for goes on. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const stop = () => reject(new CallbackError(signal.reason))
    // As many callers as like may share a signal.
    setMaxListeners(0, signal)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
