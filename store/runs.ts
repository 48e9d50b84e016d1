import type pg from 'pg'
import type { LiveProgress, RunSummary, Store } from '../model/ports.ts'
import type { Counts } from '../model/run.ts'
import { redactor } from '../model/redact/index.ts'
import { bounded } from './text.ts'
import { inTransaction } from './transaction.ts'

type RunMethods = 'startRun' | 'setTemporalRun' | 'finishRun' | 'deleteRun' | 'planOf' | 'getRun' | 'listRuns' | 'progress' | 'saveProgress'

const SUMMARY = `run, sync, outcome, started_at as "startedAt", finished_at as "finishedAt", due_at as "dueAt", workflow_id as "workflowId",
  temporal_run_id as "temporalRunId", receipt, error`

const NO_COUNTS: Counts = {
  read: 0, inserted: 0, updated: 0, unchanged: 0, deleted: 0, filtered: 0, rejected: 0, removed: 0, pages: 0, requests: 0, chunks: 0, bytes: 0,
}

/** Runs and their live view. */
export function runQueries(pool: pg.Pool): Pick<Store, RunMethods> {
  return {
    async startRun({ run, sync, plan, workflowId, dueAt }) {
      await pool.query('insert into isthmus.runs (run, sync, plan, workflow_id, due_at) values ($1, $2, $3, $4, $5) on conflict do nothing', [run, sync, plan, workflowId, dueAt ?? null])
    },
    async setTemporalRun(run, temporalRunId) {
      await pool.query('update isthmus.runs set temporal_run_id = $2 where run = $1', [run, temporalRunId])
    },
    async finishRun(receipt, error) {
      await pool.query('update isthmus.runs set outcome = $2, receipt = $3, error = $4, finished_at = clock_timestamp() where run = $1', [
        receipt.run, receipt.outcome, redactor.known(JSON.stringify(receipt)), error === null ? null : bounded(redactor.text(error), 4_000),
      ])
    },
    async deleteRun(run) {
      await inTransaction(pool, async (client) => {
        for (const table of ['runs', 'run_streams', 'run_log', 'run_log_once', 'rejects']) await client.query(`delete from isthmus.${table} where run = $1`, [run])
      })
    },
    async planOf(run) {
      return (await pool.query<{ plan: string }>('select plan from isthmus.runs where run = $1', [run])).rows[0]?.plan ?? null
    },
    async getRun(run) {
      return (await pool.query<RunSummary>(`select ${SUMMARY} from isthmus.runs where run = $1`, [run])).rows[0] ?? null
    },
    async listRuns({ sync, tenant, limit }) {
      const { rows } = await pool.query<RunSummary>(
        `select ${SUMMARY} from isthmus.runs where ($1::text is null or sync = $1) and ($3::text is null or tenant = $3) order by started_at desc, run desc limit $2`,
        [sync ?? null, limit, tenant ?? null],
      )
      return rows
    },
    async progress(run) {
      const { rows } = await pool.query<LiveProgress>('select stream, phase, counts, wait, updated_at as at from isthmus.run_streams where run = $1 order by stream', [run])
      return rows
    },
    async saveProgress(run, { stream, phase, counts, wait }) {
      await pool.query(
        `insert into isthmus.run_streams as s (run, stream, phase, counts, wait) values ($1, $2, coalesce($3, 'posting'), $4::jsonb || $5::jsonb, $6)
         on conflict (run, stream) do update
         set phase = coalesce($3, s.phase), counts = s.counts || $5::jsonb, wait = case when $3::text is null then s.wait else excluded.wait end, updated_at = clock_timestamp()`,
        [run, stream, phase ?? null, JSON.stringify(NO_COUNTS), JSON.stringify(counts), wait ? JSON.stringify({ ...wait, reason: bounded(redactor.text(wait.reason), 500) }) : null],
      )
    },
  }
}
