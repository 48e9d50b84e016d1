import type pg from 'pg'
import type { DeployedSchedule, ScheduleStore } from '../model/schedules.ts'
import { redactor } from '../model/redact/index.ts'
import { bounded } from './text.ts'

const SELECT = `select sync, schedule_id as "scheduleId", plan, schedule, connections, print, paused_for as "pausedFor", skipped::float8 as skipped, skipped_at as "skippedAt",
  skip_reason as "skipReason", deployed_at as "deployedAt" from isthmus.schedules`

/** Schedules that were deployed. */
export function scheduleQueries(pool: pg.Pool): ScheduleStore {
  return {
    async saveSchedule({ sync, scheduleId, plan, schedule, connections }) {
      await pool.query(
        `insert into isthmus.schedules (sync, schedule_id, plan, schedule, connections) values ($1, $2, $3, $4, $5)
         on conflict (sync) do update set schedule_id = excluded.schedule_id, plan = excluded.plan, schedule = excluded.schedule, connections = excluded.connections,
           print = '', deployed_at = clock_timestamp()`,
        [sync, scheduleId, plan, JSON.stringify(schedule), connections],
      )
    },
    async setSchedulePrint(sync, print) {
      await pool.query('update isthmus.schedules set print = $2 where sync = $1', [sync, print])
    },
    async getSchedule(sync) {
      return (await pool.query<DeployedSchedule>(`${SELECT} where sync = $1`, [sync])).rows[0] ?? null
    },
    async listSchedules({ connection } = {}) {
      return (await pool.query<DeployedSchedule>(`${SELECT} where $1::text is null or connections @> array[$1] order by sync collate "C"`, [connection ?? null])).rows
    },
    async removeSchedule(sync) {
      await pool.query('delete from isthmus.schedules where sync = $1', [sync])
    },
    async setSchedulePausedFor(sync, connection) {
      await pool.query('update isthmus.schedules set paused_for = $2 where sync = $1', [sync, connection])
    },
    async noteScheduleSkip(sync, reason) {
      await pool.query('update isthmus.schedules set skipped = skipped + 1, skipped_at = clock_timestamp(), skip_reason = $2 where sync = $1', [sync, bounded(redactor.text(reason), 500)])
    },
  }
}
