/** Changes of the schema `isthmus`, in order. What is listed here never changes; new ones are added at the end. */
export const MIGRATIONS: { id: number; name: string; sql: string }[] = [
  {
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
  },
  {
    id: 2,
    name: 'request budgets',
    sql: `
create table isthmus.budgets (account text primary key, keep bigint not null);
create table isthmus.budget_slots (account text not null, n bigint not null, at timestamptz not null, primary key (account, n));

-- Slots of an account are numbered and never go back in time: the slot N places back tells whether a window of N is full.
create function isthmus.reserve_slot(for_account text, requests bigint[], windows_ms double precision[], out slot timestamptz, out seen timestamptz)
language plpgsql as $$
declare
  last_n bigint := 0;
  last_at timestamptz;
  back_at timestamptz;
  most bigint := (select max(r) from unnest(requests) r);
begin
  perform pg_advisory_xact_lock(1769173096, hashtext(for_account));
  select b.n, b.at into last_n, last_at from isthmus.budget_slots b where b.account = for_account order by b.n desc limit 1;
  last_n := coalesce(last_n, 0);
  slot := greatest(clock_timestamp(), last_at);
  for i in 1 .. cardinality(requests) loop
    select b.at into back_at from isthmus.budget_slots b where b.account = for_account and b.n = last_n - requests[i] + 1;
    if found then
      slot := greatest(slot, back_at + make_interval(secs => (windows_ms[i] + greatest(20, windows_ms[i] / 100)) / 1000));
    end if;
  end loop;
  insert into isthmus.budget_slots (account, n, at) values (for_account, last_n + 1, slot);
  if last_n % 64 = 0 then
    insert into isthmus.budgets as b (account, keep) values (for_account, most)
      on conflict (account) do update set keep = greatest(b.keep, excluded.keep);
    delete from isthmus.budget_slots b where b.account = for_account
      and b.n <= last_n - (select k.keep from isthmus.budgets k where k.account = for_account);
  end if;
  seen := clock_timestamp();
end $$;
`,
  },
]
