import type { ClientBase } from 'pg'
import type { Column, StreamPlan } from '../../model/plan.ts'
import { tableOf } from '../../model/table-name.ts'
import { STATE_LOCK } from '../../store/index.ts'
import { findTable, isEmpty, type Queryable } from './catalog.ts'
import { lacksMark, missingColumns } from './compare.ts'
import { pgName, quoted, quotedTable } from './names.ts'
import { sqlType } from './types.ts'

const CHECKPOINTS = `
create table if not exists isthmus.checkpoints (
  stream_key text primary key, epoch bigint not null default 0, seq integer not null default 0, run text not null default '',
  scan text not null default '', resumed boolean not null default false, complete boolean not null default true,
  position json, watermark text, pending text, scan_since text,
  -- Identity (oid) of the table the watermark speaks of: a table made anew gets everything again.
  target bigint,
  -- Every chunk of this epoch so far was new rows only: the next one is tried by COPY straight into the table. null = not known.
  fresh boolean,
  -- Table in which mode replace gathers its rows, in the schema of the target, and what it was made for.
  side text, side_schema text, side_shape text,
  last_result json, updated_at timestamptz not null default now())`

const COMPLETION = `
alter table isthmus.checkpoints
  -- All chunks are there; complete follows when rows that are gone were removed, or the table was exchanged.
  add column if not exists ended boolean not null default false,
  -- Records read: by this scan, and by the last complete one without lower bound.
  add column if not exists scan_read bigint not null default 0, add column if not exists full_read bigint,
  -- Keys this scan has seen (see generation.ts), and how it was completed.
  add column if not exists generation json, add column if not exists completed json`

/** Makes schema, table, missing columns and the table of checkpoints. Processes that do so at once take turns. */
export async function prepareTables(client: ClientBase, plan: StreamPlan): Promise<void> {
  const { schema, table } = tableOf(plan)
  await prepareCheckpoints(client)
  if (!(await exists(client, pgName(schema)))) await client.query(`create schema ${quoted(schema)}`)
  const name = quotedTable(schema, table)
  const found = await findTable(client, pgName(schema), pgName(table))
  if (!found) {
    await client.query(`create table ${name} (${definitions(plan)})`)
    return
  }
  const missing = missingColumns(plan, found)
  const mark = lacksMark(plan, found)
  if (missing.length === 0 && !mark) return
  const empty = await isEmpty(client, name)
  const added = [...missing.map((c) => definition(c, empty)), ...(mark ? [markDefinition(plan)] : [])]
  await client.query(`alter table ${name} ${added.map((column) => `add column ${column}`).join(', ')}`)
}

/** The table of checkpoints is there, and as this version needs it. */
export async function hasCheckpoints(db: Queryable): Promise<boolean> {
  const found = await findTable(db, 'isthmus', 'checkpoints')
  return found?.columns.some((c) => c.name === 'completed') ?? false
}

/** Makes the table of checkpoints; `client` is in a transaction. */
export async function prepareCheckpoints(client: ClientBase): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [STATE_LOCK])
  // `if not exists` asks for the right to create even when there is nothing to create.
  if (!(await exists(client, 'isthmus'))) await client.query('create schema isthmus')
  if (!(await findTable(client, 'isthmus', 'checkpoints'))) await client.query(CHECKPOINTS)
  if (!(await hasCheckpoints(client))) await client.query(COMPLETION)
}

export async function exists(client: Pick<ClientBase, 'query'>, schema: string): Promise<boolean> {
  return (await client.query('select 1 from pg_namespace where nspname = $1', [schema])).rows.length > 0
}

function definitions(plan: StreamPlan): string {
  const { columns, key, mode, deletes } = plan
  const lines = columns.map((c) => definition(c, true))
  if (deletes.mode === 'soft') lines.push(markDefinition(plan))
  if (key.length > 0 && mode !== 'append') lines.push(`primary key (${key.map(quoted).join(', ')})`)
  return lines.join(', ')
}

function markDefinition({ deletes }: StreamPlan): string {
  return `${quoted(deletes.column)} timestamp with time zone`
}

function definition({ name, type, nullable }: Column, mayBeNotNull: boolean): string {
  return `${quoted(name)} ${sqlType(type)}${!nullable && mayBeNotNull ? ' not null' : ''}`
}
