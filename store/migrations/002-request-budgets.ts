import type { Migration } from './types.ts'

export const migration: Migration = {
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
}
