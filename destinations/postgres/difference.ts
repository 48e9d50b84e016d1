import type { ClientBase } from 'pg'
import type { StreamPlan } from '../../model/plan.ts'
import type { RowChange } from '../../model/ports.ts'
import { comparer, facts, TEMPORARY } from './merge.ts'
import { pgName, quoted } from './names.ts'

/** Rows that are shown of a difference. */
const SAMPLES = 20

export interface Difference {
  inserted: number
  changed: number
  unchanged: number
  /** Rows that change, by column. */
  columns: Record<string, number>
}

/** Source text of queries that join the newest row of each key in the temporary table (`s`) with the table (`t`). */
async function joined(client: ClientBase, plan: StreamPlan, table: string, ordinal: string) {
  const { types } = await facts(client, table)
  const compared = comparer(types)
  const others = plan.columns.filter((c) => !plan.key.includes(c.name))
  // A column of the model that the table does not have yet counts as empty.
  const held = (name: string, as: (alias: string, name: string) => string) => (types.has(pgName(name)) ? as('t', name) : 'null')
  const differs = new Map(others.map((c) => [c.name, `${held(c.name, compared)} is distinct from ${compared('s', c.name)}`]))
  const from = `(select c.* from ${TEMPORARY} c join (select max(${ordinal}) as n from ${TEMPORARY} group by ${plan.key.map(quoted).join(', ')}) last on last.n = c.${ordinal}) s
    left join ${table} t on ${plan.key.map((k) => `t.${quoted(k)} = s.${quoted(k)}`).join(' and ')}`
  const there = `t.${quoted(plan.key[0]!)} is not null`
  const any = others.length > 0 ? `(${[...differs.values()].join(' or ')})` : 'false'
  return { from, there, any, differs, held }
}

/** Counts what a merge of the temporary table would change. */
export async function countChanges(client: ClientBase, plan: StreamPlan, table: string, ordinal: string): Promise<Difference> {
  const { from, there, any, differs } = await joined(client, plan, table, ordinal)
  const names = [...differs.keys()]
  const each = names.map((name, i) => `, count(*) filter (where ${there} and ${differs.get(name)}) as c${i}`).join('')
  const { rows } = await client.query<Record<string, string>>(
    `select count(*) as keys, count(*) filter (where not ${there}) as inserted, count(*) filter (where ${there} and ${any}) as changed${each} from ${from}`,
  )
  const row = rows[0]!
  const inserted = Number(row['inserted'])
  const changed = Number(row['changed'])
  const columns = Object.fromEntries(names.map((name, i) => [name, Number(row[`c${i}`])] as const).filter(([, n]) => n > 0))
  return { inserted, changed, unchanged: Number(row['keys']) - inserted - changed, columns }
}

/** Some rows that change, then some that are new; columns as text. */
export async function sampleChanges(client: ClientBase, plan: StreamPlan, table: string, ordinal: string): Promise<RowChange[]> {
  const { from, there, any, held } = await joined(client, plan, table, ordinal)
  const names = plan.columns.map((c) => c.name)
  const text = (alias: string, name: string) => `${alias}.${quoted(name)}`
  const columns = [...names.map((name) => `s.${quoted(name)}::text`), ...names.map((name) => `${held(name, text)}::text`)]
  const { rows } = await client.query<(string | null)[] & { length: number }>({
    text: `select ${there}, ${columns.join(', ')} from ${from} where not ${there} or ${any} order by ${there} desc, s.${ordinal} limit ${SAMPLES}`,
    rowMode: 'array',
  })
  return rows.map(([known, ...cells]) => {
    const after = Object.fromEntries(names.map((name, i) => [name, cells[i] ?? null]))
    const before = known ? Object.fromEntries(names.map((name, i) => [name, cells[names.length + i] ?? null])) : null
    return { key: Object.fromEntries(plan.key.map((k) => [k, after[k] ?? null])), before, after }
  })
}
