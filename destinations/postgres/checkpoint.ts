import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { StreamCheckpoint } from '../../model/ports.ts'
import type { CompleteResult, Position, PostResult } from '../../model/run.ts'
import { tableOf } from '../../model/table-name.ts'
import { findTable, isEmpty, type Queryable } from './catalog.ts'
import { carriedOn, type Generation } from './generation.ts'
import { pgName, quotedTable } from './names.ts'
import { lowerBound } from './since.ts'

/** A row of isthmus.checkpoints. */
export interface Checkpoint {
  epoch: number
  seq: number
  run: string
  scan: string
  resumed: boolean
  complete: boolean
  position: Position | null
  watermark: string | null
  pending: string | null
  scanSince: string | null
  target: number | null
  fresh: boolean | null
  side: string | null
  sideSchema: string | null
  sideShape: string | null
  lastResult: PostResult | null
  /** All chunks of the scan are there; `complete` is set when what follows from that is done too. */
  ended: boolean
  /** Records this scan has read. */
  read: number
  /** Records the last complete scan without lower bound had read. */
  fullRead: number | null
  generation: Generation | null
  /** How this epoch's scan was completed. */
  completed: CompleteResult | null
}

const COLUMNS = `epoch, seq, run, scan, resumed, complete, position, watermark, pending, scan_since as "scanSince", target, fresh, side,
  side_schema as "sideSchema", side_shape as "sideShape", last_result as "lastResult", ended, scan_read as read, full_read as "fullRead", generation, completed`

/** The checkpoint of a stream; null when it was never held. With `lock` nobody else changes it until the transaction ends. */
export async function readCheckpoint(db: Queryable, streamKey: string, lock: boolean): Promise<Checkpoint | null> {
  const { rows } = await db.query<Omit<Checkpoint, 'epoch' | 'target' | 'read' | 'fullRead'> & { epoch: string; target: string | null; read: string; fullRead: string | null }>(
    `select ${COLUMNS} from isthmus.checkpoints where stream_key = $1${lock ? ' for update' : ''}`, [streamKey],
  )
  const found = rows[0]
  const number = (text: string | null) => (text === null ? null : Number(text))
  return found ? { ...found, epoch: Number(found.epoch), target: number(found.target), read: Number(found.read), fullRead: number(found.fullRead) } : null
}

export async function saveCheckpoint(client: ClientBase, streamKey: string, c: Checkpoint): Promise<void> {
  await client.query(
    `update isthmus.checkpoints set epoch = $2, seq = $3, run = $4, scan = $5, resumed = $6, complete = $7, position = $8, watermark = $9,
       pending = $10, scan_since = $11, fresh = $12, side = $13, side_schema = $14, side_shape = $15, last_result = $16, target = $17,
       ended = $18, scan_read = $19, full_read = $20, generation = $21, completed = $22, updated_at = now()
     where stream_key = $1`,
    [
      streamKey, c.epoch, c.seq, c.run, c.scan, c.resumed, c.complete, json(c.position), c.watermark, c.pending, c.scanSince, c.fresh, c.side, c.sideSchema, c.sideShape, json(c.lastResult), c.target,
      c.ended, c.read, c.fullRead, json(c.generation), json(c.completed),
    ],
  )
}

function json(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}

/** Throws InvalidInput when the name of the stream cannot be kept. */
export function checkStreamKey(streamKey: string): void {
  if (streamKey === '' || streamKey.length > 500 || streamKey.includes('\0')) {
    throw new IsthmusError('InvalidInput', 'The name of sync and stream together must have 1 to 500 characters, none of them NUL', { cure: 'shorten it' })
  }
}

/** What a side table was made for: rows of another shape or target cannot be added to it. */
export function sideShape(plan: StreamPlan): string {
  const { columns, key } = plan
  const { schema, table } = tableOf(plan)
  return createHash('sha256').update(JSON.stringify([schema, table, columns.map((c) => [c.name, c.type, c.nullable]), key])).digest('hex').slice(0, 32)
}

/**
 * The checkpoint with which a new run goes on: an interrupted scan of the same identity, or a new one.
 * `target` is the table as it is now; null when it does not exist yet.
 */
export async function nextCheckpoint(db: Queryable, plan: StreamPlan, held: Checkpoint, run: string, target: number | null): Promise<Checkpoint> {
  const fullRead = held.scan === plan.scan ? held.fullRead : null
  const next: Checkpoint = { ...held, epoch: held.epoch + 1, seq: 0, run, scan: plan.scan, target, fresh: null, lastResult: null, ended: false, fullRead, completed: null }
  const sameTable = held.target !== null && held.target === target
  if (sameTable && held.scan === plan.scan && !held.complete && held.position !== null && (await rowsAreThere(db, plan, held))) {
    return { ...next, resumed: true, generation: carriedOn(plan, held.generation, held.scanSince) }
  }
  const watermark = (await watermarkHolds(db, plan, held, sameTable)) ? held.watermark : null
  return {
    ...next, resumed: false, complete: false, position: null, pending: null, watermark, scanSince: lowerBound(plan, watermark),
    side: null, sideSchema: null, sideShape: null, read: 0, generation: null,
  }
}

/**
 * A watermark speaks of one scan into one table, and a scan without lower bound that was not completed is made again from its beginning.
 * Appended rows cannot be given again, so there it is kept as long as there are any.
 */
async function watermarkHolds(db: Queryable, plan: StreamPlan, held: Checkpoint, sameTable: boolean): Promise<boolean> {
  // Its generation would never be complete.
  const unfinished = !held.complete && held.scanSince === null && (held.ended || Boolean(held.generation?.table))
  if (plan.mode !== 'append') return sameTable && held.scan === plan.scan && !unfinished
  const { schema, table } = tableOf(plan)
  return sameTable || ((await findTable(db, pgName(schema), pgName(table))) !== null && !(await isEmpty(db, quotedTable(schema, table))))
}

/** Rows of an interrupted scan lie in the target, in mode replace in the side table. */
async function rowsAreThere(db: Queryable, plan: StreamPlan, held: Checkpoint): Promise<boolean> {
  if (plan.mode !== 'replace') return held.side === null
  if (held.side === null || held.sideSchema !== pgName(tableOf(plan).schema) || held.sideShape !== sideShape(plan)) return false
  return (await findTable(db, held.sideSchema, held.side)) !== null
}

export function asStreamCheckpoint({ epoch, seq, position, resumed, scanSince, fullRead }: Checkpoint): StreamCheckpoint {
  return { epoch, seq, position, resumed, since: scanSince, lastFull: fullRead }
}

export const NEVER_HELD: Checkpoint = {
  epoch: 0, seq: 0, run: '', scan: '', resumed: false, complete: true, position: null, watermark: null, pending: null,
  scanSince: null, target: null, fresh: null, side: null, sideSchema: null, sideShape: null, lastResult: null,
  ended: false, read: 0, fullRead: null, generation: null, completed: null,
}
