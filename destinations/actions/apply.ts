import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ApplyRequest, RowChange } from '../../model/ports.ts'
import type { PostResult, RefusedRow } from '../../model/run.ts'
import { sendRows, type Posting } from './post.ts'
import { readRows } from './rows.ts'
import { sortRows } from './sort.ts'

const SAMPLES = 20

/** Sends rows outside of a scan. `dry` sends nothing: what it would do is told from the ledger, since an action cannot show what is there. */
export async function applyRows(posting: Posting, streamKey: string, { plan, rows, dry }: ApplyRequest, path: string, signal: AbortSignal, refused: (rows: RefusedRow[]) => Promise<void>): Promise<PostResult & { samples: RowChange[] }> {
  if (dry) return dryRun(posting, streamKey, plan, path, rows.rows)
  // Named by its content, so that a repeated call is told what the first one did.
  const content = rows.rows > 0 ? createHash('sha256').update(await readFile(path)).digest('hex').slice(0, 32) : randomUUID()
  const sent = await sendRows(posting, { plan, streamKey, chunk: `apply/${content}`, hold: `${streamKey}#apply` }, path, rows.rows, signal)
  if (!sent.stop && sent.refused.length > 0) await refused(sent.refused)
  return { ...sent.result, samples: [] }
}

async function dryRun({ ledger, destination }: Posting, streamKey: string, plan: ApplyRequest['plan'], path: string, count: number): Promise<PostResult & { samples: RowChange[] }> {
  const { action, connection } = destination
  const rows = await readRows(path, plan.columns, count)
  const { endings, todo } = await sortRows(ledger, { stream: streamKey, target: `${connection}/${action.name}` }, 'dry', plan, action, rows)
  const counts = { inserted: 0, updated: 0, deleted: 0 }
  for (const item of todo) counts[item.effect] += 1
  const replaced = [...endings.values()].filter((e) => e.kind === 'replaced').length
  const samples = todo.slice(0, SAMPLES).map(({ row }) => ({ key: Object.fromEntries(plan.key.map((k) => [k, row.cells[k] ?? null])), before: null, after: row.cells }))
  return { ...counts, updated: counts.updated + replaced, unchanged: endings.size - replaced, refused: 0, repeated: false, stop: null, samples }
}
