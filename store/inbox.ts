import type pg from 'pg'
import type { InboxStore } from '../model/webhook.ts'
import { storable } from './text.ts'

/** First half of the advisory locks under which the events of a webhook are numbered. */
const NUMBERING = 0x6973_6962

/** Events that webhooks received. */
export function inboxQueries(pool: pg.Pool): InboxStore {
  return {
    async receive(webhook, events) {
      // One at a time for a webhook, so that a lower number is never seen after a higher one: whoever reads on behind a number misses none.
      const { rowCount } = await pool.query(
        `with turn as materialized (select pg_advisory_xact_lock($1, hashtext($2)))
         insert into isthmus.inbox (webhook, event, type, body)
         select $2, e.id, e.type, e.body from turn, unnest($3::text[], $4::text[], $5::json[]) with ordinality as e (id, type, body, n) order by e.n
         on conflict (webhook, event) do nothing`,
        [NUMBERING, webhook, events.map((e) => storable(e.id)), events.map((e) => storable(e.type)), events.map((e) => e.body)],
      )
      return rowCount ?? 0
    },
    async inboxState(webhook) {
      const { rows } = await pool.query<{ last: string | null; told: string }>(
        `select max(seq) as last, coalesce((select seq from isthmus.inbox_told where webhook = $1), 0) as told from isthmus.inbox where webhook = $1`,
        [webhook],
      )
      return rows[0]!.last === null ? null : { last: Number(rows[0]!.last), told: Number(rows[0]!.told) }
    },
    async inboxTypes(webhook, after, upTo) {
      const { rows } = await pool.query<{ type: string }>('select distinct type from isthmus.inbox where webhook = $1 and seq > $2 and seq <= $3 limit 1000', [webhook, after, upTo])
      return rows.map((r) => r.type)
    },
    async inboxTold(webhook, upTo) {
      await pool.query('insert into isthmus.inbox_told as t (webhook, seq) values ($1, $2) on conflict (webhook) do update set seq = greatest(t.seq, excluded.seq), at = now()', [webhook, upTo])
    },
    async inboxPending() {
      const { rows } = await pool.query<{ webhook: string }>(
        `select i.webhook from (select webhook, max(seq) as last from isthmus.inbox group by webhook) i left join isthmus.inbox_told t using (webhook) where i.last > coalesce(t.seq, 0)`,
      )
      return rows.map((r) => r.webhook)
    },
    async purgeInbox(ms) {
      await pool.query(
        `delete from isthmus.inbox i using isthmus.inbox_told t where t.webhook = i.webhook and i.seq <= t.seq and i.received_at < clock_timestamp() - make_interval(secs => $1)`,
        [ms / 1000],
      )
    },
  }
}
