import type { StreamPlan } from './plan.ts'

/** The destination as people read it, for example `public.orders`. */
export function tableName({ destination }: Pick<StreamPlan, 'destination'>): string {
  return `${destination.schema}.${destination.table}`
}
