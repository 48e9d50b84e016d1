import type { Alert } from '../../model/watch/index.ts'

/** One line for a list, a subject or a chat. */
export function headline({ event, problem }: Alert): string {
  const mark = event === 'resolved' ? 'Resolved' : event === 'test' ? 'Test' : { error: 'Problem', warning: 'Warning', info: 'Notice' }[problem.severity]
  return `${mark}: ${problem.what}`
}

/** The rest, as lines. */
export function details({ event, problem }: Alert): string[] {
  const at = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`
  if (event === 'resolved') return [`Since ${at(problem.openedAt)}, resolved ${at(problem.resolvedAt ?? new Date())}`]
  return [`Since ${at(problem.since)}`, ...(problem.cure ? [`What to do: ${problem.cure}`] : [])]
}

/** The alert as a program reads it. */
export function payload(alert: Alert): Record<string, unknown> {
  const { fingerprint, kind, severity, sync, stream, connection, what, cure, since, openedAt, resolvedAt, id } = alert.problem
  return {
    version: 1, id: alert.id, event: alert.event, createdAt: alert.createdAt,
    problem: { id, fingerprint, kind, severity, sync, stream, connection, what, cure, since, openedAt, resolvedAt },
  }
}
