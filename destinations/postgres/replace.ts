import type { ClientBase } from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import type { StreamPlan } from '../../model/plan.ts'
import { columnList } from './load.ts'
import { quotedTable } from './names.ts'
import { isRowError } from './row-errors.ts'

/** Puts the gathered rows in place of all others, in the transaction of the last chunk: readers see the old rows or the new ones. */
export async function swapIn(client: ClientBase, plan: StreamPlan, side: string): Promise<void> {
  const { schema, table } = plan.destination
  const target = quotedTable(schema, table)
  const columns = columnList(plan)
  try {
    await client.query(`delete from ${target}`)
    await client.query(`insert into ${target} (${columns}) select ${columns} from ${side}`)
    await client.query(`drop table ${side}`)
  } catch (error) {
    if (!isRowError(error)) throw error
    throw new IsthmusError('DestinationMismatch', `The rows of ${schema}.${table} cannot be replaced: ${error.message}`, {
      field: 'mode', cure: 'take away what refers to the table, or use mode upsert', cause: error,
    })
  }
}
