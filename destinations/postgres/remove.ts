import type { ClientBase } from 'pg'
import type { StreamPlan } from '../../model/plan.ts'
import type { CompleteResult } from '../../model/run.ts'
import { tableOf } from '../../model/table-name.ts'
import { findTable } from './catalog.ts'
import { sameKey, seenTable, type Generation } from './generation.ts'
import { pgName, quoted, quotedTable } from './names.ts'
import { unusual } from './unusual.ts'

export interface Scan {
  streamKey: string
  /** null: the scan went on from one whose keys were not collected. */
  generation: Generation | null
  /** Identity of the target table when the scan began. */
  target: number | null
  /** Records the scan has read. */
  read: number
}

/** Removes the rows whose key the generation has not seen, as the plan says how. */
export async function removeUnseen(client: ClientBase, plan: StreamPlan, { streamKey, generation, target, read }: Scan, approved: boolean): Promise<CompleteResult> {
  const kept = (note: string): CompleteResult => ({ kind: 'done', removed: 0, note: `nothing was deleted: ${note}` })
  if (generation === null) return kept('the scan went on from one that was begun with another mapping or without deletes; the next complete scan deletes')
  if (generation.table === null) return { kind: 'done', removed: 0 }
  if (generation.unknown > 0) return kept(`the key of ${generation.unknown} rejected ${generation.unknown === 1 ? 'record' : 'records'} could not be read, so its row cannot be told from those that are gone`)
  const { schema, table } = tableOf(plan)
  if ((await findTable(client, pgName(schema), pgName(table)))?.oid !== target) return kept('the table was made anew during the scan')
  const seen = seenTable(generation.table)
  await client.query(`analyze ${seen}`)
  if ((await count(client, `from ${seen}`)) !== generation.rows) return kept('the keys seen are not all there any more; the next complete scan deletes')

  const { mode, column } = plan.deletes
  const rows = quotedTable(schema, table)
  // Rows without a key are not ours.
  const live = [...plan.key.map((k) => `t.${quoted(k)} is not null`), ...(mode === 'soft' ? [`t.${quoted(column)} is null`] : [])].join(' and ')
  const gone = `${live} and not exists (select 1 from ${seen} s where ${sameKey(plan, 's', 't')})`
  const goneRows = await count(client, `from ${rows} t where ${gone}`)
  if (goneRows === 0) return { kind: 'done', removed: 0 }
  const liveRows = await count(client, `from ${rows} t where ${live}`)
  const reason = unusual(plan, { gone: goneRows, live: liveRows, empty: generation.rows === 0, read }) ?? (await shared(client, streamKey, target))
  if (reason !== null && !approved) return { kind: 'approval', removed: goneRows, rows: liveRows, reason }
  const { rowCount } = await client.query(mode === 'soft' ? `update ${rows} t set ${quoted(column)} = now() where ${gone}` : `delete from ${rows} t where ${gone}`)
  return { kind: 'done', removed: rowCount ?? 0 }
}

/** Rows that another stream put into the table are never at this stream's source. */
async function shared(client: ClientBase, streamKey: string, target: number | null): Promise<string | null> {
  const { rows } = await client.query<{ stream_key: string }>('select stream_key from isthmus.checkpoints where target = $1 and stream_key <> $2 order by updated_at desc limit 1', [target, streamKey])
  return rows[0] ? `the stream ${rows[0].stream_key} fills the same table, and its rows would be removed too` : null
}

async function count(client: ClientBase, from: string): Promise<number> {
  return Number((await client.query<{ n: string }>(`select count(*) as n ${from}`)).rows[0]!.n)
}
