import { open as openFile, rm } from 'node:fs/promises'
import { IsthmusError } from '../../model/errors.ts'
import { parseExact } from '../../model/json/index.ts'
import { copyText, NULL } from '../../model/mapping/copy.ts'
import { newestColumn } from '../../model/newest-column.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { RejectDetail, Settled } from '../../model/rejects.ts'
import type { RefusedRow } from '../../model/run.ts'
import type { ActivityDeps } from '../deps.ts'
import { TextFile } from '../rows.ts'
import type { StepContext } from '../step.ts'
import { openRepair, type RepairStream } from './target.ts'
import type { ResendRequest, ResendResult } from './types.ts'

const none = (): ResendResult['counts'] => ({ tried: 0, delivered: 0, kept: 0, superseded: 0, filtered: 0, cut: 0, inserted: 0, updated: 0, unchanged: 0 })

/**
 * Sends the next batch of open rejects again: mapped with the mapping as it is now, delivered by key (or once by name), then noted.
 * A repeated step finds what it delivered unchanged, so nothing is doubled; what it did not note is still open, so nothing is lost.
 */
export async function resendRejects(deps: ActivityDeps, request: ResendRequest, step: StepContext): Promise<ResendResult> {
  const { id, sync, stream, ids, after, dry } = request
  const batch = await deps.store.openRejects({ sync, ...(stream && { stream }), ...(ids.length > 0 && { ids }) }, after)
  const counts = none()
  for (const [name, rejects] of byStream(batch)) {
    const whole = rejects.filter((r) => !r.cut)
    counts.cut += rejects.length - whole.length
    const settled = await send(deps, request, name, whole, counts, step)
    counts.tried += whole.length
    for (const s of settled) counts[s.state === 'open' ? 'kept' : s.state === 'superseded' ? 'superseded' : s.state === 'dropped' ? 'filtered' : 'delivered'] += 1
    if (!dry) await deps.store.settleRejects(id, settled)
    step.beat({ tried: counts.tried, delivered: counts.delivered })
  }
  return { after: batch.at(-1)?.id ?? after, more: batch.length > 0, counts }
}

function byStream(batch: RejectDetail[]): Map<string, RejectDetail[]> {
  const found = new Map<string, RejectDetail[]>()
  for (const r of batch) found.set(r.stream, [...(found.get(r.stream) ?? []), r])
  return found
}

async function send(deps: ActivityDeps, request: ResendRequest, name: string, rejects: RejectDetail[], counts: ResendResult['counts'], step: StepContext): Promise<Settled[]> {
  const open = await openRepair(deps, request, name)
  if (!open) return rejects.map((r) => ({ id: r.id, state: 'open', reason: `the sync has no stream "${name}" any more`, field: '' }))
  const { path } = await deps.stage.newFile({ run: request.id, stream: name, seq: 1 }, 'rows')
  try {
    const { sent, settled } = await mapAll(open, rejects, path)
    if (sent.length === 0) return settled
    const refused: RefusedRow[] = []
    const { plan, newest, once } = { plan: open.stream, newest: newestColumn(open.stream), once: open.stream.key.length > 0 ? null : sent.map((r) => `reject ${r.run} ${name} ${r.seq} ${r.index}`) }
    const applied = await open.destination.apply({ plan, rows: { rows: sent.length }, dry: request.dry, newest, once }, path, step.signal, async (rows) => {
      refused.push(...rows)
    })
    counts.inserted += applied.inserted
    counts.updated += applied.updated
    counts.unchanged += applied.unchanged
    const why = new Map(refused.map((r) => [r.line, r]))
    const older = new Set(applied.older)
    return [
      ...settled,
      ...sent.map((r, i): Settled => {
        const bad = why.get(i + 1)
        if (bad) return { id: r.id, state: 'open', reason: bad.reason, field: bad.field }
        return { id: r.id, state: older.has(i + 1) ? 'superseded' : 'delivered', reason: '', field: '' }
      }),
    ]
  } finally {
    // Its own file only: another attempt may be at work.
    await rm(path, { force: true })
    await open.close()
  }
}

/** Writes the rows of the rejects that map; the others are settled at once. */
async function mapAll(open: RepairStream, rejects: RejectDetail[], path: string): Promise<{ sent: RejectDetail[]; settled: Settled[] }> {
  const file = new TextFile(await openFile(path, 'w'))
  const sent: RejectDetail[] = []
  const settled: Settled[] = []
  try {
    for (const reject of rejects) {
      const verdict = mapOne(open, reject, file)
      if (verdict === null) sent.push(reject)
      // The mapping leaves the record out on purpose now: there is nothing to deliver.
      else if (verdict === 'filtered') settled.push({ id: reject.id, state: 'dropped', reason: 'left out by the mapping', field: '' })
      else settled.push({ id: reject.id, state: 'open', ...verdict })
      await file.flush()
    }
  } finally {
    await file.close()
  }
  return { sent, settled }
}

function mapOne({ mapper, stream }: RepairStream, reject: RejectDetail, out: { text: string }): ReturnType<RepairStream['mapper']['map']> {
  try {
    if (reject.kind === 'row') return rowAgain(stream, JSON.parse(reject.raw) as Record<string, string | null>, out)
    return mapper.map(parseExact(Buffer.from(reject.raw), mapper.parse), out)
  } catch (error) {
    if (error instanceof IsthmusError && error.type !== 'Contract') throw error
    return { reason: error instanceof Error ? error.message : String(error), field: '' }
  }
}

/** A mapped row as it was; columns that the model got since stay empty. */
function rowAgain(stream: StreamPlan, row: Record<string, string | null>, out: { text: string }): null | { reason: string; field: string } {
  const cells: string[] = []
  for (const { name, nullable } of stream.columns) {
    const value = row[name] ?? null
    if (value === null && !nullable) return { reason: `${name}: is missing in the row that was kept`, field: name }
    cells.push(value === null ? NULL : copyText(value))
  }
  out.text += `${cells.join('\t')}\n`
  return null
}
