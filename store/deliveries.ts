import type pg from 'pg'
import { IsthmusError } from '../model/errors.ts'
import { bounded, shown } from './text.ts'

export type DeliveryState = 'pending' | 'unsent' | 'delivered' | 'failed'
export type DeliveryEffect = 'inserted' | 'updated' | 'deleted'

/** The deliveries of one stream to one action. */
export interface DeliveryScope {
  /** Names the stream's checkpoint. */
  stream: string
  /** Connection and action. */
  target: string
}

/** An attempt at sending the records of a stream; of those with one `of` the last one that took hold may begin deliveries. */
export interface Holder {
  of: string
  attempt: string
}

/** The newest delivery of a record. */
export interface Delivery {
  record: string
  /** Counts the versions of the record, from 1. */
  turn: number
  version: string
  state: DeliveryState
  key: string
  place: number
  chunk: string
  effect: DeliveryEffect
  /** Tells how new the version is; null when nothing does. */
  mark: string | null
  remoteId: string | null
  reason: string
  uncertain: number
  /** Milliseconds since its request was begun, by the database's clock. */
  ageMs: number
  /** A version of the record was delivered before. */
  known: boolean
}

export type DeliveryStart = Pick<Delivery, 'record' | 'turn' | 'version' | 'key' | 'place' | 'effect' | 'mark'> & {
  /** Sent again without knowing what became of the last request. */
  uncertain: boolean
}

export interface DeliveryEnd extends Pick<Delivery, 'record' | 'turn' | 'remoteId' | 'reason'> {
  state: Exclude<DeliveryState, 'pending'>
}

export interface Begun {
  /** Moment (of this process's monotonic clock, ms) before which the rows were committed. */
  atMs: number
}

/** What was sent to actions of APIs, and what became of it. A row is committed before its request is sent. */
export interface DeliveryLedger {
  /** Takes over: earlier holders of the same `of` can begin nothing more. */
  hold(holder: Holder): Promise<void>
  /** Newest delivery of each of the records that has one. */
  latest(scope: DeliveryScope, records: string[]): Promise<Map<string, Delivery>>
  /** How many records each of these requests had. */
  sizes(keys: string[]): Promise<Map<string, number>>
  /** Notes that a request with these records is sent now. Throws Fenced when another holder has taken over, Transient when one of them was delivered meanwhile; then nothing must be sent. */
  begin(scope: DeliveryScope, holder: Holder, chunk: string, records: DeliveryStart[]): Promise<Begun>
  /** Notes what became of records. What is no delivery counts only from the holder. */
  end(scope: DeliveryScope, holder: Holder, records: DeliveryEnd[]): Promise<void>
}

const SLICE = 5_000

export function deliveryLedger(pool: pg.Pool): DeliveryLedger {
  return {
    async hold({ of, attempt }) {
      await pool.query('insert into isthmus.delivery_holders as h (stream, holder) values ($1, $2) on conflict (stream) do update set holder = excluded.holder, at = now()', [of, attempt])
    },

    async latest({ stream, target }, records) {
      const found = new Map<string, Delivery>()
      for (let from = 0; from < records.length; from += SLICE) {
        const { rows } = await pool.query<Delivery>(LATEST, [stream, target, records.slice(from, from + SLICE)])
        for (const row of rows) found.set(row.record, { ...row, ageMs: Number(row.ageMs) })
      }
      return found
    },

    async sizes(keys) {
      const { rows } = await pool.query<{ key: string; count: string }>('select key, count(*) as count from isthmus.deliveries where key = any($1) group by key', [keys])
      return new Map(rows.map((r) => [r.key, Number(r.count)]))
    },

    async begin({ stream, target }, holder, chunk, records) {
      const atMs = performance.now()
      const { rowCount } = await pool.query({
        name: 'isthmus_delivery_begin',
        text: BEGIN,
        values: [
          stream, target, holder.attempt, chunk, records.map((r) => r.record), records.map((r) => r.turn), records.map((r) => r.version), records.map((r) => r.key),
          records.map((r) => r.place), records.map((r) => r.effect), records.map((r) => (r.uncertain ? 1 : 0)), holder.of, records.map((r) => r.mark),
        ],
      })
      if (rowCount !== records.length) {
        const { rows } = await pool.query('select 1 from isthmus.delivery_holders where stream = $1 and holder = $2', [holder.of, holder.attempt])
        if (rows.length === 0) throw new IsthmusError('Fenced', 'A newer attempt sends the records of this stream: nothing was sent')
        throw new IsthmusError('Transient', 'Records were delivered meanwhile by an earlier attempt: nothing was sent')
      }
      return { atMs }
    },

    async end({ stream, target }, holder, records) {
      if (records.length === 0) return
      await pool.query({
        name: 'isthmus_delivery_end',
        text: END,
        values: [
          stream, target, holder.attempt, records.map((r) => r.record), records.map((r) => r.turn), records.map((r) => r.state),
          records.map((r) => (r.remoteId === null ? null : bounded(r.remoteId, 500))), records.map((r) => shown(r.reason, 1_000)), holder.of,
        ],
      })
    },
  }
}

const LATEST = `
select distinct on (d.record) d.record, d.turn, d.version, d.state, d.key, d.place, d.chunk, d.effect, d.mark, d.remote_id as "remoteId", d.reason, d.uncertain,
  extract(epoch from clock_timestamp() - d.begun_at) * 1000 as "ageMs",
  exists (select 1 from isthmus.deliveries e where e.stream = d.stream and e.target = d.target and e.record = d.record and e.state = 'delivered') as known
from isthmus.deliveries d where d.stream = $1 and d.target = $2 and d.record = any($3) order by d.record, d.turn desc`

// The lock on the holder's row orders this against a takeover: it comes before (then its row is seen) or after (then nothing is begun).
// The row of an earlier version whose result is unclear stays: it is settled by the newer one.
const BEGIN = `
with held as materialized (select 1 from isthmus.delivery_holders where stream = $12 and holder = $3 for share)
insert into isthmus.deliveries as d (stream, target, record, turn, version, state, key, place, chunk, effect, uncertain, mark)
select $1, $2, u.record, u.turn, u.version, 'pending', u.key, u.place, $4, u.effect, u.uncertain, u.mark
from held, unnest($5::text[], $6::int[], $7::text[], $8::text[], $9::int[], $10::text[], $11::int[], $13::text[]) as u (record, turn, version, key, place, effect, uncertain, mark)
on conflict (stream, target, record, turn) do update
set state = 'pending', version = excluded.version, key = excluded.key, place = excluded.place, chunk = excluded.chunk, effect = excluded.effect, mark = excluded.mark,
  uncertain = d.uncertain + excluded.uncertain, begun_at = clock_timestamp(), ended_at = null
where d.state <> 'delivered'`

const END = `
update isthmus.deliveries d set state = u.state, remote_id = u.remote_id, reason = u.reason, ended_at = clock_timestamp()
from unnest($4::text[], $5::int[], $6::text[], $7::text[], $8::text[]) as u (record, turn, state, remote_id, reason)
where d.stream = $1 and d.target = $2 and d.record = u.record and d.turn = u.turn and d.state <> 'delivered'
  and (u.state = 'delivered' or exists (select 1 from isthmus.delivery_holders h where h.stream = $9 and h.holder = $3))`
