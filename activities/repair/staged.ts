import { IsthmusError } from '../../model/errors.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { RunSummary } from '../../model/ports.ts'
import type { RemapChunk, RemapCover } from '../../model/remap.ts'
import type { ActivityDeps } from '../deps.ts'
import { openRepairStream } from './target.ts'
import type { ListStagedRequest, RepairActivities } from './types.ts'

/** Runs that are looked at; pages are kept for 7 days. */
const MOST_RUNS = 20_000

type StagedRun = { run: RunSummary; chunks: { seq: number; records: number }[] }

/**
 * The runs whose pages are all here, from the newest back to the first that has a gap: behind a gap an older version of a record could be
 * taken for its newest. Mode replace: the newest complete run alone.
 */
export async function listStaged(deps: ActivityDeps, request: ListStagedRequest): ReturnType<RepairActivities['listStaged']> {
  const { stream, streamKey, destination } = await openRepairStream(deps, request)
  // Before the list is made: a run that goes on meanwhile is noticed when the table is written.
  const mark = await destination.mark(streamKey)
  const { runs, limit } = stream.mode === 'replace' ? await newestComplete(deps, request, stream) : await covered(deps, request)
  runs.reverse()
  let n = 0
  const chunks: Omit<RemapChunk, 'result'>[] = runs.flatMap(({ run, chunks: c }) => c.map((chunk) => ({ n: (n += 1), run: run.run, ...chunk })))
  const cover: RemapCover = { runs: runs.length, chunks: chunks.length, records: chunks.reduce((sum, c) => sum + c.records, 0), since: runs[0]?.run.startedAt.toISOString() ?? null, limit }
  await deps.store.saveRemapChunks(request.id, request.stream, { ...cover, mark }, chunks)
  return { runs: cover.runs, chunks: cover.chunks, records: cover.records }
}

async function covered(deps: ActivityDeps, request: ListStagedRequest): Promise<{ runs: StagedRun[]; limit: string }> {
  const runs: StagedRun[] = []
  for (const run of await deps.store.listRuns({ sync: request.sync, limit: MOST_RUNS })) {
    const known = receiptOf(run, request.stream)
    // A run under way is told apart by the mark; one without this stream says nothing of it.
    if (run.outcome === 'running' || run.outcome === 'parked' || known === 'absent') continue
    if (request.runs > 0 && runs.length >= request.runs) return { runs, limit: `only the newest ${request.runs} ${request.runs === 1 ? 'run' : 'runs'}, as asked` }
    const chunks = known && (await stagedChunks(deps, run.run, request.stream, known))
    if (!chunks) return { runs, limit: `the pages of run ${run.run} are not all staged any more` }
    runs.push({ run, chunks })
  }
  return { runs, limit: '' }
}

async function newestComplete(deps: ActivityDeps, request: ListStagedRequest, stream: StreamPlan): Promise<{ runs: StagedRun[]; limit: string }> {
  const cannot = (why: string) => new IsthmusError('InvalidInput', `The table of ${stream.name} cannot be made anew from staged pages: ${why}`, { field: 'mode', cure: 'run the sync again: mode replace reads everything anyway' })
  for (const run of await deps.store.listRuns({ sync: request.sync, limit: MOST_RUNS })) {
    const known = receiptOf(run, request.stream)
    if (known === null || known === 'absent' || known.outcome !== 'completed') continue
    if (known.resumed) throw cannot(`the newest complete scan was made by several runs (the last is ${run.run})`)
    const chunks = await stagedChunks(deps, run.run, request.stream, known)
    if (!chunks) throw cannot(`the pages of the newest complete run (${run.run}) are not all staged any more`)
    return { runs: [{ run, chunks }], limit: 'mode replace: the newest complete run' }
  }
  throw cannot('no run was completed yet')
}

interface Known {
  outcome: string
  resumed: boolean
  chunks: number
  read: number
}

/** null: the run has ended without a receipt, so nobody knows what it committed. */
function receiptOf(run: RunSummary, stream: string): Known | 'absent' | null {
  if (!run.receipt) return null
  const found = run.receipt.streams.find((s) => s.stream === stream)
  return found ? { outcome: found.outcome, resumed: found.resumed, chunks: found.counts.chunks, read: found.counts.read } : 'absent'
}

/** The committed chunks of a run; null when not all of their records are here. */
async function stagedChunks(deps: ActivityDeps, run: string, stream: string, known: Known): Promise<StagedRun['chunks'] | null> {
  const found: StagedRun['chunks'] = []
  for (const seq of await deps.stage.chunks(run, stream)) {
    if (seq > known.chunks) break
    const staged = await deps.stage.resume({ run, stream, seq })
    if (staged && staged.records > 0) found.push({ seq, records: staged.records })
  }
  return found.reduce((sum, c) => sum + c.records, 0) === known.read ? found : null
}
