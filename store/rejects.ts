import type pg from 'pg'
import type { NewReject, Reject, RejectDetail, RejectFilter, RejectStore } from '../model/rejects.ts'
import { redactor } from '../model/redact/index.ts'
import { bounded, storable } from './text.ts'

const BATCH_CHARS = 8_000_000
const BATCH_ROWS = 1_000
/** Rejects that are sent again at once, and their raw text in bytes. */
const RETRY_ROWS = 500
const RETRY_BYTES = 16 * 1024 * 1024

const COLUMNS = `'r' || id as id, sync, run, stream, seq, index::int, field, reason, state, tries, note, kind, cut, at, changed_at as "changedAt"`

const WHERE = `($1::text is null or sync = $1 or run = $1) and ($2::text is null or sync = $2) and ($3::text is null or stream = $3)
  and ($4::text is null or field = $4) and ($5::bigint[] is null or id = any($5)) and ($6 or state = 'open')`

function filterValues({ of, sync, stream, field, ids, all }: RejectFilter): unknown[] {
  return [of ?? null, sync ?? null, stream ?? null, field ?? null, ids ? ids.map(number).filter((id) => id !== null) : null, all ?? false]
}

/** `r17` as 17; null for what is no id of a reject. */
function number(id: string): string | null {
  return /^r(\d{1,18})$/.exec(id)?.[1] ?? null
}

/** Without secrets that the source echoed; a record that held one cannot be sent again as it was. */
function clean(reject: NewReject): NewReject {
  const raw = redactor.known(reject.raw)
  return { ...reject, reason: redactor.text(reject.reason), raw, ...(raw !== reject.raw && { cut: true }) }
}

/** Records that were set aside. */
export function rejectQueries(pool: pg.Pool): RejectStore {
  return {
    async saveRejects({ run, stream, seq }, sync, rejects) {
      // One statement takes a row once; of two rejects of one record the last counts.
      const unique = [...new Map(rejects.map((r) => [r.index, clean(r)])).values()]
      for (let from = 0; from < unique.length; ) {
        const batch: NewReject[] = []
        for (let chars = 0; from < unique.length && batch.length < BATCH_ROWS && chars < BATCH_CHARS; from++) {
          batch.push(unique[from]!)
          chars += unique[from]!.raw.length
        }
        await pool.query(
          `insert into isthmus.rejects as r (run, stream, seq, sync, index, field, reason, raw, nul_replaced, kind, cut)
           select $1, $2, $3, $4, * from unnest($5::bigint[], $6::text[], $7::text[], $8::text[], $9::boolean[], $10::text[], $11::boolean[])
           on conflict (run, stream, seq, index) do update
           set field = excluded.field, reason = excluded.reason, raw = excluded.raw, nul_replaced = excluded.nul_replaced, kind = excluded.kind, cut = excluded.cut
           where r.state = 'open' and r.tries = 0`,
          [
            run, stream, seq, sync, batch.map((r) => r.index), batch.map((r) => bounded(r.field, 500)), batch.map((r) => bounded(r.reason, 2_000)),
            batch.map((r) => storable(r.raw)), batch.map((r) => r.raw.includes('\0')), batch.map((r) => r.kind ?? 'record'), batch.map((r) => r.cut ?? false),
          ],
        )
      }
    },

    async listRejects({ limit, ...filter }) {
      const values = filterValues(filter)
      const { rows } = await pool.query<Reject>(`select ${COLUMNS} from isthmus.rejects where ${WHERE} order by rejects.id desc limit $7`, [...values, limit])
      const count = await pool.query<{ n: string }>(`select count(*) as n from isthmus.rejects where ${WHERE}`, values)
      return { rejects: rows, total: Number(count.rows[0]!.n) }
    },

    async getReject(id) {
      const { rows } = await pool.query<RejectDetail>(`select ${COLUMNS}, raw from isthmus.rejects where id = $1`, [number(id) ?? -1])
      return rows[0] ?? null
    },

    async openRejects(filter, after) {
      const { rows } = await pool.query<RejectDetail>(
        `with first as materialized (
           select rejects.id as n, octet_length(raw) as bytes from isthmus.rejects where ${WHERE} and rejects.id > $7 order by rejects.id limit ${RETRY_ROWS}),
         fit as (select n, sum(bytes) over (order by n) - bytes as before from first)
         select ${COLUMNS}, raw from isthmus.rejects join fit on fit.n = rejects.id where before < ${RETRY_BYTES} order by rejects.id`,
        [...filterValues({ ...filter, all: false }), number(after) ?? 0],
      )
      return rows
    },

    async settleRejects(retry, settled) {
      await pool.query(
        `update isthmus.rejects r
         set state = s.state, reason = case when s.reason = '' or s.state <> 'open' then r.reason else s.reason end,
           field = case when s.reason = '' or s.state <> 'open' then r.field else s.field end, note = case when s.state <> 'open' then s.reason else r.note end,
           tries = r.tries + (r.last_retry <> $1)::int, last_retry = $1, changed_at = clock_timestamp()
         from unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) s (id, state, reason, field) where r.id = s.id and r.state = 'open'`,
        [retry, settled.map((s) => number(s.id)), settled.map((s) => s.state), settled.map((s) => bounded(s.reason, 2_000)), settled.map((s) => bounded(s.field, 500))],
      )
    },

    async dropRejects(filter, note) {
      const { rows } = await pool.query<{ id: string }>(
        `update isthmus.rejects set state = 'dropped', note = $7, changed_at = clock_timestamp() where ${WHERE} returning 'r' || id as id`,
        [...filterValues({ ...filter, all: false }), bounded(note, 2_000)],
      )
      return rows.map((r) => r.id)
    },

    async purgeRejects(ms) {
      await pool.query(`delete from isthmus.rejects where state <> 'open' and changed_at < clock_timestamp() - make_interval(secs => $1)`, [ms / 1000])
    },
  }
}
