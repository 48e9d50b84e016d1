import type { Migration } from './types.ts'

export const migration: Migration = {
  id: 20,
  name: 'health, problems and alerts',
  sql: `
-- How each stream stands, over all its runs; written by the steps of its runs.
create table isthmus.stream_watch (
  sync text not null, stream text not null, connection text not null default '', run text not null default '',
  state text not null default 'running', since timestamptz not null default clock_timestamp(),
  error_type text, message text not null default '', cure text not null default '',
  target_ms double precision, last_success_at timestamptz, watermark_at timestamptz,
  volume text not null default '', rejects text not null default '',
  drift text not null default '', drift_at timestamptz, notice text not null default '', notice_at timestamptz,
  first_at timestamptz not null default clock_timestamp(), primary key (sync, stream)) with (fillfactor = 70);

insert into isthmus.stream_watch (sync, stream, run, state, since, last_success_at, error_type, message, cure, first_at)
select distinct on (sync, stream) sync, stream, run, outcome, finished_at,
  max(finished_at) filter (where outcome = 'completed') over (partition by sync, stream),
  case when outcome = 'failed' then error->>'type' end, case when outcome = 'failed' then coalesce(error->>'message', '') else '' end,
  case when outcome = 'failed' then coalesce(error->>'cure', '') else '' end, min(started_at) over (partition by sync, stream)
from (select r.sync, s->>'stream' as stream, r.run, s->>'outcome' as outcome, s->'error' as error, r.started_at, r.finished_at
  from isthmus.runs r cross join lateral json_array_elements(r.receipt->'streams') s where r.receipt is not null and r.finished_at is not null) e
order by sync, stream, finished_at desc;

-- What the records of the last runs of a stream look like.
create table isthmus.stream_shapes (
  sync text not null, stream text not null, run text not null, shape jsonb not null, at timestamptz not null default clock_timestamp(),
  primary key (sync, stream, run));

create table isthmus.watch_turn (one boolean primary key default true check (one), next_at timestamptz not null);
insert into isthmus.watch_turn (next_at) values ('-infinity');

create table isthmus.problems (
  id bigint generated always as identity primary key, fingerprint text not null, kind text not null, severity text not null,
  sync text, stream text, connection text, what text not null, cure text not null,
  since timestamptz not null, opened_at timestamptz not null default clock_timestamp(), seen_at timestamptz not null default clock_timestamp(), resolved_at timestamptz);
create unique index problems_open on isthmus.problems (fingerprint) where resolved_at is null;
create index problems_by_time on isthmus.problems (opened_at desc);

create table isthmus.alerts (
  id bigint generated always as identity primary key, problem bigint not null references isthmus.problems on delete cascade, event text not null, sink text not null,
  state text not null default 'pending' check (state in ('pending', 'sent', 'given up')), tries integer not null default 0, error text not null default '',
  created_at timestamptz not null default clock_timestamp(), next_at timestamptz not null default clock_timestamp(), sent_at timestamptz);
create index alerts_pending on isthmus.alerts (next_at) where state = 'pending';
create index alerts_by_problem on isthmus.alerts (problem, sink, id);

-- A credential whose end is known.
alter table isthmus.connection_health add column lapses_at timestamptz, add column lapses_what text not null default '';
create index rejects_open_streams on isthmus.rejects (sync, stream) where state = 'open';
`,
}
