import type { StreamPlan } from '../../model/plan.ts'
import { tableOf } from '../../model/table-name.ts'

/** So few rows are never unusual: a share means nothing in a small table. */
const FEW = 5

export interface Removal {
  /** Rows that would go. */
  gone: number
  /** Rows that are there now. */
  live: number
  /** Nothing takes the place of what would go. */
  empty: boolean
  /** Records the scan has read. */
  read: number
}

/** Why a person has to approve the removal; null when it is usual. */
export function unusual(plan: StreamPlan, { gone, live, empty, read }: Removal): string | null {
  const { deletes } = plan
  const { schema, table } = tableOf(plan)
  if (gone === 0) return null
  const rows = `${grouped(gone)} of the ${grouped(live)} rows of ${schema}.${table}`
  if (empty) return `${read === 0 ? 'the source gave no records' : `none of the ${grouped(read)} records read gives a row`}, and ${rows} would be removed`
  if (gone / live <= deletes.approveAbove || (gone <= FEW && gone < live)) return null
  return `${rows} (${percent(gone / live)}) are no longer at the source: more than ${percent(deletes.approveAbove)} have to be approved`
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(share < 0.1 ? 1 : 0))} %`
}

function grouped(n: number): string {
  return n.toLocaleString('en-US')
}
