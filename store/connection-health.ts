import type pg from 'pg'
import type { ConnectionHealth, ConnectionStore } from '../model/connections.ts'
import type { ErrorType } from '../model/errors.ts'
import { redactor } from '../model/redact/index.ts'
import { bounded } from './text.ts'

/** Successes, and errors of one type, are written this often at most; another state or type at once. */
const QUIET_MS = 10_000

/** What this process has written last, with times of its own clock. */
interface Told {
  state: string
  errorType: string
  successAt: number
  errorAt: number
}

interface Row {
  connection: string
  state: ConnectionHealth['state']
  reason: string
  since: Date | null
  last_success_at: Date | null
  last_error_at: Date | null
  last_error_type: ErrorType | null
  last_error_message: string
  breaker: string | null
  paused_until: Date | null
}

/** How connections are, as their calls have told. */
export function healthQueries(pool: pg.Pool): Pick<ConnectionStore, 'connectionHealth' | 'noteHealth'> {
  const told = new Map<string, Told>()
  return {
    async connectionHealth(id) {
      const { rows } = await pool.query<Row>(
        `select h.*, case when a.open_until is null then '' else coalesce(nullif(a.failure, ''), 'open') end as breaker, case when a.blocked_until > now() then a.blocked_until end as paused_until
         from isthmus.connection_health h left join isthmus.accounts a on a.account = h.connection
         where $1::text is null or h.connection = $1 order by h.connection collate "C"`,
        [id ?? null],
      )
      return rows.map(health)
    },
    async noteHealth(connection, { state, reason, lastSuccessAt, lastErrorAt, lastErrorType, lastErrorMessage }) {
      const now = performance.now()
      const last = told.get(connection) ?? { state: '', errorType: '', successAt: -Infinity, errorAt: -Infinity }
      const failed = lastErrorAt !== undefined || lastErrorType !== undefined || lastErrorMessage !== undefined
      // A state alone is told seldom, and another process may have told another one meanwhile; with a success it comes with every chunk.
      const worth = (state !== undefined && (state !== 'ok' || lastSuccessAt === undefined || state !== last.state))
        || (lastSuccessAt !== undefined && now - last.successAt >= QUIET_MS)
        || (failed && (now - last.errorAt >= QUIET_MS || lastErrorType !== last.errorType))
      if (!worth) return
      const message = lastErrorMessage === undefined ? null : bounded(redactor.text(lastErrorMessage), 500)
      told.set(connection, { state: state ?? last.state, errorType: failed ? (lastErrorType ?? '') : last.errorType, successAt: lastSuccessAt ? now : last.successAt, errorAt: failed ? now : last.errorAt })
      const written = pool.query(
        `insert into isthmus.connection_health as h (connection, state, reason, since, last_success_at, last_error_at, last_error_type, last_error_message)
         values ($1, coalesce($2, 'ok'), coalesce($3, ''), now(), $4, $5, $6, coalesce($7, ''))
         on conflict (connection) do update set
           state = coalesce($2, h.state), reason = coalesce($3, h.reason), since = case when coalesce($2, h.state) = h.state then h.since else now() end,
           last_success_at = coalesce($4, h.last_success_at), last_error_at = coalesce($5, h.last_error_at),
           last_error_type = coalesce($6, h.last_error_type), last_error_message = coalesce($7, h.last_error_message)`,
        [connection, state ?? null, reason === undefined ? null : bounded(redactor.text(reason), 1_000), lastSuccessAt ?? null, lastErrorAt ?? null, lastErrorType ?? null, message],
      )
      // What could not be written is told again.
      await written.catch((error: unknown) => {
        told.delete(connection)
        throw error
      })
    },
  }
}

function health(r: Row): ConnectionHealth {
  return {
    connection: r.connection, state: r.state, reason: r.reason, since: r.since, lastSuccessAt: r.last_success_at,
    lastErrorAt: r.last_error_at, lastErrorType: r.last_error_type, lastErrorMessage: r.last_error_message, breaker: r.breaker ?? '', pausedUntil: r.paused_until,
  }
}
