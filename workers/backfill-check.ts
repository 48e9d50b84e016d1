import type { Client } from '@temporalio/client'
import type { BackfillStore, BackfillSummary } from '../model/backfill.ts'
import type { Finding } from '../model/watch/index.ts'

/** Backfills with windows that have stopped and wait for a person. What was noted of one counts until Temporal knows that it was sent on. */
export async function checkBackfills(store: Pick<BackfillStore, 'stoppedBackfills'>, client: Pick<Client, 'workflow'>): Promise<Finding[]> {
  const noted = await store.stoppedBackfills()
  return (await Promise.all(noted.map(async (b) => ((await waits(client, b)) ? [found(b)] : [])))).flat()
}

/** `IsthmusPhase` is right also while no worker runs. Where Temporal has no such attribute, or does not answer, the note counts. */
async function waits(client: Pick<Client, 'workflow'>, { workflowId, progress }: BackfillSummary): Promise<boolean> {
  const known = await client.workflow.getHandle(workflowId).describe().catch(() => null)
  if (known === null) return true
  const phase = known.searchAttributes?.IsthmusPhase?.[0]
  return known.status.name === 'RUNNING' && (phase === undefined || phase === progress?.phase)
}

function found({ id, sync, progress, startedAt }: BackfillSummary): Finding {
  const { windows, stopped, spec } = progress!
  const first = stopped[0]!
  const day = (time: string): string => time.slice(0, 10)
  return {
    fingerprint: `stopped backfill ${id}`, kind: 'stopped', severity: 'error', sync, stream: null, connection: null, since: startedAt,
    what: `${sync}: the backfill ${day(spec.from)}..${day(spec.to)} waits for a person: ${windows.stopped} of ${windows.total} windows stopped, the first with ${first.error.type}: ${first.error.message}`.slice(0, 1_000),
    cure: `${first.error.cure || 'look at it'}; then isthmus backfill retry ${id}, or isthmus backfill skip ${id}`,
  }
}
