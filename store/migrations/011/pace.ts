/** One question of one process about one account: tells what happened, asks for places, in one round trip under the account's row lock. */
export const pace = `
create function isthmus.pace(a text, me text, ask jsonb) returns jsonb language plpgsql as $$
declare
  acc isthmus.accounts;
  t timestamptz;
  using_now integer := (ask->>'using')::integer;
  waiting integer := (ask->>'waiting')::integer;
  urgent integer := (ask->>'interactive')::integer;
  mine isthmus.account_processes;
  rep record;
  slot record;
  full_ record;
  bulk_ record;
  cap integer;
  want integer;
  most integer;
  gi integer := 0;
  gb integer := 0;
  wait_ms double precision := 0;
  why text := '';
  tell boolean := false;
  closed bigint;
  probe boolean := false;
  down boolean;
  before isthmus.accounts;
begin
  select * into acc from isthmus.accounts where account = a for update;
  if not found then
    insert into isthmus.accounts (account) values (a) on conflict do nothing;
    select * into acc from isthmus.accounts where account = a for update;
  end if;
  t := clock_timestamp();
  before := acc;

  if ask ? 'limits' then
    delete from isthmus.account_limits l where l.account = a and l.until <= t;
    insert into isthmus.account_limits select a, 'declared', (v->>0)::integer, (v->>1)::double precision, t, t + interval '5 min' from jsonb_array_elements(ask->'limits') v
      on conflict (account, source, ms, requests) do update set until = excluded.until;
  end if;
  if ask ? 'ended' then
    update isthmus.account_places p set sent = (v->>1)::real, slow = (v->>2)::real, answered = (v->>3)::real from jsonb_array_elements(ask->'ended') v where p.account = a and p.n = (v->>0)::bigint;
  end if;
  if ask ? 'report' then
    select * into rep from isthmus.account_report(acc, t, me, ask->'report');
    acc := rep.acc; tell := rep.tell; closed := rep.closed;
  end if;

  select * into mine from isthmus.account_processes p where p.account = a and p.process = me;
  select min(l.requests) into cap from isthmus.account_limits l where l.account = a and l.ms = 0 and l.until > t;
  select * into slot from isthmus.account_slots(a, me, t, coalesce(cap, (ask->>'cap')::integer), using_now, (ask->>'demand')::integer, waiting, urgent, mine.granted_at);
  want := greatest(0, least(waiting, slot.allowed - using_now));
  down := acc.open_until is not null;
  most := want;
  if acc.blocked_until > t then
    most := 0; wait_ms := extract(epoch from acc.blocked_until - t) * 1000; why := 'blocked';
  elsif down then
    if acc.open_until > t then
      most := 0; wait_ms := extract(epoch from acc.open_until - t) * 1000; why := 'down';
    elsif acc.probe_until > t and exists (select from isthmus.account_processes p where p.account = a and p.process = acc.probe_process) then
      most := 0; wait_ms := 100; why := 'probe';
    else
      most := least(most, 1); probe := most > 0;
    end if;
  end if;

  select * into full_ from isthmus.account_windows(a, t, acc.last_n, most, false);
  bulk_ := full_;
  if full_.windows > 0 then
    -- What a crash of this server may have lost lies before its start.
    if full_.longest_ms <= 10000 then
      perform set_config('synchronous_commit', 'off', true);
      if before.touched_at < pg_postmaster_start_time() and t < pg_postmaster_start_time() + make_interval(secs => full_.longest_ms / 1000 + 0.1) then
        most := 0; wait_ms := greatest(wait_ms, 50); why := 'window';
      end if;
    end if;
    if acc.hold_until > t and acc.hold_n - acc.last_n < most then
      most := greatest(0, acc.hold_n - acc.last_n);
      if most = 0 then wait_ms := greatest(wait_ms, extract(epoch from acc.hold_until - t) * 1000); why := 'hold'; end if;
    end if;
    if full_.longest_ms > 10000 then select * into bulk_ from isthmus.account_windows(a, t, acc.last_n, most, true); end if;
    gi := least(urgent, most, full_.free);
    gb := greatest(0, least(most - gi, bulk_.free - gi - slot.others_interactive));
    -- A process that has waited longer and can send goes first; it comes within moments, or loses its turn.
    if gb > 0 and slot.lagging > 0 and (mine.yielded_at is null or mine.yielded_at > t - interval '25 ms') then
      gb := greatest(0, gb - slot.lagging);
      mine.yielded_at := coalesce(mine.yielded_at, t);
      wait_ms := greatest(wait_ms, 5);
    end if;
    if gi + gb > 0 then
      insert into isthmus.account_places (account, n, at, quick) select a, acc.last_n + i, t, (ask->>'quick')::real from generate_series(1, gi + gb) i;
      if acc.last_n / 64 <> (acc.last_n + gi + gb) / 64 then
        delete from isthmus.account_places p where p.account = a and p.at < t - make_interval(secs => full_.longest_ms / 1000 + 5);
      end if;
      acc.last_n := acc.last_n + gi + gb;
      mine.granted_at := t; mine.yielded_at := null;
    end if;
    if why = '' and gi + gb < want then
      wait_ms := greatest(wait_ms, case when urgent > gi then full_.wait_ms else bulk_.wait_ms end);
      why := case when wait_ms > 5 then 'window' else '' end;
      wait_ms := greatest(wait_ms, 2);
    end if;
    probe := probe and gi + gb > 0;
  else
    perform set_config('synchronous_commit', 'off', true);
  end if;
  if probe then acc.probe_until := t + interval '60 s'; acc.probe_process := me; end if;

  if (ask->>'demand')::integer = 0 and using_now = 0 then
    delete from isthmus.account_processes p where p.account = a and p.process = me;
  else
    insert into isthmus.account_processes values (a, me, greatest(using_now + gi + gb, slot.allowed), using_now + gi + gb, waiting - gi - gb, greatest(0, urgent - gi), t, mine.granted_at, mine.yielded_at)
      on conflict (account, process) do update set holds = excluded.holds, using_now = excluded.using_now, waiting = excluded.waiting, interactive = excluded.interactive,
        seen_at = excluded.seen_at, granted_at = excluded.granted_at, yielded_at = excluded.yielded_at;
  end if;
  if acc is distinct from before then
    acc.touched_at := t;
    update isthmus.accounts x set last_n = acc.last_n, blocked_until = acc.blocked_until, blocked_reason = acc.blocked_reason, strikes = acc.strikes, struck_at = acc.struck_at,
      hold_n = acc.hold_n, hold_until = acc.hold_until, failures = acc.failures, failing_since = acc.failing_since, failure = acc.failure, failure_type = acc.failure_type,
      opening = acc.opening, opened_at = acc.opened_at, open_until = acc.open_until, open_ms = acc.open_ms, probe_until = acc.probe_until, probe_process = acc.probe_process,
      closed_at = acc.closed_at, touched_at = acc.touched_at
    where x.account = a;
  end if;
  if tell then perform pg_notify('isthmus_accounts', a); end if;
  return jsonb_build_object('slots', slot.allowed, 'paced', full_.windows > 0, 'first', acc.last_n - gi - gb + 1, 'count', gi + gb, 'probe', probe,
    'waitMs', wait_ms, 'why', why, 'gapMs', bulk_.gap_ms, 'active', slot.active, 'failing', acc.failures > 0 or down or acc.strikes > 0,
    'blockedMs', greatest(0, extract(epoch from acc.blocked_until - t) * 1000), 'blockedReason', acc.blocked_reason,
    'down', down, 'downMs', greatest(0, extract(epoch from acc.open_until - t) * 1000), 'downMsNext', acc.open_ms, 'since', extract(epoch from acc.failing_since) * 1000,
    'failure', acc.failure, 'failureType', acc.failure_type, 'opening', acc.opening, 'closed', closed);
end $$;
`
