import type { ClientBase } from 'pg'
import type { StreamPlan } from '../../model/plan.ts'
import type { CompleteResult } from '../../model/run.ts'
import { tableOf } from '../../model/table-name.ts'
import { sameKey } from './generation.ts'
import { columnList } from './load.ts'
import { quotedTable } from './names.ts'
import { unusual } from './unusual.ts'

/** Puts the gathered rows in place of all others, in one transaction: readers see the old rows or the new ones. */
export async function exchange(client: ClientBase, plan: StreamPlan, gathered: { schema: string; name: string; read: number }, approved: boolean): Promise<CompleteResult> {
  const side = quotedTable(gathered.schema, gathered.name)
  const target = quotedTable(tableOf(plan).schema, tableOf(plan).table)
  const { rows } = await client.query<{ live: string; after: string }>(`select (select count(*) from ${target}) as live, (select count(*) from ${side}) as after`)
  const live = Number(rows[0]!.live)
  const after = Number(rows[0]!.after)
  const fewer = Math.max(0, live - after)
  const reason = unusual(plan, { gone: fewer, live, empty: after === 0, read: gathered.read })
  const removed = plan.key.length === 0 ? fewer : await withoutPlace(client, plan, target, side)
  if (reason !== null && !approved) return { kind: 'approval', removed, rows: live, reason }
  const columns = columnList(plan)
  await client.query(`delete from ${target}`)
  await client.query(`insert into ${target} (${columns}) select ${columns} from ${side}`)
  await client.query(`drop table ${side}`)
  return { kind: 'done', removed }
}

/** Rows whose key is not among the gathered ones. */
async function withoutPlace(client: ClientBase, plan: StreamPlan, target: string, side: string): Promise<number> {
  const { rows } = await client.query<{ n: string }>(`select count(*) as n from ${target} t where not exists (select 1 from ${side} s where ${sameKey(plan, 's', 't')})`)
  return Number(rows[0]!.n)
}
