import type pg from 'pg'
import type { BackfillPhase, BackfillStore, BackfillSummary } from '../model/backfill.ts'
import { redactor } from '../model/redact/index.ts'
import { inTransaction } from './transaction.ts'

const SUMMARY = `id, sync, plan, workflow_id as "workflowId", temporal_run_id as "temporalRunId", spec, outcome, progress, started_at as "startedAt", finished_at as "finishedAt"`
const ENDS: readonly BackfillPhase[] = ['completed', 'skipped', 'cancelled', 'failed']

/** A run tells how far it is every half second while it reads; its first steps and a long post take a few. */
const AT_WORK = `select exists (
  select from isthmus.runs r where r.outcome = 'running' and case when exists (select from isthmus.run_streams s where s.run = r.run)
    then exists (select from isthmus.run_streams s where s.run = r.run and s.phase not in ('waiting', 'parked', 'paused') and s.updated_at > clock_timestamp() - interval '10 s')
    else r.started_at > clock_timestamp() - interval '20 s' end) as busy`

/** Backfills and how they stand. */
export function backfillQueries(pool: pg.Pool): BackfillStore {
  return {
    async runsAtWork() {
      const { rows } = await pool.query<{ busy: boolean }>({ name: 'isthmus_runs_at_work', text: AT_WORK })
      return rows[0]!.busy
    },
    async startBackfill({ id, sync, plan, workflowId, spec }) {
      await pool.query('insert into isthmus.backfills (id, sync, plan, workflow_id, spec) values ($1, $2, $3, $4, $5) on conflict do nothing', [id, sync, plan, workflowId, JSON.stringify(spec)])
    },
    async setBackfillRun(id, temporalRunId) {
      await pool.query('update isthmus.backfills set temporal_run_id = $2 where id = $1', [id, temporalRunId])
    },
    async noteBackfill(progress) {
      const outcome = ENDS.includes(progress.phase) ? progress.phase : 'running'
      await pool.query(`update isthmus.backfills set progress = $2, outcome = $3, finished_at = case when $3 = 'running' then null else clock_timestamp() end where id = $1`, [
        progress.id, redactor.known(JSON.stringify(progress)), outcome,
      ])
    },
    async deleteBackfill(id) {
      await inTransaction(pool, async (client) => {
        await client.query('delete from isthmus.backfills where id = $1', [id])
        for (const table of ['run_log', 'run_log_once']) await client.query(`delete from isthmus.${table} where run = $1`, [id])
      })
    },
    async getBackfill(id) {
      return (await pool.query<BackfillSummary>(`select ${SUMMARY} from isthmus.backfills where id = $1`, [id])).rows[0] ?? null
    },
    async stoppedBackfills() {
      return (await pool.query<BackfillSummary>(`select ${SUMMARY} from isthmus.backfills where outcome = 'running' and progress->>'phase' in ('stopped', 'paused') and json_array_length(progress->'stopped') > 0 order by started_at limit 100`)).rows
    },
    async listBackfills({ sync, limit }) {
      return (await pool.query<BackfillSummary>(`select ${SUMMARY} from isthmus.backfills where $1::text is null or sync = $1 order by started_at desc, id desc limit $2`, [sync ?? null, limit])).rows
    },
  }
}
