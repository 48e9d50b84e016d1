import type pg from 'pg'
import type { LogLine, Store } from '../model/ports.ts'
import { redactor } from '../model/redact/index.ts'
import { bounded } from './text.ts'

const PAGE = 5_000

export interface LogQueries extends Pick<Store, 'log' | 'logOnce' | 'logs'> {
  /** The breaker of an account closed: a line in the log of each run that was told of the outage. */
  recovered(account: string, opening: number): Promise<void>
}

/** The key under which a run is told once of an outage. */
export function outageKey(account: string, opening: number): string {
  return `down ${opening} ${account}`
}

/** Writes a line, in a transaction of the caller's if given its client. */
export async function writeLog(on: pg.Pool | pg.PoolClient, { run, stream, level, message }: Omit<LogLine, 'at'>): Promise<void> {
  // In turn for each run, so that a reader that asks for lines after an id never misses one with a lower id.
  await on.query(
    `with turn as materialized (select pg_advisory_xact_lock(1769173097, hashtext($1)))
     insert into isthmus.run_log (run, stream, level, message) select $1, $2, $3, $4 from turn`,
    [run, stream, level, bounded(redactor.text(message), 2_000)],
  )
}

/** The log of runs. `logs` gives at most 5,000 lines a call; the id of the last one leads to the next. */
export function logQueries(pool: pg.Pool): LogQueries {
  return {
    log: (line) => writeLog(pool, line),
    async logOnce(key, { run, stream, level, message }) {
      await pool.query(
        `with once as (insert into isthmus.run_log_once (run, key, stream) values ($1, $5, $2) on conflict do nothing returning run),
         turn as materialized (select pg_advisory_xact_lock(1769173097, hashtext(run)) from once)
         insert into isthmus.run_log (run, stream, level, message) select $1, $2, $3, $4 from turn`,
        [run, stream, level, bounded(redactor.text(message), 2_000), key],
      )
    },
    async recovered(account, opening) {
      await pool.query(
        `insert into isthmus.run_log (run, stream, level, message)
         select o.run, o.stream, 'info', $2 || ' answers again' || coalesce(', after ' || round(extract(epoch from a.closed_at - a.opened_at)) || ' s', '')
         from isthmus.run_log_once o join isthmus.accounts a on a.account = $2 where o.key = $1`,
        [outageKey(account, opening), account],
      )
    },
    async logs(run, after) {
      const { rows } = await pool.query<LogLine & { id: string }>(
        'select id, run, stream, level, message, at from isthmus.run_log where run = $1 and id > $2 order by id limit $3',
        [run, after, PAGE],
      )
      return rows.map((row) => ({ ...row, id: Number(row.id) }))
    },
  }
}
