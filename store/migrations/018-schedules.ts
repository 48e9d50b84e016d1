import type { Migration } from './types.ts'

/** Schedules that were deployed, and for runs the time at which they were due: null for those that somebody started. */
export const migration: Migration = {
  id: 18,
  name: 'schedules',
  sql: `
create table isthmus.schedules (
  sync text primary key, schedule_id text not null, plan text not null, schedule json not null, connections text[] not null,
  print text not null default '', paused_for text,
  skipped bigint not null default 0, skipped_at timestamptz, skip_reason text not null default '',
  deployed_at timestamptz not null default clock_timestamp());
create index schedules_by_connection on isthmus.schedules using gin (connections);

alter table isthmus.runs add due_at timestamptz;
`,
}
