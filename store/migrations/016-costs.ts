import type { Migration } from './types.ts'

/**
 * Buckets of points (GraphQL): each request takes its cost from one that refills steadily. The requested cost is taken when a place is given and what was
 * not used comes back with the answer, so that the level counts what is under way at all workers; what the API says lower it only. Without costs nothing changes:
 * the question goes to `pace_places`, which it was before.
 */
export const migration: Migration = {
  id: 16,
  name: 'costs of requests',
  sql: `
alter table isthmus.accounts add cost_max double precision, add cost_rate double precision, add cost_level double precision, add cost_need double precision, add cost_at timestamptz, add cost_until timestamptz;
alter table isthmus.account_places add cost double precision;
alter function isthmus.pace(text, text, jsonb) rename to pace_places;

create function isthmus.pace(a text, me text, ask jsonb) returns jsonb language plpgsql as $$
declare
  bucket record;
  told jsonb := ask->'costs';
  t timestamptz;
  level double precision;
  need double precision;
  spare double precision;
  back double precision;
  under_way double precision;
  fit integer;
  granted integer;
  waiting integer := (ask->>'waiting')::integer;
  answer jsonb;
begin
  if told is null and not exists (select from isthmus.accounts x where x.account = a and x.cost_until > now()) then
    return isthmus.pace_places(a, me, ask);
  end if;
  insert into isthmus.accounts (account) values (a) on conflict do nothing;
  select cost_max, cost_rate, cost_level, cost_need, cost_at, cost_until into bucket from isthmus.accounts x where x.account = a for update;
  t := clock_timestamp();
  -- When the server takes the points of what is under way is not known; a full bucket does not refill. So the level never counts more than the bucket without them.
  select coalesce(sum(p.cost), 0) into under_way from isthmus.account_places p where p.account = a and p.cost is not null and p.sent is null and p.at > t - interval '1 min';
  level := least(bucket.cost_max - under_way, bucket.cost_level + bucket.cost_rate * extract(epoch from t - bucket.cost_at));
  if told ? 'max' then
    if bucket.cost_until is null or bucket.cost_until <= t then perform pg_notify('isthmus_accounts', a); level := null; bucket.cost_need := 0; end if;
    bucket.cost_max := (told->>'max')::double precision;
    bucket.cost_rate := (told->>'rate')::double precision;
    bucket.cost_need := greatest(bucket.cost_need * 0.99, (told->>'need')::double precision);
    bucket.cost_until := t + interval '1 hour';
    -- A window that never fills: it makes every request ask for a place.
    insert into isthmus.account_limits values (a, 'headers', 100000, 1000, t, bucket.cost_until)
      on conflict (account, source, ms, requests) do update set until = excluded.until;
  end if;
  if bucket.cost_max is null then return isthmus.pace_places(a, me, ask); end if;
  if told ? 'ended' then
    select sum(p.cost - (v->>1)::double precision) into back from jsonb_array_elements(told->'ended') v join isthmus.account_places p on p.account = a and p.n = (v->>0)::bigint;
    level := least(bucket.cost_max, level + greatest(0, coalesce(back, 0)));
    update isthmus.account_places p set cost = null from jsonb_array_elements(told->'ended') v where p.account = a and p.n = (v->>0)::bigint;
  end if;
  if told ? 'available' then level := least(level, (told->>'available')::double precision, bucket.cost_max); end if;

  need := least(greatest(1, coalesce((ask->>'cost')::double precision, bucket.cost_need, 1)), bucket.cost_max);
  -- Levels are told in whole points, and clocks differ a little.
  spare := least(1 + bucket.cost_rate * 0.02, bucket.cost_max * 0.02, bucket.cost_max - need);
  fit := greatest(0, least(waiting, floor((level - spare) / need)::integer));
  answer := isthmus.pace_places(a, me, ask || jsonb_build_object('waiting', fit, 'interactive', least((ask->>'interactive')::integer, fit)));
  granted := (answer->>'count')::integer;
  if granted > 0 then
    update isthmus.account_places p set cost = need where p.account = a and p.n >= (answer->>'first')::bigint and p.n < (answer->>'first')::bigint + granted;
    level := level - granted * need;
  end if;
  update isthmus.accounts x set cost_max = bucket.cost_max, cost_rate = bucket.cost_rate, cost_level = level, cost_need = bucket.cost_need, cost_at = t, cost_until = bucket.cost_until where x.account = a;
  if fit < waiting and answer->>'why' = '' then
    answer := answer || jsonb_build_object('why', 'cost', 'waitMs', greatest((answer->>'waitMs')::double precision, 10, (need + spare - level) / bucket.cost_rate * 1000));
  end if;
  return answer || jsonb_build_object('costs', true);
end $$;
`,
}
