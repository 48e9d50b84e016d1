import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import type { Action } from '../../model/action.ts'
import type { ActionDestination, StreamPlan } from '../../model/plan.ts'
import { tableName } from '../../model/table-name.ts'
import type { PostRequest } from '../../model/ports.ts'
import type { PageStop, PostResult, RefusedRow } from '../../model/run.ts'
import type { DeliveryLedger } from '../../store/deliveries.ts'
import { readCheckpoint, saveCheckpoint, type Checkpoint } from '../postgres/checkpoint.ts'
import { advanced } from '../postgres/post.ts'
import { sessionName, transaction } from '../postgres/session.ts'
import { Delivery } from './deliver.ts'
import type { Ending } from './item.ts'
import { readRows, type Row } from './rows.ts'
import { sortRows } from './sort.ts'
import { refused, type Target } from './target.ts'

/** One call of `post` ends in this time, so that it stays within the time of a step; the next call goes on from the ledger. */
const POST_MS = 5 * 60_000

export interface Posting {
  pool: pg.Pool
  ledger: DeliveryLedger
  destination: ActionDestination
  target: Target
  /** Told when records were sent again without knowing what became of the request before. */
  note(message: string): Promise<void>
}

/** Sends the records of a chunk, then moves the checkpoint. What was sent is in the ledger, so that a repeated call sends the rest only. */
export async function postChunk(posting: Posting, request: PostRequest, path: string, signal: AbortSignal, tell: (rows: RefusedRow[]) => Promise<void>): Promise<PostResult> {
  const { plan, streamKey, epoch, rows } = request
  const { pool } = posting
  const done = fence(await readCheckpoint(pool, streamKey, false), request)
  if (done) return done
  const sent = await sendRows(posting, { plan, streamKey, chunk: `${epoch}/${rows.seq}`, hold: streamKey, ask: request.approved ? null : { sent: request.sent ?? 0, last: request.last } }, path, rows.rows, signal)
  if (sent.stop) return sent.result
  return transaction(pool, sessionName(streamKey), signal, async (client) => {
    const found = await readCheckpoint(client, streamKey, true)
    const already = fence(found, request)
    if (already) return already
    // Chunks behind the last one: somebody had the scan read from its beginning again.
    const held: Checkpoint = found!.ended ? { ...found!, ended: false, complete: false, completed: null, read: 0 } : found!
    if (sent.refused.length > 0) await tell(sent.refused)
    await saveCheckpoint(client, streamKey, { ...held, ...advanced(request, held, sent.result) })
    return sent.result
  })
}

/** The result of a chunk that is committed already; null when it is this attempt's turn. Throws Fenced. */
function fence(held: Checkpoint | null, { plan, epoch, rows }: PostRequest): PostResult | null {
  if (!held || held.epoch !== epoch || held.seq > rows.seq) {
    throw new IsthmusError('Fenced', `A newer attempt holds the stream ${plan.name}: chunk ${rows.seq} was not sent`)
  }
  if (held.seq === rows.seq) return { ...held.lastResult!, repeated: true }
  if (held.seq !== rows.seq - 1) throw new IsthmusError('ReceiptMismatch', `Chunk ${rows.seq} of the stream ${plan.name} came after chunk ${held.seq}`)
  return null
}

export interface Rows {
  plan: StreamPlan
  streamKey: string
  /** Names the chunk in the ledger: what an earlier attempt at it did counts for it. */
  chunk: string
  /** Attempts that must not send at once share it. */
  hold: string
  /** See `ApplyRequest.newest`. */
  newest?: string | null
  /** Nobody has agreed to send more than the action allows by itself: what the run sent before, and whether more chunks follow. Default: somebody has. */
  ask?: { sent: number; last: boolean } | null
}

/** Sends rows that are not delivered yet. */
export async function sendRows(posting: Posting, { plan, streamKey, chunk, hold, newest = null, ask = null }: Rows, path: string, count: number, signal: AbortSignal): Promise<{ result: PostResult; refused: RefusedRow[]; older: number[]; stop: PageStop | null }> {
  const { ledger, destination, target, note } = posting
  const { action, connection, source } = destination
  const scope = { stream: streamKey, target: `${connection}/${action.name}` }
  const holder = { of: hold, attempt: randomUUID() }
  const rows = await readRows(path, plan.columns, count)
  if (rows.length > 0) await ledger.hold(holder)
  const { endings, todo, uncertain: before } = await sortRows(ledger, scope, chunk, plan, action, rows, newest)
  const delivery = new Delivery({ ledger, scope, holder, chunk, source, action, key: plan.key, target, concurrency: source.concurrency, untilMs: Date.now() + POST_MS, signal }, endings)
  const waits = ask === null ? null : approvalStop(plan, action, endings, todo.length, ask)
  const stop = waits ?? (todo.length === 0 ? null : await delivery.run(todo))
  const result: PostResult = { ...counted(endings), repeated: false, stop }
  const uncertain = stop === null ? before + delivery.uncertain : 0
  if (uncertain > 0) await note(`${uncertain} ${uncertain === 1 ? 'record was' : 'records were'} sent again without knowing what became of the request before (uncertain: ${uncertain}): ${action.name} has nothing that would absorb or show a second one`)
  const older = [...endings].filter(([, e]) => e.kind === 'older').map(([line]) => line + 1)
  return { result, refused: refusedRows(rows, endings), older, stop }
}

/** Why records wait for a person before they are sent; null when they need not. */
function approvalStop(plan: StreamPlan, { approval }: Action, endings: Map<number, Ending>, todo: number, { sent, last }: { sent: number; last: boolean }): PageStop | null {
  if (approval === null || todo === 0) return null
  const before = sent + [...endings.values()].filter((e) => e.kind === 'delivered').length
  const most = approval === 'always' ? 0 : approval.above
  if (before + todo <= most) return null
  const so = before > 0 ? ` (${before} were sent before)` : ''
  return refused('Implausible', `${todo} ${todo === 1 ? 'record' : 'records'} would be sent to ${tableName(plan)}${so}${last ? '' : ', and more may follow'}; the action asks for approval${most > 0 ? ` above ${most}` : ''}`, 'to.approval', 'approve to send them, or skip')
}

function counted(endings: Map<number, Ending>): Pick<PostResult, 'inserted' | 'updated' | 'unchanged' | 'deleted' | 'refused'> {
  const counts = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, refused: 0 }
  for (const ending of endings.values()) {
    if (ending.kind === 'delivered') counts[ending.effect] += 1
    else if (ending.kind === 'replaced') counts.updated += 1
    else if (ending.kind === 'older') counts.unchanged += 1
    else counts[ending.kind] += 1
  }
  return counts
}

function refusedRows(rows: Row[], endings: Map<number, Ending>): RefusedRow[] {
  return rows.flatMap(({ line, cells }) => {
    const ending = endings.get(line)
    return ending?.kind === 'refused' ? [{ line: line + 1, reason: `The API refused the record: ${ending.reason}`.slice(0, 500), field: ending.field, row: JSON.stringify(cells) }] : []
  })
}
