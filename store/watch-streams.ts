import type pg from 'pg'
import type { RunReceipt } from '../model/run.ts'
import { driftOf, mergeShapes, rejectsNote, volumeNote, type PastRun, type Shape, type StreamWatch, type WatchStore } from '../model/watch/index.ts'
import { shown } from './text.ts'
import { inTransaction } from './transaction.ts'

type Methods = 'noteStream' | 'noteReceipt' | 'noteShape' | 'streamWatches' | 'accountWatches' | 'noteLapse' | 'openRuns'

/** Runs that tell what is usual. */
const RECENT = 20
const MOST = 5_000

/** How streams and accounts stand. */
export function streamWatchQueries(pool: pg.Pool): Pick<WatchStore, Methods> {
  return {
    async noteStream(note) {
      const { sync, stream, run } = note
      switch (note.kind) {
        case 'started':
          await pool.query(
            `insert into isthmus.stream_watch as w (sync, stream, run, connection, target_ms) values ($1, $2, $3, $4, $5)
             on conflict (sync, stream) do update set run = $3, connection = $4, target_ms = $5, state = 'running', since = clock_timestamp()`,
            [sync, stream, run, note.connection, note.targetMs],
          )
          return
        case 'parked':
          await pool.query(
            `insert into isthmus.stream_watch as w (sync, stream, run, state, error_type, message, cure) values ($1, $2, $3, 'parked', $4, $5, $6)
             on conflict (sync, stream) do update set run = $3, state = 'parked', error_type = $4, message = $5, cure = $6, since = clock_timestamp()`,
            [sync, stream, run, note.error.type, shown(note.error.message, 1_000), shown(note.error.cure, 500)],
          )
          return
        case 'watermark':
          await pool.query('update isthmus.stream_watch set watermark_at = greatest(watermark_at, $3) where sync = $1 and stream = $2', [sync, stream, note.at])
          return
        case 'notice':
          await pool.query('update isthmus.stream_watch set notice = $3, notice_at = clock_timestamp() where sync = $1 and stream = $2', [sync, stream, shown(note.text, 1_000)])
          return
      }
    },
    async noteReceipt(receipt) {
      const past = await pastRuns(pool, receipt)
      for (const s of receipt.streams) {
        const { stream, outcome, error, counts } = s
        const before = past.get(stream) ?? []
        const numbers = outcome === 'completed' ? { volume: volumeNote(counts, before), rejects: rejectsNote(counts, before) } : null
        const drift = outcome === 'completed' ? await driftIn(pool, receipt.sync, stream, receipt.run) : ''
        const failed = outcome === 'failed' && error !== null
        await pool.query(
          `insert into isthmus.stream_watch as w (sync, stream, run, state, error_type, message, cure, last_success_at, volume, rejects, drift, drift_at)
           values ($1, $2, $3, $4, $5, $6, $7, case when $4 = 'completed' then clock_timestamp() end, coalesce($8, ''), coalesce($9, ''), $10, case when $10 <> '' then clock_timestamp() end)
           on conflict (sync, stream) do update set run = $3, state = $4, error_type = $5, message = $6, cure = $7, since = clock_timestamp(),
             last_success_at = coalesce(excluded.last_success_at, w.last_success_at), volume = coalesce($8, w.volume), rejects = coalesce($9, w.rejects),
             drift = case when $10 <> '' then $10 else w.drift end, drift_at = coalesce(excluded.drift_at, w.drift_at)`,
          [receipt.sync, stream, receipt.run, outcome, failed ? error.type : null, failed ? shown(error.message, 1_000) : '', failed ? shown(error.cure, 500) : '', numbers?.volume ?? null, numbers?.rejects ?? null, shown(drift, 1_000)],
        )
      }
    },
    async noteShape({ sync, run, stream }, shape) {
      await inTransaction(pool, async (client) => {
        const key = [sync, stream, run]
        await client.query(`insert into isthmus.stream_shapes (sync, stream, run, shape) values ($1, $2, $3, '{"n":0,"fields":{}}') on conflict do nothing`, key)
        const { rows } = await client.query<{ shape: Shape }>('select shape from isthmus.stream_shapes where sync = $1 and stream = $2 and run = $3 for update', key)
        await client.query('update isthmus.stream_shapes set shape = $4, at = clock_timestamp() where sync = $1 and stream = $2 and run = $3', [...key, JSON.stringify(mergeShapes(rows[0]!.shape, shape)).replaceAll('\\u0000', '')])
      })
    },
    async streamWatches() {
      const { rows } = await pool.query<StreamWatch>(
        `select w.sync, w.stream, w.connection, w.run, w.state, w.since, w.error_type as "errorType", w.message, w.cure, w.target_ms as "targetMs",
           w.last_success_at as "lastSuccessAt", w.watermark_at as "watermarkAt", w.volume, w.rejects, w.drift, w.drift_at as "driftAt", w.notice, w.notice_at as "noticeAt",
           w.first_at as "firstAt", coalesce(r.n, 0)::int as "rejectsOpen"
         from isthmus.stream_watch w left join (select sync, stream, count(*) as n from isthmus.rejects where state = 'open' group by 1, 2) r using (sync, stream)
         order by sync, stream limit ${MOST}`,
      )
      return rows
    },
    async accountWatches() {
      const { rows } = await pool.query<{ connection: string; state: string | null; reason: string; since: Date | null; lapses_at: Date | null; lapses_what: string; opened_at: Date | null; failure: string | null }>(
        `select coalesce(h.connection, a.account) as connection, h.state, coalesce(h.reason, '') as reason, h.since, h.lapses_at, coalesce(h.lapses_what, '') as lapses_what,
           case when a.open_until is not null then a.opened_at end as opened_at, a.failure
         from isthmus.connection_health h full join isthmus.accounts a on a.account = h.connection
         where h.state = 'needsReconnect' or h.lapses_at is not null or a.open_until is not null limit ${MOST}`,
      )
      return rows.map((r) => ({
        connection: r.connection,
        reconnect: r.state === 'needsReconnect' ? { reason: r.reason, since: r.since ?? new Date() } : null,
        breaker: r.opened_at ? { reason: r.failure || 'open', since: r.opened_at } : null,
        lapses: r.lapses_at ? { what: r.lapses_what, at: r.lapses_at } : null,
      }))
    },
    async noteLapse(connection, what, at) {
      if (at === null) {
        await pool.query("update isthmus.connection_health set lapses_at = null, lapses_what = '' where connection = $1 and lapses_what = $2", [connection, what])
        return
      }
      await pool.query(
        `insert into isthmus.connection_health as h (connection, since, lapses_at, lapses_what) values ($1, now(), $3, $2)
         on conflict (connection) do update set lapses_at = $3, lapses_what = $2 where h.lapses_at is null or h.lapses_what = $2 or h.lapses_at > $3`,
        [connection, what, at],
      )
    },
    async openRuns() {
      return (await pool.query<{ n: number }>("select count(*)::int as n from isthmus.runs where outcome = 'running'")).rows[0]!.n
    },
  }
}

/** The streams of the sync's runs before that completed, newest first. */
async function pastRuns(pool: pg.Pool, { sync, run }: RunReceipt): Promise<Map<string, PastRun[]>> {
  const { rows } = await pool.query<{ receipt: RunReceipt }>(
    'select receipt from isthmus.runs where sync = $1 and run <> $2 and receipt is not null order by started_at desc limit $3', [sync, run, RECENT],
  )
  const past = new Map<string, PastRun[]>()
  for (const s of rows.flatMap((r) => r.receipt.streams)) if (s.outcome === 'completed') past.set(s.stream, [...(past.get(s.stream) ?? []), s.counts])
  return past
}

/** How the records of a run differ in form from those of the last run before it that had some. What is older is forgotten. */
async function driftIn(pool: pg.Pool, sync: string, stream: string, run: string): Promise<string> {
  const { rows } = await pool.query<{ run: string; shape: Shape }>('select run, shape from isthmus.stream_shapes where sync = $1 and stream = $2 order by run = $3 desc, at desc limit 3', [sync, stream, run])
  const [now, before, older] = rows
  if (older) await pool.query('delete from isthmus.stream_shapes where sync = $1 and stream = $2 and run <> $3 and run <> $4', [sync, stream, now!.run, before!.run])
  return now?.run === run && before ? driftOf(before.shape, now.shape) : ''
}
