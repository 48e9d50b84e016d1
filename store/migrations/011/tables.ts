/** What is known of accounts at providers, over all processes. */
export const tables = `
drop function isthmus.reserve_slot(text, bigint[], double precision[]);
drop table isthmus.budget_slots, isthmus.budgets;

create table isthmus.accounts (
  account text primary key,
  -- Places are numbered; the last one given.
  last_n bigint not null default 0,
  -- A pause that the API asked for. Strikes: pauses in a row, each grows the next.
  blocked_until timestamptz, blocked_reason text not null default '', strikes integer not null default 0, struck_at timestamptz,
  -- Its headers leave places up to this number until then, although our own requests do not explain it: others use the account too.
  hold_n bigint, hold_until timestamptz,
  -- Circuit breaker: open while open_until is not null; then one probe at a time. Openings are numbered.
  failures integer not null default 0, failing_since timestamptz, failure text not null default '', failure_type text not null default '',
  opening bigint not null default 0, opened_at timestamptz, open_until timestamptz, open_ms double precision not null default 0,
  probe_until timestamptz, probe_process text, closed_at timestamptz,
  touched_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

-- Windows that hold, whoever knows them: declared by a sync, learnt from headers, guessed after a refusal. ms 0: requests under way at once.
create table isthmus.account_limits (
  account text not null, source text not null, requests integer not null, ms double precision not null,
  since timestamptz not null, until timestamptz not null, primary key (account, source, ms, requests));

create table isthmus.account_processes (
  account text not null, process text not null, holds integer not null, using_now integer not null, waiting integer not null, interactive integer not null,
  seen_at timestamptz not null, granted_at timestamptz, yielded_at timestamptz, primary key (account, process)
) with (fillfactor = 50);

-- One row a request, as long as its longest window lasts. ms: sent and answered at most so long after at; slow: by how much the answer took longer than the quick ones.
create table isthmus.account_places (
  account text not null, n bigint not null, at timestamptz not null, quick real not null, sent real, slow real, answered real, primary key (account, n)
) with (fillfactor = 80);

create table isthmus.run_log_once (run text not null, key text not null, stream text not null, primary key (run, key));
create index run_log_once_by_key on isthmus.run_log_once (key);
`
