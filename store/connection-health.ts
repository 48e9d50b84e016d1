import type pg from 'pg'
import type { ConnectionHealth, ConnectionStore } from '../model/connections.ts'
import type { ErrorType } from '../model/errors.ts'
import { redactor } from '../model/redact/index.ts'
import { bounded } from './text.ts'

/** The same outcome of calls is written this often at most. */
const QUIET_MS = 10_000

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
  const told = new Map<string, { what: string; at: number }>()
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
      const message = lastErrorMessage === undefined ? null : bounded(redactor.text(lastErrorMessage), 500)
      const what = JSON.stringify([state, reason, lastErrorType, message, lastSuccessAt !== undefined, lastErrorAt !== undefined])
      const last = told.get(connection)
      // A state is told seldom, and another process may have told another one meanwhile.
      if (state === undefined && last && last.what === what && performance.now() - last.at < QUIET_MS) return
      told.set(connection, { what, at: performance.now() })
      await pool.query(
        `insert into isthmus.connection_health as h (connection, state, reason, since, last_success_at, last_error_at, last_error_type, last_error_message)
         values ($1, coalesce($2, 'ok'), coalesce($3, ''), now(), $4, $5, $6, coalesce($7, ''))
         on conflict (connection) do update set
           state = coalesce($2, h.state), reason = coalesce($3, h.reason), since = case when coalesce($2, h.state) = h.state then h.since else now() end,
           last_success_at = coalesce($4, h.last_success_at), last_error_at = coalesce($5, h.last_error_at),
           last_error_type = coalesce($6, h.last_error_type), last_error_message = coalesce($7, h.last_error_message)`,
        [connection, state ?? null, reason === undefined ? null : bounded(redactor.text(reason), 1_000), lastSuccessAt ?? null, lastErrorAt ?? null, lastErrorType ?? null, message],
      )
    },
  }
}

function health(r: Row): ConnectionHealth {
  return {
    connection: r.connection, state: r.state, reason: r.reason, since: r.since, lastSuccessAt: r.last_success_at,
    lastErrorAt: r.last_error_at, lastErrorType: r.last_error_type, lastErrorMessage: r.last_error_message, breaker: r.breaker ?? '', pausedUntil: r.paused_until,
  }
}
