import { IsthmusError } from './errors.ts'
import type { StreamPlan, TableDestination } from './plan.ts'

/** The destination as people read it, for example `public.orders` or `contact.upsert of crm`. */
export function tableName({ destination }: Pick<StreamPlan, 'destination'>): string {
  return destination.kind === 'postgres' ? `${destination.schema}.${destination.table}` : `${destination.action.name} of ${destination.connection}`
}

/** A stream that goes to a table. */
export type TablePlan = StreamPlan & { destination: TableDestination }

/** The table of a stream that goes to a database. Throws InvalidInput for another destination. */
export function tableOf({ destination }: Pick<StreamPlan, 'destination'>): TableDestination {
  if (destination.kind === 'postgres') return destination
  throw new IsthmusError('InvalidInput', `${destination.action.name} is an action, not a table`, { field: 'to', cure: 'use this with a stream that goes to a table' })
}
