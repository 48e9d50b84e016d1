import type { Migration } from './types.ts'

/** Backfills: what was asked for, and how each stood when its phase last changed. Temporal is the truth about those that are open. */
export const migration: Migration = {
  id: 17,
  name: 'backfills',
  sql: `
create table isthmus.backfills (
  id text primary key, sync text not null, plan text not null, workflow_id text not null, temporal_run_id text not null default '',
  spec json not null, outcome text not null default 'running', progress json,
  started_at timestamptz not null default clock_timestamp(), finished_at timestamptz);
create index backfills_by_sync on isthmus.backfills (sync, started_at desc);
`,
}
