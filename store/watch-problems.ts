import type pg from 'pg'
import type { Alert, AlertView, Finding, Problem, Severity, WatchStore } from '../model/watch/index.ts'
import { shown } from './text.ts'
import { inTransaction } from './transaction.ts'

type Methods = 'takeWatchTurn' | 'applyFindings' | 'problems' | 'testAlerts' | 'claimAlerts' | 'releaseAlerts' | 'alertSent' | 'alertFailed' | 'alerts' | 'alertsPending'

/** Advisory lock: one change of the problems at a time. */
const PROBLEMS_LOCK = 1769173098
const RANK: Record<Severity, number> = { info: 0, warning: 1, error: 2 }
/** What is resolved is kept so long. */
const KEEP = '90 days'

const PROBLEM = `p.id::int, p.fingerprint, p.kind, p.severity, p.sync, p.stream, p.connection, p.what, p.cure, p.since, p.opened_at as "openedAt", p.seen_at as "seenAt", p.resolved_at as "resolvedAt"`

/** Problems and the alerts that tell of them: each change is committed together with its alerts, so that none is lost. */
export function problemQueries(pool: pg.Pool): Pick<WatchStore, Methods> {
  return {
    async takeWatchTurn(everyMs) {
      const { rowCount } = await pool.query("update isthmus.watch_turn set next_at = clock_timestamp() + make_interval(secs => $1 / 1000.0) where next_at <= clock_timestamp()", [everyMs])
      return rowCount === 1
    },
    applyFindings: ({ findings, kinds, held }, sinks) =>
      inTransaction(pool, async (client) => {
        await client.query('select pg_advisory_xact_lock($1)', [PROBLEMS_LOCK])
        const opened: Problem[] = []
        for (const finding of findings) {
          const problem = await renew(client, finding)
          if (problem) opened.push(problem)
        }
        const { rows: resolved } = await client.query<Problem>(
          `update isthmus.problems p set resolved_at = clock_timestamp() where resolved_at is null and kind = any($1) and fingerprint <> all($2) returning ${PROBLEM}`,
          [kinds, [...findings.map((f) => f.fingerprint), ...held]],
        )
        for (const [event, problems] of [['opened', opened], ['resolved', resolved]] as const) {
          const told = problems.flatMap((p) => sinks.filter((s) => RANK[p.severity] >= RANK[s.severity]).map((s) => [p.id, s.name] as const))
          if (told.length > 0) await client.query('insert into isthmus.alerts (problem, event, sink) select p, $2, s from unnest($1::bigint[], $3::text[]) as t (p, s)', [told.map(([id]) => id), event, told.map(([, name]) => name)])
        }
        if (resolved.length > 0) await client.query(`delete from isthmus.problems where resolved_at < now() - interval '${KEEP}'`)
        return { opened, resolved }
      }),
    async problems({ open, limit }) {
      return (await pool.query<Problem>(`select ${PROBLEM} from isthmus.problems p where not $1 or p.resolved_at is null order by p.resolved_at is not null, p.opened_at desc, p.id desc limit $2`, [open, limit])).rows
    },
    testAlerts: (sinks) =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ id: string }>(
          `insert into isthmus.problems (fingerprint, kind, severity, what, cure, since, resolved_at)
           values ('test', 'alerts', 'info', 'This is a test of the alerts: nothing is wrong', 'nothing to do', clock_timestamp(), clock_timestamp()) returning id`,
        )
        const made = await client.query<{ id: number }>(`insert into isthmus.alerts (problem, event, sink) select $1, 'test', s from unnest($2::text[]) s returning id::int`, [rows[0]!.id, sinks])
        return made.rows.map((r) => r.id)
      }),
    async claimAlerts(leaseMs, limit, but = []) {
      const { rows } = await pool.query<Omit<Alert, 'problem'> & { problem: Problem }>(
        `with due as (
           select a.id from isthmus.alerts a where a.state = 'pending' and a.next_at <= clock_timestamp() and a.sink <> all($3)
             and not exists (select from isthmus.alerts e where e.problem = a.problem and e.sink = a.sink and e.state = 'pending' and e.id < a.id)
           order by a.id limit $2 for update skip locked),
         taken as (update isthmus.alerts a set next_at = clock_timestamp() + make_interval(secs => $1 / 1000.0), tries = a.tries + 1 from due where a.id = due.id returning a.*)
         select t.id::int, t.event, t.sink, t.tries - 1 as tries, t.created_at as "createdAt", to_jsonb(q) as problem
         from taken t cross join lateral (select ${PROBLEM} from isthmus.problems p where p.id = t.problem) q order by t.id`,
        [leaseMs, limit, but],
      )
      return rows.map((r) => ({ ...r, problem: dated(r.problem) }))
    },
    async releaseAlerts(ids) {
      await pool.query("update isthmus.alerts set tries = tries - 1, next_at = clock_timestamp() where id = any($1) and state = 'pending'", [ids])
    },
    async alertSent(id) {
      await pool.query("update isthmus.alerts set state = 'sent', sent_at = clock_timestamp(), error = '' where id = $1", [id])
    },
    async alertFailed(id, error, retryMs) {
      await pool.query("update isthmus.alerts set state = case when $3::double precision is null then 'given up' else 'pending' end, error = $2, next_at = clock_timestamp() + make_interval(secs => coalesce($3, 0) / 1000.0) where id = $1 and state = 'pending'", [id, shown(error, 500), retryMs])
    },
    async alerts({ ids, limit }) {
      const { rows } = await pool.query<AlertView>(
        `select a.id::int, a.event, a.sink, a.state, a.tries, a.error, a.created_at as "createdAt", a.sent_at as "sentAt", jsonb_build_object('id', p.id, 'kind', p.kind, 'what', p.what) as problem
         from isthmus.alerts a join isthmus.problems p on p.id = a.problem where $1::bigint[] is null or a.id = any($1) order by a.id desc limit $2`,
        [ids ?? null, limit],
      )
      return rows
    },
    async alertsPending() {
      return (await pool.query<{ n: number; since: Date | null }>("select count(*)::int as n, min(created_at) as since from isthmus.alerts where state = 'pending'")).rows[0]!
    },
  }
}

/** Opens a problem, or renews the one that is open. Gives it when it was opened. */
async function renew(client: pg.PoolClient, f: Finding): Promise<Problem | null> {
  const { rows } = await client.query<Problem & { fresh: boolean }>(
    `insert into isthmus.problems as p (fingerprint, kind, severity, sync, stream, connection, what, cure, since) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (fingerprint) where resolved_at is null do update set severity = $3, what = $7, cure = $8, seen_at = clock_timestamp()
     returning ${PROBLEM}, (xmax = 0) as fresh`,
    [f.fingerprint.slice(0, 1_000), f.kind, f.severity, f.sync, f.stream, f.connection, shown(f.what, 2_000), shown(f.cure, 1_000), f.since],
  )
  const { fresh, ...problem } = rows[0]!
  return fresh ? problem : null
}

function dated(p: Problem): Problem {
  const date = (at: unknown): Date => new Date(at as string)
  return { ...p, since: date(p.since), openedAt: date(p.openedAt), seenAt: date(p.seenAt), resolvedAt: p.resolvedAt === null ? null : date(p.resolvedAt) }
}
