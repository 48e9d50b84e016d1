import type { ClientBase, Pool } from 'pg'
import type { FoundType } from './types.ts'

/** A column of a table that exists. */
export interface FoundColumn {
  name: string
  type: FoundType
  /** As people write it: `numeric(10,2)`. */
  typeText: string
  notNull: boolean
  /** Default, identity or generated: PostgreSQL fills it when we do not. */
  filled: boolean
  /** Cannot be written. */
  generated: boolean
}

export interface FoundTable {
  /** Changes when the table is dropped and made anew. */
  oid: number
  /** r = table, p = partitioned table. */
  kind: string
  columns: FoundColumn[]
  /** Column lists of the unique indexes that `on conflict` can use. */
  unique: string[][]
}

export type Queryable = Pick<ClientBase | Pool, 'query'>

const TABLE = `
select c.oid, c.relkind as kind from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2 and c.relkind not in ('i', 'I', 't')`

const COLUMNS = `
select a.attname as name, coalesce(b.typname, t.typname) as type, case when t.typtype = 'd' then t.typtypmod else a.atttypmod end as modifier,
  format_type(a.atttypid, a.atttypmod) as "typeText", a.attnotnull or t.typnotnull as "notNull",
  a.atthasdef or a.attidentity <> '' or t.typdefault is not null as filled, a.attgenerated <> '' or a.attidentity = 'a' as generated,
  (select json_agg(e.enumlabel) from pg_enum e where e.enumtypid = t.oid) as labels
from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_type b on t.typtype = 'd' and b.oid = t.typbasetype
where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum`

const UNIQUE = `
select json_agg(a.attname) as columns
from pg_index i cross join lateral unnest(i.indkey::int2[]) with ordinality k(attnum, place)
join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
where i.indrelid = $1 and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and i.indexprs is null and k.place <= i.indnkeyatts
group by i.indexrelid`

/** What PostgreSQL knows of a table by its names there; null when there is none. Waits for no lock on it. */
export async function findTable(db: Queryable, schema: string, table: string): Promise<FoundTable | null> {
  const { rows } = await db.query<{ oid: number; kind: string }>(TABLE, [schema, table])
  const found = rows[0]
  if (!found) return null
  const columns = await db.query<{ name: string; type: string; modifier: number; typeText: string; notNull: boolean; filled: boolean; generated: boolean; labels: string[] | null }>(COLUMNS, [found.oid])
  const unique = await db.query<{ columns: string[] }>(UNIQUE, [found.oid])
  return {
    oid: found.oid,
    kind: found.kind,
    columns: columns.rows.map(({ type, modifier, labels, ...c }) => ({ ...c, type: { name: type, modifier, labels } })),
    unique: unique.rows.map((r) => r.columns),
  }
}

/** True when the table (quoted name) has no row. */
export async function isEmpty(db: Queryable, table: string): Promise<boolean> {
  return (await db.query<{ empty: boolean }>(`select not exists (select 1 from ${table}) as empty`)).rows[0]!.empty
}
