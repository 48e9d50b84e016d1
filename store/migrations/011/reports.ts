/** What a process tells of how its requests ended: successes and failures, a refusal, what headers said. */
export const reports = `
create function isthmus.account_report(inout acc isthmus.accounts, t timestamptz, me text, told jsonb, out tell boolean, out closed bigint)
language plpgsql as $$
declare
  heard jsonb := told->'heard';
  refusal jsonb := told->'throttled';
  pause double precision;
  rate integer;
  w jsonb;
  top record;
begin
  tell := false;
  if (told->>'ok')::boolean then
    if acc.open_until is not null then
      closed := acc.opening; acc.open_until := null; acc.probe_until := null; acc.probe_process := null; acc.closed_at := t; tell := true;
    end if;
    acc.failures := 0; acc.failing_since := null;
    if refusal is null and coalesce(acc.blocked_until, t) <= t then acc.strikes := greatest(0, acc.strikes - 1); end if;
  end if;

  if (told->>'fails')::integer > 0 then
    acc.failures := acc.failures + (told->>'fails')::integer;
    acc.failing_since := coalesce(acc.failing_since, t);
    acc.failure := told->>'reason'; acc.failure_type := told->>'type';
    if acc.open_until is null and acc.failures >= 5 then
      acc.opening := acc.opening + 1; acc.opened_at := t; acc.open_ms := 2000; acc.open_until := t + interval '2 s'; tell := true;
    elsif acc.open_until is not null and (told->>'probe')::boolean then
      acc.open_ms := least(acc.open_ms * 2, 300000); acc.open_until := t + make_interval(secs => acc.open_ms / 1000); tell := true;
    end if;
  end if;
  if (told->>'probe')::boolean and acc.probe_process = me then acc.probe_until := null; acc.probe_process := null; end if;

  if heard is not null then
    for w in select * from jsonb_array_elements(heard->'windows') loop
      -- Guessed lengths are lower bounds: the longest one seen counts.
      select * into top from isthmus.account_limits l where l.account = acc.account and l.source = 'headers' and l.requests = (w->>'requests')::integer and l.until > t order by l.ms desc limit 1;
      if (heard->>'guessed')::boolean and found and top.ms >= (w->>'ms')::double precision then
        update isthmus.account_limits l set until = t + make_interval(secs => greatest(3600, 2 * l.ms / 1000)) where l.account = acc.account and l.source = 'headers' and l.ms = top.ms and l.requests = top.requests;
      else
        -- The last answer is right: an API may have changed its limits.
        delete from isthmus.account_limits l where l.account = acc.account and l.source = 'headers'
          and not exists (select from jsonb_array_elements(heard->'windows') v where (v->>'requests')::integer = l.requests and (v->>'ms')::double precision = l.ms);
        insert into isthmus.account_limits values (acc.account, 'headers', (w->>'requests')::integer, (w->>'ms')::double precision, t, t + make_interval(secs => greatest(3600, 2 * (w->>'ms')::double precision / 1000)))
          on conflict (account, source, ms, requests) do update set until = excluded.until;
        tell := tell or top is null;
      end if;
    end loop;
    if heard->>'remaining' is not null and heard->>'resetMs' is not null and jsonb_array_length(heard->'windows') > 0 then
      select max((v->>'requests')::integer) as requests, max((v->>'ms')::double precision) as ms into top from jsonb_array_elements(heard->'windows') v;
      select count(*) into rate from isthmus.account_places p where p.account = acc.account and p.n > acc.last_n - top.requests and p.at > t - make_interval(secs => (top.ms + 100) / 1000);
      if jsonb_array_length(heard->'windows') = 1 and rate >= top.requests - (heard->>'remaining')::integer then
        acc.hold_until := null;
      else
        acc.hold_n := coalesce((told->>'n')::bigint, acc.last_n - (told->>'using')::integer) + (heard->>'remaining')::integer;
        acc.hold_until := t + make_interval(secs => (heard->>'resetMs')::double precision / 1000);
      end if;
    end if;
  end if;

  if refusal is not null then
    -- Answers to requests that were under way when the pause began are the same refusal.
    if acc.struck_at is null or t - make_interval(secs => (refusal->>'sentAgo')::double precision / 1000) >= acc.struck_at then
      acc.strikes := case when acc.blocked_until < t - interval '2 min' then 1 else acc.strikes + 1 end;
      acc.struck_at := t;
      if not exists (select from isthmus.account_limits l where l.account = acc.account and l.source = 'headers' and l.until > t) and coalesce((refusal->>'ms')::double precision, 0) <= 60000 then
        select greatest(count(*), (refusal->>'rate')::integer) into rate from isthmus.account_places p where p.account = acc.account and p.n > acc.last_n - 5000 and p.at > t - interval '1 s';
        delete from isthmus.account_limits l where l.account = acc.account and l.source = 'guess';
        insert into isthmus.account_limits values (acc.account, 'guess', greatest(1, floor(rate * case when acc.strikes = 1 then 0.9 else 0.7 end)::integer), 1000, t, t + interval '2 min');
      end if;
    end if;
    pause := coalesce((refusal->>'ms')::double precision, 0);
    if refusal->>'ms' is null or acc.strikes > 1 then pause := greatest(pause, least(300000, 1000 * 2 ^ least(acc.strikes - 1, 10) * (1 + random() / 2))); end if;
    if acc.blocked_until is null or t + make_interval(secs => pause / 1000) > acc.blocked_until then
      acc.blocked_until := t + make_interval(secs => pause / 1000); acc.blocked_reason := refusal->>'reason';
    end if;
    tell := true;
  end if;
end $$;
`
