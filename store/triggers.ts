import type pg from 'pg'
import type { TriggerStore } from '../model/triggers.ts'

const LIFE = '24 hours'
/** Without a sign of life for so long a caller counts as dead; it is told every 5 s. */
const LEASE = '20 seconds'

/** Which run an idempotency key stands for: of several callers, in any process, one starts it. */
export function triggerQueries(pool: pg.Pool): TriggerStore {
  return {
    async claimTrigger({ sync, key, request, run, owner }) {
      for (;;) {
        const { rows } = await pool.query<{ run: string }>(
          `insert into isthmus.triggers as t (sync, key, request, run, owner, lease_until, expires_at)
           values ($1, $2, $3, $4, $5, clock_timestamp() + interval '${LEASE}', clock_timestamp() + interval '${LIFE}')
           on conflict (sync, key) do update set
             request = excluded.request, started = false, owner = excluded.owner, lease_until = excluded.lease_until, expires_at = excluded.expires_at,
             run = case when t.expires_at <= clock_timestamp() then excluded.run else t.run end
           where t.expires_at <= clock_timestamp() or (not t.started and t.lease_until <= clock_timestamp() and t.request = excluded.request)
           returning run`,
          [sync, key, request, run, owner],
        )
        if (rows[0]) return { kind: 'mine', run: rows[0].run, again: rows[0].run !== run }
        const known = (await pool.query<{ request: string; run: string; started: boolean }>('select request, run, started from isthmus.triggers where sync = $1 and key = $2', [sync, key])).rows[0]
        // Dropped in between: claimed again.
        if (!known) continue
        if (known.request !== request) return { kind: 'other' }
        return known.started ? { kind: 'started', run: known.run } : { kind: 'busy' }
      }
    },
    async keepTrigger({ sync, key, owner }) {
      await pool.query(`update isthmus.triggers set lease_until = clock_timestamp() + interval '${LEASE}' where sync = $1 and key = $2 and owner = $3 and not started`, [sync, key, owner])
    },
    async settleTrigger({ sync, key, owner }, run) {
      await pool.query('update isthmus.triggers set run = $4, started = true where sync = $1 and key = $2 and owner = $3', [sync, key, owner, run])
      await pool.query('delete from isthmus.triggers where expires_at < clock_timestamp()')
    },
    async dropTrigger({ sync, key, owner }) {
      await pool.query('delete from isthmus.triggers where sync = $1 and key = $2 and owner = $3 and not started', [sync, key, owner])
    },
  }
}
