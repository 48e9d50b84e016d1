import type { Migration } from './types.ts'

export const migration: Migration = {
  id: 1,
  name: 'first tables',
  sql: `
create table isthmus.meta (name text primary key, value text not null);

create table isthmus.plans (
  hash text primary key, sync text not null, plan json not null, saved_at timestamptz not null default now());

create table isthmus.runs (
  run text primary key, sync text not null, plan text not null, workflow_id text not null, temporal_run_id text not null default '',
  outcome text not null default 'running', started_at timestamptz not null default clock_timestamp(), finished_at timestamptz,
  receipt json, error text);
create index runs_by_start on isthmus.runs (started_at desc);
create index runs_by_sync on isthmus.runs (sync, started_at desc);

create table isthmus.run_streams (
  run text not null, stream text not null, phase text not null, counts jsonb not null, wait jsonb,
  updated_at timestamptz not null default clock_timestamp(), primary key (run, stream));

create table isthmus.run_log (
  id bigint generated always as identity primary key, run text not null, stream text not null, level text not null,
  message text not null, at timestamptz not null default clock_timestamp());
create index run_log_by_run on isthmus.run_log (run, id);

create table isthmus.rejects (
  run text not null, stream text not null, seq integer not null, index bigint not null, sync text not null,
  field text not null, reason text not null, raw text not null,
  -- The raw text held NUL characters, which PostgreSQL cannot store: they were replaced by U+2400.
  nul_replaced boolean not null,
  at timestamptz not null default clock_timestamp(), primary key (run, stream, seq, index));
create index rejects_by_sync on isthmus.rejects (sync, at desc);

create table isthmus.connections (connection text primary key, settings text not null, updated_at timestamptz not null default now());

create table isthmus.tokens (
  connection text primary key, version integer not null, sealed text, updated_at timestamptz not null default now());
`,
}
