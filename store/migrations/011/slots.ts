/**
 * Requests under way at once are shared by the processes that want some, each its equal part; the odd ones go round. What one does not
 * want the others use. A process that fell silent is dead when its session's lock is free, or after a minute.
 */
export const slots = `
create function isthmus.account_slots(a text, me text, t timestamptz, cap integer, using_now integer, demand integer, waiting integer, interactive integer, my_grant timestamptz,
  out allowed integer, out active integer, out others_interactive integer, out lagging integer)
language plpgsql as $$
declare
  held integer;
  needed integer;
  my_share integer;
  mine_more integer;
  urgent integer;
begin
  delete from isthmus.account_processes p where p.account = a and p.process <> me and p.seen_at < t - interval '2 s'
    and pg_postmaster_start_time() < t - interval '5 s'
    and (p.seen_at < t - interval '60 s' or pg_try_advisory_xact_lock(1769173098, hashtext(split_part(p.process, '/', 1))));
  with everyone as (
    select p.process, p.holds, p.using_now as used, p.waiting as waits, p.interactive as urgents, p.granted_at, p.seen_at from isthmus.account_processes p
    where p.account = a and p.process <> me and p.holds + p.waiting > 0
    union all select me, 0, $5, $7, $8, my_grant, t
  ), ranked as (
    select e.*, count(*) over () as n, row_number() over (order by e.process) as place from everyone e
  ), shares as (
    select r.*, cap / r.n::integer + case when (r.place + floor(extract(epoch from t))::bigint) % r.n < cap % r.n then 1 else 0 end as share from ranked r
  )
  select coalesce(sum(s.holds) filter (where s.process <> me), 0),
    coalesce(sum(greatest(0, least(s.share, s.used + s.waits) - s.holds)) filter (where s.process <> me), 0),
    max(s.share) filter (where s.process = me), max(s.n),
    coalesce(sum(s.urgents) filter (where s.process <> me and s.seen_at > t - interval '1 s'), 0),
    count(*) filter (where s.process <> me and s.urgents > 0 and s.holds <= s.used and s.seen_at > t - interval '1 s'),
    count(*) filter (where s.process <> me and s.waits > 0 and s.holds > s.used and s.seen_at > t - interval '500 ms'
      and coalesce(s.granted_at, '-infinity') < coalesce(my_grant, '-infinity'))
  into held, needed, my_share, active, others_interactive, urgent, lagging from shares s;
  mine_more := cap - held;
  allowed := least(demand, greatest(least(my_share, mine_more), mine_more - needed));
  if interactive > 0 then allowed := greatest(allowed, least(using_now + interactive, mine_more));
  else allowed := least(allowed, mine_more - urgent);
  end if;
  allowed := greatest(allowed, 0);
end $$;
`
