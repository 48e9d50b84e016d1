import type { ClientBase } from 'pg'
import type { StreamPlan } from '../../model/plan.ts'
import { IsthmusError } from '../../model/errors.ts'
import type { Applied, ApplyRequest } from '../../model/ports.ts'
import type { RefusedRow } from '../../model/run.ts'
import { tableOf } from '../../model/table-name.ts'
import { findTable } from './catalog.ts'
import { copyRows } from './copy.ts'
import { sampleChanges } from './difference.ts'
import { checkCount, columnList, upsertChunk, type Chunk } from './load.ts'
import { TEMPORARY, type Sieve } from './merge.ts'
import { pgName, quoted, quotedTable } from './names.ts'
import { Refusals } from './refusals.ts'
import { loadAround } from './split.ts'

/** Names of rows that were applied once, in the destination: they are committed with the rows. */
const APPLIED = 'create table if not exists isthmus.applied (name text primary key, at timestamptz not null default now())'

/** Loads rows outside of a scan; `client` is in a transaction, which the caller commits, or takes back for a dry run. */
export async function applyRows(client: ClientBase, { plan, rows, newest, once }: ApplyRequest, path: string, refused: (rows: RefusedRow[]) => Promise<void>): Promise<Applied> {
  const { schema, table: name } = tableOf(plan)
  const table = quotedTable(schema, name)
  const chunk: Chunk = { client, plan, table, path, rows: rows.rows, refusals: new Refusals(plan, path) }
  const found: Pick<Applied, 'older' | 'samples'> = { older: [], samples: [] }
  const keyed = plan.key.length > 0 && plan.mode !== 'append'
  if (keyed) await checkUnique(client, plan)
  const loaded = keyed ? await upsertChunk(chunk, false, sieve(chunk, newest, found)) : await addOnce(chunk, once)
  const result: Applied = { ...loaded, deleted: 0, refused: chunk.refusals.count, repeated: false, stop: null, ...found }
  if (result.refused > 0) await refused(await chunk.refusals.list())
  return result
}

/** Takes out the rows of which the table has a newer version, and keeps some of the others to be shown. */
function sieve(chunk: Chunk, newest: string | null, found: Pick<Applied, 'older' | 'samples'>): Sieve {
  const { client, plan, table, refusals } = chunk
  return async (ordinal) => {
    const places = newest === null ? [] : await takeOlder(client, plan, table, ordinal, quoted(newest))
    const lines = Array.from({ length: chunk.rows }, (_, line) => line).filter((line) => !refusals.has(line))
    found.older = places.map((place) => lines[place]! + 1)
    found.samples = await sampleChanges(client, plan, table, ordinal)
    return places
  }
}

async function takeOlder(client: ClientBase, plan: StreamPlan, table: string, ordinal: string, newest: string): Promise<number[]> {
  const same = plan.key.map((k) => `t.${quoted(k)} = c.${quoted(k)}`).join(' and ')
  const { rows } = await client.query<{ place: string }>(
    `with placed as materialized (select c.*, row_number() over (order by ${ordinal}) - 1 as isthmus_place from ${TEMPORARY} c),
     older as (select c.${ordinal}, c.isthmus_place from placed c join ${table} t on ${same} where t.${newest} > c.${newest}),
     gone as (delete from ${TEMPORARY} x using older o where x.${ordinal} = o.${ordinal})
     select isthmus_place as place from older order by 1`,
  )
  return rows.map((r) => Number(r.place))
}

/** Adds rows as they are, each name once. */
async function addOnce(chunk: Chunk, once: string[] | null): Promise<{ inserted: number; updated: number; unchanged: number }> {
  const { client, rows, refusals, path, table, plan } = chunk
  if (rows === 0) return { inserted: 0, updated: 0, unchanged: 0 }
  if (!once || once.length !== rows) throw new IsthmusError('ReceiptMismatch', `${rows} rows to add have ${once?.length ?? 0} names`)
  await client.query(APPLIED)
  const fresh = await client.query<{ name: string }>('insert into isthmus.applied (name) select unnest($1::text[]) on conflict do nothing returning name', [once])
  const names = new Set(fresh.rows.map((r) => r.name))
  const starts = await refusals.starts()
  checkCount(starts.length - 1, rows)
  let inserted = 0
  const load = async (from: number, to: number) => {
    inserted += await copyRows(client, table, columnList(plan), path, { start: starts[from]!, end: starts[to]! })
  }
  for (let from = 0; from < rows; ) {
    const is = names.has(once[from]!)
    let to = from + 1
    while (to < rows && names.has(once[to]!) === is) to += 1
    if (is) await loadAround(client, from, to, load, (line, error) => refusals.add(line, error))
    from = to
  }
  // A row that was refused may be sent again under the same name.
  const failed = once.filter((_, line) => refusals.has(line))
  if (failed.length > 0) await client.query('delete from isthmus.applied where name = any($1)', [failed])
  return { inserted, updated: 0, unchanged: rows - names.size }
}

/** Rows are merged by a unique index; a table of mode replace may have none. */
async function checkUnique(client: ClientBase, plan: StreamPlan): Promise<void> {
  const { key } = plan
  const { schema, table } = tableOf(plan)
  const found = await findTable(client, pgName(schema), pgName(table))
  const names = key.map(pgName)
  if (!found || found.unique.some((u) => u.length === names.length && u.every((name) => names.includes(name)))) return
  throw new IsthmusError('DestinationMismatch', `Table ${schema}.${table} has no unique constraint on the key (${key.join(', ')}), so single rows cannot be sent again`, {
    field: 'to.table', cure: `run: alter table ${quotedTable(schema, table)} add unique (${key.map(quoted).join(', ')}); or run the sync again`,
  })
}
