import { durationMs } from '../model/duration.ts'
import { detect, type Finding, type Findings, type ProblemKind, type StreamWatch, type WatchStore } from '../model/watch/index.ts'
import type { ProjectView } from './project.ts'

/** A check of something outside of the store, and the kind of problem it finds. */
export interface Check {
  kind: ProblemKind
  run(): Promise<Finding[]>
}

/** Looks at streams, accounts, the project and what else is to be checked. Changes nothing. Throws what the store throws. */
export async function look(store: Pick<WatchStore, 'streamWatches' | 'accountWatches' | 'alertsPending'>, { config, targets, syncs, findings }: ProjectView, checks: Check[] = [], now = new Date()): Promise<Findings & { streams: StreamWatch[] }> {
  const [streams, accounts, pending, ...checked] = await Promise.all([store.streamWatches(), store.accountWatches(), store.alertsPending(), ...checks.map((c) => c.run())])
  const found = detect({ now, streams, accounts, targets, syncs, breakerMs: durationMs(config.health.breaker), lapseMs: durationMs(config.health.lapse) })
  return {
    streams,
    findings: [...found.findings, ...findings, ...undelivered(pending, now), ...checked.flat()],
    held: found.held,
    kinds: [...found.kinds, 'project', 'alerts', ...checks.map((c) => c.kind)],
  }
}

/** Alerts wait longer than this only when a receiver does not take them. */
const LATE_MS = 10 * 60_000

function undelivered({ n, since }: { n: number; since: Date | null }, now: Date): Finding[] {
  if (!since || now.getTime() - since.getTime() < LATE_MS) return []
  return [{ fingerprint: 'alerts', kind: 'alerts', severity: 'warning', sync: null, stream: null, connection: null, what: `${n} alerts wait to be delivered`, cure: 'isthmus alerts list tells why', since }]
}
