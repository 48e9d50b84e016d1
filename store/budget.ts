import type pg from 'pg'
import type { Store } from '../model/ports.ts'
import { ClockOffset } from './clock-offset.ts'

interface Row {
  slot: string
  seen: string
}

/** Request allowances of accounts: exact sliding windows over all processes, by the database's clock. */
export function slotReserver(pool: pg.Pool): Pick<Store, 'reserve'> {
  const clock = new ClockOffset()
  return {
    async reserve(account, limits) {
      if (limits.length === 0) return new Date()
      const asked = Date.now()
      const { rows } = await pool.query<Row>({
        name: 'isthmus_reserve',
        text: `select extract(epoch from slot) * 1000 as slot, extract(epoch from seen) * 1000 as seen from isthmus.reserve_slot($1, $2, $3)`,
        values: [account, limits.map((l) => l.requests), limits.map((l) => l.ms)],
      })
      const { slot, seen } = rows[0]!
      // Rounded up: never before the moment the database gave.
      return new Date(Math.ceil(Number(slot) + clock.sample(asked, Number(seen), Date.now())))
    },
  }
}
