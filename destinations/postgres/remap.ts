import type { ClientBase } from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { RemapDifference, RemapFiles, RemapRequest } from '../../model/remap.ts'
import { tableOf } from '../../model/table-name.ts'
import { findTable, type Queryable } from './catalog.ts'
import { readCheckpoint } from './checkpoint.ts'
import { copyRows } from './copy.ts'
import { countChanges, sampleChanges } from './difference.ts'
import { checkCount, columnList } from './load.ts'
import { makeTemporary, mergeSql, TEMPORARY } from './merge.ts'
import { pgName, quoted, quotedTable } from './names.ts'
import { Refusals } from './refusals.ts'
import { isRowError } from './row-errors.ts'
import { loadAround } from './split.ts'
import { sqlType } from './types.ts'

const STAY = 'pg_temp.isthmus_stay'
const REASONS = 20

/** How far a stream is, as a text. */
export async function streamMark(db: Queryable, streamKey: string, lock: boolean): Promise<string> {
  const known = await findTable(db, 'isthmus', 'checkpoints')
  const held = known && (await readCheckpoint(db, streamKey, lock))
  return held ? `${held.epoch}/${held.seq}/${held.complete}` : ''
}

/** Loads the rows of staged chunks under a new mapping, compares, and changes the table when asked to; `client` is in a transaction. */
export async function remapRows(client: ClientBase, request: RemapRequest, progress: () => void): Promise<RemapDifference> {
  const { plan, apply } = request
  const to = tableOf(plan)
  const table = quotedTable(to.schema, to.table)
  const ordinal = await openTables(client, plan, table)
  const refused: RemapDifference['refused'] = { count: 0, reasons: [] }
  for (const files of request.files) {
    await fill(client, plan, ordinal, files, refused)
    progress()
  }
  await client.query(`analyze ${TEMPORARY}`)
  // From here on no chunk of a run can be committed before this is.
  if (apply && (await streamMark(client, request.streamKey, true)) !== request.mark) {
    throw new IsthmusError('AlreadyRunning', `A run of ${plan.name} went on while the mapping was applied: nothing was changed`, { cure: 'wait for the run to end, then remap again' })
  }
  const found = plan.mode === 'replace' ? await replaced(client, plan, table, ordinal) : await upserted(client, plan, table, ordinal)
  const difference: RemapDifference = { ...found, refused, samples: plan.key.length > 0 ? await sampleChanges(client, plan, table, ordinal) : [] }
  if (!apply) return difference
  if (refused.count > 0) throw cannot(plan, `the table refuses ${refused.count} of the rows`)
  await write(client, plan, table, ordinal)
  return difference
}

function cannot(plan: StreamPlan, why: string): IsthmusError {
  const { schema, table } = tableOf(plan)
  return new IsthmusError('Contract', `The mapping cannot be applied to ${schema}.${table}: ${why}. Nothing was changed`, { field: 'map', cure: 'look at the difference (remap without --apply), then correct the mapping or the constraints of the table' })
}

async function openTables(client: ClientBase, plan: StreamPlan, table: string): Promise<string> {
  const ordinal = await makeTemporary(client, plan, table, 'given')
  // Columns of the model that the table does not have yet.
  const there = await findTable(client, pgName(tableOf(plan).schema), pgName(tableOf(plan).table))
  const missing = plan.columns.filter((c) => !there?.columns.some((t) => t.name === pgName(c.name)))
  if (missing.length > 0) await client.query(`alter table ${TEMPORARY} ${missing.map((c) => `add column ${quoted(c.name)} ${sqlType(c.type)}`).join(', ')}`)
  await client.query(`drop table if exists ${STAY}`)
  const key = plan.key.map((k) => `, ${quoted(k)}`).join('')
  await client.query(`create temporary table isthmus_stay on commit drop as select 0::bigint as n, ''::text as what${key} from ${TEMPORARY} limit 0`)
  return ordinal
}

async function fill(client: ClientBase, plan: StreamPlan, ordinal: string, files: RemapFiles, refused: RemapDifference['refused']): Promise<void> {
  const refusals = new Refusals(plan, files.rows)
  let loaded = 0
  const load = async (from: number, to: number) => {
    const starts = from === 0 && to === files.rowCount ? null : await refusals.starts()
    loaded += await copyRows(client, TEMPORARY, `${ordinal}, ${columnList(plan)}`, files.rows, starts && { start: starts[from]!, end: starts[to]! })
  }
  if (files.rowCount > 0) {
    await loadAround(client, 0, files.rowCount, load, (line, error) => {
      refusals.add(line, error)
      refused.count += 1
      if (refused.reasons.length < REASONS) refused.reasons.push(error.message.slice(0, 500))
    })
    checkCount(loaded + refusals.count, files.rowCount)
  }
  const keys = plan.key.map((k) => `, ${quoted(k)}`).join('')
  if (files.keyCount > 0) checkCount(await copyRows(client, STAY, `n, what${keys}`, files.keys, null), files.keyCount)
}

type Found = Omit<RemapDifference, 'refused' | 'samples'>

/** Mode upsert: what was left out or rejected last keeps its row; rows that the stream may have removed do not come back. */
async function upserted(client: ClientBase, plan: StreamPlan, table: string, ordinal: string): Promise<Found> {
  const key = plan.key.map(quoted)
  const same = (a: string, b: string) => key.map((k) => `${a}.${k} = ${b}.${k}`).join(' and ')
  const stays = await client.query<{ what: string; n: string }>(
    `with last as materialized (select distinct on (${key.join(', ')}) n, what, ${key.join(', ')} from ${STAY} order by ${key.join(', ')}, n desc),
     staying as (select l.* from last l where not exists (select 1 from ${TEMPORARY} c where ${same('c', 'l')} and c.${ordinal} > l.n)),
     gone as (delete from ${TEMPORARY} c using staying s where ${same('c', 's')})
     select what, count(*) as n from staying s where exists (select 1 from ${table} t where ${same('t', 's')}) group by what`,
  )
  let absent = 0
  if (plan.deletes.mode !== 'none') {
    const away = await deletedCondition(client, plan)
    const gone = await client.query<{ n: string }>(
      `with gone as (delete from ${TEMPORARY} c where not exists (select 1 from ${table} t where ${same('t', 'c')}${away}) returning ${key.map((k) => `c.${k}`).join(', ')})
       select count(*) as n from (select distinct * from gone) d`,
    )
    absent = Number(gone.rows[0]!.n)
  }
  const staying = (what: string) => Number(stays.rows.find((r) => r.what === what)?.n ?? 0)
  return { ...(await countChanges(client, plan, table, ordinal)), removed: 0, filteredStays: staying('f'), rejectedStays: staying('r'), absent }
}

/** Rows marked as deleted are not touched. */
async function deletedCondition(client: ClientBase, plan: StreamPlan): Promise<string> {
  const { deletes } = plan
  const destination = tableOf(plan)
  if (deletes.mode !== 'soft') return ''
  const there = await findTable(client, pgName(destination.schema), pgName(destination.table))
  return there?.columns.some((c) => c.name === pgName(deletes.column)) ? ` and t.${quoted(deletes.column)} is null` : ''
}

/** Mode replace: the table becomes what the pages give. */
async function replaced(client: ClientBase, plan: StreamPlan, table: string, ordinal: string): Promise<Found> {
  const none = { filteredStays: 0, rejectedStays: 0, absent: 0 }
  const { rows } = await client.query<{ before: string; after: string }>(`select (select count(*) from ${table}) as before, (select count(*) from ${TEMPORARY}) as after`)
  const before = Number(rows[0]!.before)
  if (plan.key.length === 0) return { inserted: Number(rows[0]!.after), changed: 0, unchanged: 0, removed: before, columns: {}, ...none }
  const changes = await countChanges(client, plan, table, ordinal)
  return { ...changes, removed: before - changes.changed - changes.unchanged, ...none }
}

async function write(client: ClientBase, plan: StreamPlan, table: string, ordinal: string): Promise<void> {
  try {
    if (plan.mode !== 'replace') {
      await client.query(await mergeSql(client, plan, table, ordinal), [0, Number.MAX_SAFE_INTEGER])
      return
    }
    const columns = columnList(plan)
    const last = plan.key.length > 0 ? ` where ${ordinal} in (select max(${ordinal}) from ${TEMPORARY} group by ${plan.key.map(quoted).join(', ')})` : ''
    await client.query(`delete from ${table}`)
    await client.query(`insert into ${table} (${columns}) select ${columns} from ${TEMPORARY}${last} order by ${ordinal}`)
  } catch (error) {
    if (!isRowError(error)) throw error
    throw cannot(plan, error.message)
  }
}
