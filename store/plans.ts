import type pg from 'pg'
import { IsthmusError } from '../model/errors.ts'
import type { Plan } from '../model/plan.ts'
import type { Store } from '../model/ports.ts'

/** Plans by their hash. */
export function planQueries(pool: pg.Pool): Pick<Store, 'savePlan' | 'getPlan'> {
  return {
    async savePlan(plan) {
      await pool.query('insert into isthmus.plans (hash, sync, plan) values ($1, $2, $3) on conflict do nothing', [plan.hash, plan.id, JSON.stringify(plan)])
    },
    async getPlan(hash) {
      const { rows } = await pool.query<{ plan: Plan }>('select plan from isthmus.plans where hash = $1', [hash])
      if (!rows[0]) throw new IsthmusError('NotFound', `There is no plan ${hash} in the database of Isthmus`, { cure: 'start the sync again' })
      return rows[0].plan
    },
  }
}
