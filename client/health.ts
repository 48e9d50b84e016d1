import type { Client } from '@temporalio/client'
import type { Finding, ProblemKind, Severity, StreamWatch } from '../model/watch/index.ts'
import { isThere, SEVERE, targetOf } from '../model/watch/index.ts'
import type { Store } from '../model/ports.ts'
import { checkBackfills } from '../workers/backfill-check.ts'
import { checkTemporal, checkWorkers } from '../workers/temporal-check.ts'
import { look, ProjectReader, type Check } from '../watch/index.ts'

/** One stream as far as its age is concerned. */
export interface StreamHealth {
  sync: string
  stream: string
  state: StreamWatch['state']
  lastSuccessAt: Date | null
  watermarkAt: Date | null
  /** Age of the last success; null when there was none. */
  ageMs: number | null
  /** Its freshness target; null when it has none. */
  targetMs: number | null
  rejectsOpen: number
}

/** How everything is, now. */
export interface HealthReport {
  /** False with a problem of severity `error` or `warning`. */
  healthy: boolean
  checkedAt: Date
  /** The parts that were looked at; `ok` false tells of a problem of that kind. */
  checks: { temporal: boolean; database: boolean; worker: boolean; connections: boolean; streams: boolean; alerts: boolean }
  /** Workers that poll. */
  workers: number
  /** Worst first. */
  problems: { kind: ProblemKind; severity: Severity; sync: string | null; stream: string | null; connection: string | null; since: Date; what: string; cure: string }[]
  streams: StreamHealth[]
}

/** Looks at everything; the store answers. Problems that workers have found before keep their `since`. */
export async function healthOf(store: Store, client: Client, projectDir: string): Promise<HealthReport> {
  const checkedAt = new Date()
  const project = await new ProjectReader(projectDir).read(checkedAt)
  const temporal = await checkTemporal(client, 1)
  const workers = temporal.length > 0 ? { workers: 0, findings: [] } : await checkWorkers(client)
  const checks: Check[] = [{ kind: 'temporal', run: async () => temporal }, { kind: 'worker', run: async () => workers.findings }, { kind: 'stopped', run: () => checkBackfills(store, client) }]
  const [seen, known] = await Promise.all([look(store, project, checks, checkedAt), store.problems({ open: true, limit: 1_000 })])
  const kept = known.filter((p) => seen.held.includes(p.fingerprint))
  const findings = [...seen.findings, ...kept].map((f) => ({ ...f, since: earliest(f.since, known.find((p) => p.fingerprint === f.fingerprint)?.since) }))
  const streams = seen.streams.filter((s) => isThere(s, project.syncs)).map((s): StreamHealth => ({
    sync: s.sync, stream: s.stream, state: s.state, lastSuccessAt: s.lastSuccessAt, watermarkAt: s.watermarkAt,
    ageMs: s.lastSuccessAt ? checkedAt.getTime() - s.lastSuccessAt.getTime() : null,
    targetMs: targetOf(s, project), rejectsOpen: s.rejectsOpen,
  }))
  return report(checkedAt, findings, streams, workers.workers)
}

/** What there is to say when the database, or everything, cannot be reached. */
export function unreachable(kind: 'database' | 'temporal', what: string, cure: string): HealthReport {
  return report(new Date(), [{ fingerprint: kind, kind, severity: 'error', sync: null, stream: null, connection: null, what, cure, since: new Date() }], [], 0)
}

const ORDER: Severity[] = ['error', 'warning', 'info']
const CONNECTION: ProblemKind[] = ['reconnect', 'lapsing', 'breaker']
const STREAM: ProblemKind[] = ['stale', 'stopped', 'volume', 'rejects', 'project']

function report(checkedAt: Date, findings: Finding[], streams: StreamHealth[], workers: number): HealthReport {
  const problems = [...findings]
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) || a.since.getTime() - b.since.getTime())
    .map(({ kind, severity, sync, stream, connection, since, what, cure }) => ({ kind, severity, sync, stream, connection, since, what, cure }))
  const severe = problems.filter((p) => SEVERE.includes(p.severity))
  const ok = (...kinds: ProblemKind[]): boolean => !severe.some((p) => kinds.includes(p.kind))
  return {
    healthy: severe.length === 0, checkedAt, workers, problems, streams,
    checks: { temporal: ok('temporal'), database: ok('database'), worker: ok('worker', 'temporal'), connections: ok(...CONNECTION), streams: ok(...STREAM), alerts: ok('alerts') },
  }
}

function earliest(a: Date, b: Date | undefined): Date {
  return b && b < a ? b : a
}
