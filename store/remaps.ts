import type pg from 'pg'
import { IsthmusError } from '../model/errors.ts'
import type { RemapChunk, RemapCover, RemapStore, StreamRemap } from '../model/remap.ts'
import { storable } from './text.ts'
import { inTransaction } from './transaction.ts'

const CHUNK = 'n, run, seq, records::int, result'

/** What remaps work on and found. Samples hold records, so they stand here and never in a workflow's history. */
export function remapQueries(pool: pg.Pool): RemapStore {
  return {
    async saveRemapChunks(remap, stream, cover, chunks) {
      await inTransaction(pool, async (client) => {
        await client.query('delete from isthmus.remap_chunks where remap = $1 and stream = $2', [remap, stream])
        await client.query(
          'insert into isthmus.remaps (remap, stream, cover) values ($1, $2, $3) on conflict (remap, stream) do update set cover = excluded.cover, result = null',
          [remap, stream, JSON.stringify(cover)],
        )
        await client.query(
          `insert into isthmus.remap_chunks (remap, stream, n, run, seq, records) select $1, $2, * from unnest($3::int[], $4::text[], $5::int[], $6::bigint[])`,
          [remap, stream, chunks.map((c) => c.n), chunks.map((c) => c.run), chunks.map((c) => c.seq), chunks.map((c) => c.records)],
        )
      })
    },
    async nextRemapChunk(remap, stream) {
      const { rows } = await pool.query<RemapChunk>(`select ${CHUNK} from isthmus.remap_chunks where remap = $1 and stream = $2 and result is null order by n limit 1`, [remap, stream])
      return rows[0] ?? null
    },
    async saveRemapChunk(remap, stream, n, result) {
      await pool.query('update isthmus.remap_chunks set result = $4 where remap = $1 and stream = $2 and n = $3 and result is null', [remap, stream, n, storable(JSON.stringify(result))])
    },
    async remapChunks(remap, stream) {
      const cover = await pool.query<{ cover: RemapCover & { mark: string } }>('select cover from isthmus.remaps where remap = $1 and stream = $2', [remap, stream])
      if (!cover.rows[0]) throw new IsthmusError('NotFound', `There is no list of staged chunks for ${remap}`, { cure: 'start the remap again' })
      const { rows } = await pool.query<RemapChunk>(`select ${CHUNK} from isthmus.remap_chunks where remap = $1 and stream = $2 order by n`, [remap, stream])
      return { cover: cover.rows[0].cover, chunks: rows }
    },
    async saveRemapResult(remap, result) {
      await pool.query('update isthmus.remaps set result = $3 where remap = $1 and stream = $2', [remap, result.stream, JSON.stringify(result)])
    },
    async remapResults(remap) {
      const { rows } = await pool.query<{ result: StreamRemap }>('select result from isthmus.remaps where remap = $1 and result is not null order by stream', [remap])
      return rows.map((r) => r.result)
    },
    async purgeRemaps(ms) {
      await pool.query(`delete from isthmus.remap_chunks c using isthmus.remaps r where r.remap = c.remap and r.at < clock_timestamp() - make_interval(secs => $1)`, [ms / 1000])
      await pool.query(`delete from isthmus.remaps where at < clock_timestamp() - make_interval(secs => $1)`, [ms / 1000])
    },
  }
}
