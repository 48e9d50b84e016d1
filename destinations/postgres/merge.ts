import type { ClientBase } from 'pg'
import type { StreamPlan } from '../../model/plan.ts'
import type { Chunk, Loaded } from './load.ts'
import { columnList } from './load.ts'
import { pgName, quoted } from './names.ts'
import { loadAround } from './split.ts'

/** Table in which rows wait to be merged. */
export const TEMPORARY = 'pg_temp.isthmus_chunk'

/** Looks at the rows in `TEMPORARY` before they are merged; may take some out. Gives the places of those, counted from 0 in the order of `ordinal`. */
export type Sieve = (ordinal: string) => Promise<number[]>

/** Makes the temporary table for rows of `table`; gives the name of its column that orders them, which is no column of the table. */
export async function makeTemporary(client: ClientBase, plan: StreamPlan, table: string, numbering: 'generated' | 'given'): Promise<string> {
  const taken = new Set(plan.columns.map((c) => pgName(c.name)))
  let ordinal = 'isthmus_ordinal'
  while (taken.has(ordinal) || (await hasColumn(client, table, ordinal))) ordinal += '_'
  // Constraints on single rows are checked while the table is filled, where the line is known.
  await client.query(
    `set local work_mem = '64MB'; set local client_min_messages = 'warning'; drop table if exists ${TEMPORARY};
     create temporary table isthmus_chunk (like ${table} including defaults including constraints including identity including generated) on commit drop;
     alter table ${TEMPORARY} add column ${ordinal} bigint ${numbering === 'generated' ? 'generated always as identity' : ''}`,
  )
  return ordinal
}

/** Merges a chunk by key through a temporary table that `fill` fills in the order of the rows; gives exact counts of the rows that `sieve` leaves in. */
export async function mergeChunk(chunk: Chunk, fill: (table: string) => Promise<number>, sieve?: Sieve): Promise<Loaded> {
  const { client, plan, table, refusals } = chunk
  const ordinal = await makeTemporary(client, plan, table, 'generated')
  const filled = await fill(TEMPORARY)
  let lines = linesWithout(chunk.rows, (line) => refusals.has(line))
  if (sieve) {
    const out = new Set(await sieve(ordinal))
    lines = lines.filter((_, place) => !out.has(place))
  }
  const count = sieve ? lines.length : filled
  const total: Loaded = { inserted: 0, updated: 0, unchanged: 0 }
  const sql = await mergeSql(client, plan, table, ordinal, chunk.newest ?? null)
  let ordinals: number[] | null = null
  // Ordinals have gaps where rows were refused.
  const numbered = async () => (ordinals ??= (await client.query<{ n: string }>(`select ${ordinal} as n from ${TEMPORARY} order by 1`)).rows.map((r) => Number(r.n)))
  const load = async (from: number, to: number) => {
    const whole = from === 0 && to === count
    const bounds = whole ? [0, Number.MAX_SAFE_INTEGER] : [(await numbered())[from]!, (await numbered())[to - 1]!]
    const { rows } = await client.query<{ keys: string; inserted: string; updated: string }>(sql, bounds)
    const keys = Number(rows[0]!.keys)
    const inserted = Number(rows[0]!.inserted)
    const updated = Number(rows[0]!.updated)
    total.inserted += inserted
    // A row that another one of the same chunk follows counts as updated when they differ.
    const followed = to - from - keys
    const changed = followed === 0 ? 0 : Number((await client.query<{ n: string }>(await changedSql(client, plan, table, ordinal), bounds)).rows[0]!.n)
    total.updated += updated + changed
    total.unchanged += keys - inserted - updated + (followed - changed)
  }
  await loadAround(client, 0, count, load, (item, error) => refusals.add(lines[item]!, error))
  await chunk.seen?.takeFrom(TEMPORARY)
  await client.query(`drop table ${TEMPORARY}`)
  return total
}

function linesWithout(rows: number, refused: (line: number) => boolean): number[] {
  const lines: number[] = []
  for (let line = 0; line < rows; line++) if (!refused(line)) lines.push(line)
  return lines
}

async function hasColumn(client: ClientBase, table: string, column: string): Promise<boolean> {
  return (await client.query('select 1 from pg_attribute where attrelid = $1::regclass and attname = $2', [table, column])).rows.length > 0
}

/**
 * Statement that merges the rows with ordinals $1..$2 and counts keys, inserted and updated rows. With `newest` a row stays that has a higher value in
 * that column: the condition is judged on the row as it is when it is locked, so another transaction's newer row is never overwritten.
 */
export async function mergeSql(client: ClientBase, plan: StreamPlan, table: string, ordinal: string, newest: string | null = null): Promise<string> {
  const { kind, types } = await facts(client, table)
  const key = plan.key.map(quoted).join(', ')
  const columns = columnList(plan)
  const others = plan.columns.filter((c) => !plan.key.includes(c.name))
  const compared = comparer(types)
  const differs = others.map((c) => `${compared('t', c.name)} is distinct from ${compared('excluded', c.name)}`).join(' or ')
  // A record that is there has no mark of a soft delete: one that comes back loses it, also when nothing else differs.
  const mark = plan.deletes.mode === 'soft' && types.has(pgName(plan.deletes.column)) ? quoted(plan.deletes.column) : null
  const set = [...others.map((c) => `${quoted(c.name)} = excluded.${quoted(c.name)}`), ...(mark ? [`${mark} = null`] : [])].join(', ')
  const changed = [differs, ...(mark ? [`t.${mark} is not null`] : [])].filter(Boolean).join(' or ')
  const where = newest === null ? changed : `(${changed}) and (t.${quoted(newest)} > excluded.${quoted(newest)}) is not true`
  const action = set ? `do update set ${set} where ${where}` : 'do nothing'
  // Partitioned tables cannot return xmax: there, what existed before is counted as the statement began.
  const partitioned = kind === 'p'
  const existed = `(select count(*) from src s where exists (select 1 from ${table} e where ${plan.key.map((k) => `e.${quoted(k)} = s.${quoted(k)}`).join(' and ')}))`
  const inserted = partitioned ? `(select count(*) from src) - ${existed}` : '(select count(*) from done where fresh)'
  const updated = partitioned ? `(select count(*) from done) - ((select count(*) from src) - ${existed})` : '(select count(*) from done where not fresh)'
  return `
with last as (select max(${ordinal}) as n from ${TEMPORARY} where ${ordinal} between $1 and $2 group by ${key}),
src as materialized (select c.* from ${TEMPORARY} c join last on last.n = c.${ordinal} order by c.${ordinal}),
done as (
  insert into ${table} as t (${columns}) select ${columns} from src
  on conflict (${key}) ${action} returning ${partitioned ? 'true' : '(t.xmax = 0)'} as fresh)
select (select count(*) from src) as keys, ${inserted} as inserted, ${updated} as updated`
}

/** Statement that counts the rows with ordinals $1..$2 that differ from the next one of their key. */
async function changedSql(client: ClientBase, plan: StreamPlan, table: string, ordinal: string): Promise<string> {
  const compared = comparer((await facts(client, table)).types)
  const differs = plan.columns.filter((c) => !plan.key.includes(c.name)).map((c) => `${compared('a', c.name)} is distinct from ${compared('b', c.name)}`).join(' or ')
  return `
with pairs as (
  select * from (
    select ${ordinal} as one, lead(${ordinal}) over (partition by ${plan.key.map(quoted).join(', ')} order by ${ordinal}) as next
    from ${TEMPORARY} where ${ordinal} between $1 and $2) p
  where next is not null)
select count(*) as n from pairs join ${TEMPORARY} a on a.${ordinal} = pairs.one join ${TEMPORARY} b on b.${ordinal} = pairs.next
where ${differs || 'false'}`
}

/** A column as it is compared: json has no equality, and citext and some collations take different texts as equal. */
export function comparer(types: Map<string, string>): (alias: string, name: string) => string {
  return (alias, name) => `${alias}.${quoted(name)}${/^(json|citext|text|varchar)$/.test(types.get(pgName(name)) ?? '') ? '::text collate "C"' : ''}`
}

export async function facts(client: ClientBase, table: string): Promise<{ kind: string; types: Map<string, string> }> {
  const { rows } = await client.query<{ kind: string; name: string; type: string }>(
    `select c.relkind as kind, a.attname as name, coalesce(b.typname, t.typname) as type
     from pg_class c join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
     left join pg_type b on t.typtype = 'd' and b.oid = t.typbasetype
     where c.oid = $1::regclass and a.attnum > 0 and not a.attisdropped`,
    [table],
  )
  return { kind: rows[0]!.kind, types: new Map(rows.map((r) => [r.name, r.type])) }
}
