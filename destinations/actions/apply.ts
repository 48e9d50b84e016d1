import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { IsthmusError } from '../../model/errors.ts'
import type { Applied, ApplyRequest } from '../../model/ports.ts'
import type { PageStop, RefusedRow } from '../../model/run.ts'
import { abortError } from '../../protocols/http/index.ts'
import type { Ending } from './item.ts'
import { sendRows, type Posting } from './post.ts'
import { readRows } from './rows.ts'
import { APPLY, sortRows } from './sort.ts'

const SAMPLES = 20

export interface ApplyOptions {
  posting: Posting
  streamKey: string
  /** Gets a token newer than `seen`. */
  signIn(seen: number, signal: AbortSignal): Promise<void>
}

/**
 * Sends rows outside of a scan. `dry` sends nothing: what it would do is told from the ledger, since an action cannot show what is there.
 * Throws what stops it before the end (RateLimited, Transient, AuthFailed, ...); called again, it goes on from the ledger.
 */
export async function applyRows({ posting, streamKey, signIn }: ApplyOptions, request: ApplyRequest, path: string, signal: AbortSignal, refused: (rows: RefusedRow[]) => Promise<void>): Promise<Applied> {
  const { plan, rows, newest } = request
  if (rows.rows === 0) return { inserted: 0, updated: 0, unchanged: 0, deleted: 0, refused: 0, repeated: false, stop: null, older: [], samples: [] }
  if (request.dry) return dryRun(posting, streamKey, request, path)
  // Named by its content, so that a repeated call is told what the first one did.
  const content = createHash('sha256').update(await readFile(path)).digest('hex').slice(0, 32)
  for (let signedIn = 0; ; ) {
    if (signal.aborted) throw abortError(signal)
    const sent = await sendRows(posting, { plan, streamKey, chunk: `${APPLY}${content}`, hold: `${streamKey}#apply`, newest }, path, rows.rows, signal)
    if (sent.stop === null) {
      if (sent.refused.length > 0) await refused(sent.refused)
      return { ...sent.result, older: sent.older, samples: [] }
    }
    if (sent.stop.kind === 'authRequired' && (signedIn += 1) <= 2) await signIn(sent.stop.version, signal)
    else if (sent.stop.kind !== 'more') throw errorOf(sent.stop)
  }
}

function errorOf(stop: PageStop): IsthmusError {
  switch (stop.kind) {
    case 'throttled':
      return new IsthmusError('RateLimited', stop.reason, { until: new Date(stop.untilMs) })
    case 'authRequired':
      return new IsthmusError('AuthFailed', `${stop.reason}, also with a new token`, { field: 'to.auth' })
    case 'refused':
      return new IsthmusError(stop.type, stop.reason, { field: stop.field, cure: stop.cure })
    case 'interrupted':
      return new IsthmusError(stop.type, stop.reason)
    case 'more':
    case 'done':
    case 'positionLost':
      return new IsthmusError('Transient', 'the records could not be sent to their end')
  }
}

async function dryRun({ ledger, destination }: Posting, streamKey: string, { plan, rows, newest }: ApplyRequest, path: string): Promise<Applied> {
  const { action, connection } = destination
  const { endings, todo } = await sortRows(ledger, { stream: streamKey, target: `${connection}/${action.name}` }, 'dry', plan, action, await readRows(path, plan.columns, rows.rows), newest)
  const counts = { inserted: 0, updated: 0, deleted: 0 }
  for (const item of todo) counts[item.effect] += 1
  const lines = (kind: Ending['kind']): number[] => [...endings].filter(([, e]) => e.kind === kind).map(([line]) => line + 1)
  const replaced = lines('replaced').length
  const samples = todo.slice(0, SAMPLES).map(({ row }) => ({ key: Object.fromEntries(plan.key.map((k) => [k, row.cells[k] ?? null])), before: null, after: row.cells }))
  return { ...counts, updated: counts.updated + replaced, unchanged: endings.size - replaced, refused: 0, repeated: false, stop: null, older: lines('older'), samples }
}
