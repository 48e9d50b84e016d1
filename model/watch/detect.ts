import { formatDuration } from '../duration.ts'
import { ERROR_POLICY } from '../errors.ts'
import { splitTenant } from '../tenant.ts'
import type { AccountWatch, Finding, Findings, Severity, StreamWatch } from './types.ts'

/** Severities that make a system unhealthy. */
export const SEVERE: Severity[] = ['error', 'warning']

/** Targets by sync and stream, in ms: `targets.get('acme/invoices')?.get('invoices')`. */
export type Targets = Map<string, Map<string, number>>

/** What a look has seen of the store. */
export interface Seen {
  now: Date
  streams: StreamWatch[]
  accounts: AccountWatch[]
  /** Freshness targets that hold, without those of files that do not load. A sync that is not among `syncs` is not there any more, and is not late. null: those its last run had. */
  targets: Targets | null
  syncs: Set<string> | null
  /** A breaker that is open longer is a problem, in ms. */
  breakerMs: number
  /** A credential that ends sooner is a problem, in ms. */
  lapseMs: number
}

/** How long a change of the form of records, or a notice of an API, counts as news. */
const NEWS_MS = 86_400_000
const NOTICE_MS = 7 * 86_400_000

/** The problems of streams and accounts. Decides only: what it needs is given. */
export function detect(seen: Seen): Findings {
  const findings: Finding[] = []
  const held: string[] = []
  for (const s of seen.streams) {
    if (!isThere(s, seen.syncs) && s.state !== 'parked') continue
    findings.push(...stale(s, seen), ...numbers(s), ...news(s, seen.now))
    const stop = stopped(s)
    // It tries again: neither cured nor a new problem.
    if (stop && s.state === 'running') held.push(stop.fingerprint)
    else if (stop) findings.push(stop)
  }
  findings.push(...neverRun(seen), ...seen.accounts.flatMap((a) => account(a, seen)))
  return { findings, held, kinds: ['stale', 'stopped', 'volume', 'rejects', 'drift', 'notice', 'reconnect', 'lapsing', 'breaker'] }
}

/** The stream's sync is among those of the project; one of a tenant is there when the sync is. */
export function isThere({ sync }: Pick<StreamWatch, 'sync'>, syncs: Set<string> | null): boolean {
  return syncs === null || syncs.has(splitTenant(sync).id)
}

/** How old a stream may get, in ms; null: as old as it likes. While its file does not load, what its last run had holds: a late stream is late all the same. */
export function targetOf(s: Pick<StreamWatch, 'sync' | 'stream' | 'targetMs'>, { targets, syncs }: Pick<Seen, 'targets' | 'syncs'>): number | null {
  const { id } = splitTenant(s.sync)
  const named = targets?.get(id)
  if (targets === null || (named === undefined && syncs?.has(id))) return s.targetMs
  return named?.get(s.stream) ?? null
}

/** Name of a stream as people read it: a sync of one stream of the same name is named once. */
function nameOf({ sync, stream }: { sync: string; stream: string }): string {
  return sync === stream || sync.endsWith(`/${stream}`) ? sync : `${sync}/${stream}`
}

function of(s: Pick<StreamWatch, 'sync' | 'stream' | 'connection'>, kind: Finding['kind'], severity: Severity, since: Date, what: string, cure: string, mark = ''): Finding {
  return { fingerprint: `${kind} ${s.sync}/${s.stream}${mark && ` ${mark}`}`, kind, severity, sync: s.sync, stream: s.stream, connection: s.connection || null, since, what: `${nameOf(s)}: ${what}`, cure }
}

function stale(s: StreamWatch, seen: Seen): Finding[] {
  const { now } = seen
  const target = targetOf(s, seen)
  if (target === null) return []
  const from = s.lastSuccessAt ?? s.firstAt
  const age = now.getTime() - from.getTime()
  if (age <= target) return []
  const how = s.lastSuccessAt ? `last completed ${formatDuration(age)} ago` : `has not completed since it was first run, ${formatDuration(age)} ago`
  const cure = s.state === 'parked' ? `it is parked: isthmus status ${s.sync}` : s.state === 'running' ? `a run is under way: isthmus status ${s.sync}` : `isthmus run ${s.sync}, and see that a schedule and a worker run`
  return [of(s, 'stale', 'error', new Date(from.getTime() + target), `${how}; its freshness target is ${formatDuration(target)}`, cure)]
}

/** Streams with a target that were never run, for no tenant either. Late from the moment on in which they are seen first. */
function neverRun({ streams, targets, now }: Seen): Finding[] {
  return [...(targets ?? [])].flatMap(([sync, named]) =>
    [...named].flatMap(([stream, target]) => {
      if (streams.some((s) => splitTenant(s.sync).id === sync && s.stream === stream)) return []
      return [of({ sync, stream, connection: '' }, 'stale', 'warning', now, `has never been run; its freshness target is ${formatDuration(target)}`, `isthmus run ${sync}`)]
    }),
  )
}

function stopped(s: StreamWatch): Finding | null {
  if (s.errorType === null) return null
  const owner = ERROR_POLICY[s.errorType]?.owner ?? 'operator'
  const what = `${s.state === 'failed' ? 'failed' : 'is parked'}: ${s.errorType}: ${s.message || 'without a message'}`
  const cure = `${s.cure || ERROR_POLICY[s.errorType]?.next || 'look at the run'}; then isthmus ${s.state === 'failed' ? 'run' : 'retry'} ${s.sync} (for ${owner === 'author' ? 'whoever wrote the sync' : 'an operator'})`
  return of(s, 'stopped', 'error', s.since, what, cure, s.errorType)
}

function numbers(s: StreamWatch): Finding[] {
  const found: Finding[] = []
  if (s.volume) found.push(of(s, 'volume', 'warning', s.since, s.volume, `look at the source; isthmus status ${s.sync}`))
  if (s.rejects) found.push(of(s, 'rejects', 'warning', s.since, s.rejects, `isthmus rejects list ${s.sync}`))
  return found
}

function news(s: StreamWatch, now: Date): Finding[] {
  const found: Finding[] = []
  const fresh = (at: Date | null, ms: number): at is Date => at !== null && now.getTime() - at.getTime() < ms
  if (s.drift && fresh(s.driftAt, NEWS_MS)) found.push(of(s, 'drift', 'info', s.driftAt, `the form of its records has changed: ${s.drift}`, `see whether the mapping still fits: isthmus peek ${s.sync}`, s.driftAt.toISOString()))
  if (s.notice && fresh(s.noticeAt, NOTICE_MS)) found.push(of(s, 'notice', 'info', s.noticeAt, s.notice, 'read what the provider says, and move to what follows in time'))
  return found
}

function account(a: AccountWatch, { now, breakerMs, lapseMs }: Seen): Finding[] {
  const found: Finding[] = []
  const add = (kind: 'reconnect' | 'breaker' | 'lapsing', severity: Severity, since: Date, what: string, cure: string): number =>
    found.push({ fingerprint: `${kind} ${a.connection}`, kind, severity, sync: null, stream: null, connection: a.connection, since, what: `${a.connection}: ${what}`, cure })
  if (a.reconnect) add('reconnect', 'error', a.reconnect.since, `a person has to sign in again: ${a.reconnect.reason}`, `isthmus connections rotate ${a.connection}, or put new credentials where they come from`)
  if (a.breaker && now.getTime() - a.breaker.since.getTime() > breakerMs) add('breaker', 'error', a.breaker.since, `has not answered for ${formatDuration(now.getTime() - a.breaker.since.getTime())}: ${a.breaker.reason}`, 'ask the provider; it is tried again with growing pauses by itself')
  if (a.lapses && a.lapses.at.getTime() - now.getTime() < lapseMs) {
    const left = a.lapses.at.getTime() - now.getTime()
    add('lapsing', left <= 0 ? 'error' : 'warning', new Date(a.lapses.at.getTime() - lapseMs), `${a.lapses.what} ${left <= 0 ? 'ended' : 'ends'} on ${a.lapses.at.toISOString().slice(0, 16)}Z`, `renew it in time: isthmus connections rotate ${a.connection}`)
  }
  return found
}
