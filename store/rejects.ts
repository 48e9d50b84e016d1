import type pg from 'pg'
import type { Store } from '../model/ports.ts'
import { bounded, storable } from './text.ts'

const BATCH_CHARS = 8_000_000
const BATCH_ROWS = 1_000

/** Records that were set aside. */
export function rejectQueries(pool: pg.Pool): Pick<Store, 'saveRejects'> {
  return {
    async saveRejects({ run, stream, seq }, sync, rejects) {
      // One statement takes a row once; of two rejects of one record the last counts.
      const unique = [...new Map(rejects.map((r) => [r.index, r])).values()]
      for (let from = 0; from < unique.length; ) {
        const batch: typeof rejects = []
        for (let chars = 0; from < unique.length && batch.length < BATCH_ROWS && chars < BATCH_CHARS; from++) {
          batch.push(unique[from]!)
          chars += unique[from]!.raw.length
        }
        await pool.query(
          `insert into isthmus.rejects (run, stream, seq, sync, index, field, reason, raw, nul_replaced)
           select $1, $2, $3, $4, * from unnest($5::bigint[], $6::text[], $7::text[], $8::text[], $9::boolean[])
           on conflict (run, stream, seq, index) do update
           set field = excluded.field, reason = excluded.reason, raw = excluded.raw, nul_replaced = excluded.nul_replaced`,
          [
            run, stream, seq, sync, batch.map((r) => r.index), batch.map((r) => bounded(r.field, 500)), batch.map((r) => bounded(r.reason, 2_000)),
            batch.map((r) => storable(r.raw)), batch.map((r) => r.raw.includes('\0')),
          ],
        )
      }
    },
  }
}
