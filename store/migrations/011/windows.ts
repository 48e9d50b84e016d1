/**
 * A request counts from its send to its answer: the server saw it somewhere in between. Its place in a window is free again one window after
 * the earlier of: its answer; its send plus a margin. The margin of windows up to 10 s is 20 ms + 1 % of the window, or, when that is more, the time
 * by which its answer took longer than the quickest of the account does: so long it may have lain before the server. That of longer ones is 30 ms + 2 %, at most 1 s.
 */
export const windows = `
create function isthmus.account_windows(a text, t timestamptz, last_n bigint, most integer, bulk boolean,
  out free integer, out wait_ms double precision, out gap_ms double precision, out windows integer, out longest_ms double precision)
language plpgsql as $$
declare
  w record;
  r integer;
  margin double precision;
  frees double precision[];
  back_at timestamptz;
  left_ms double precision;
  k integer;
begin
  free := most; wait_ms := 0; gap_ms := 0; windows := 0; longest_ms := 0;
  for w in select * from isthmus.account_limits l where l.account = a and l.ms > 0 and l.until > t loop
    windows := windows + 1;
    longest_ms := greatest(longest_ms, w.ms);
    r := w.requests;
    -- A guess recovers step by step until it ends.
    if w.source = 'guess' then r := r + floor(extract(epoch from t - w.since) / 5)::integer * greatest(1, w.requests / 10); end if;
    -- Of long windows a share is kept for interactive calls.
    if bulk and w.ms > 10000 then r := r - least(greatest(1, r / 20), r - 1); end if;
    gap_ms := greatest(gap_ms, w.ms / r);
    if w.ms <= 10000 then
      margin := 20 + w.ms * 0.01;
      select coalesce(array_agg(x.frees_in order by x.frees_in), '{}') into frees from (
        select least(p.answered, coalesce(p.sent, 0) + greatest(margin, least(coalesce(p.slow, p.age - p.quick), w.ms))) + w.ms - p.age as frees_in
        from (
          select q.answered, q.sent, q.slow, q.quick, extract(epoch from t - q.at) * 1000 as age from isthmus.account_places q
          where q.account = a and q.n > last_n - r * (5 + ceil(1000 / w.ms))::bigint and q.at > t - make_interval(secs => (w.ms * 2 + 1000) / 1000)) p
      ) x where x.frees_in > 0;
      k := greatest(0, r - cardinality(frees));
      if k = 0 then wait_ms := greatest(wait_ms, frees[cardinality(frees) - r + 1]); end if;
    else
      margin := least(1000, 30 + w.ms * 0.02);
      -- The margin covers all that can be late: the place r back tells whether the next one is free.
      k := 0;
      while k < greatest(most, 1) loop
        select q.at into back_at from isthmus.account_places q where q.account = a and q.n = last_n + k + 1 - r;
        left_ms := case when found then w.ms + margin - extract(epoch from t - back_at) * 1000 else 0 end;
        exit when left_ms > 0;
        k := k + 1;
      end loop;
      if k = 0 then wait_ms := greatest(wait_ms, left_ms); end if;
    end if;
    free := least(free, k);
  end loop;
end $$;
`
