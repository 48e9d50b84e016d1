import type { ClientBase } from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import type { StreamPlan } from '../../model/plan.ts'
import { copyRows } from './copy.ts'
import { mergeChunk, type Sieve } from './merge.ts'
import { quoted } from './names.ts'
import type { Refusals } from './refusals.ts'
import { isRowError } from './row-errors.ts'
import type { SeenKeys } from './seen.ts'
import { loadAround } from './split.ts'

export interface Loaded {
  inserted: number
  updated: number
  unchanged: number
}

export interface Chunk {
  client: ClientBase
  plan: StreamPlan
  /** Quoted name of the table that takes the rows. */
  table: string
  path: string
  rows: number
  refusals: Refusals
  /** Takes the keys of the chunk's rows. */
  seen?: SeenKeys | null
  /** Column by which a row that is there may be newer than the chunk's: then it stays. */
  newest?: string | null
}

/** Adds rows as they are. */
export async function appendChunk(chunk: Chunk): Promise<Loaded> {
  if (chunk.rows === 0) return { inserted: 0, updated: 0, unchanged: 0 }
  const inserted = await copyAround(chunk, chunk.table)
  return { inserted, updated: 0, unchanged: 0 }
}

/**
 * Inserts or updates by key. While all rows were new so far (`fresh`) the chunk is tried by COPY straight into the table;
 * a key that is there already, or a refused row, leads to the merge. `sieve` looks at the rows before they are merged.
 */
export async function upsertChunk(chunk: Chunk, fresh: boolean, sieve?: Sieve): Promise<Loaded> {
  if (chunk.rows === 0) return { inserted: 0, updated: 0, unchanged: 0 }
  const { client, table, path, rows } = chunk
  // Keys are taken from the table that the merge goes through.
  if (fresh && !chunk.seen) {
    await client.query('savepoint isthmus_direct')
    try {
      const inserted = await copyRows(client, table, columnList(chunk.plan), path, null)
      checkCount(inserted, rows)
      return { inserted, updated: 0, unchanged: 0 }
    } catch (error) {
      if (!isRowError(error)) throw error
      await client.query('rollback to savepoint isthmus_direct')
    }
  }
  return mergeChunk(chunk, (temporary) => copyAround(chunk, temporary), sieve)
}

/** COPY of the whole chunk, at refused rows in parts around them. Gives the number of rows loaded. */
export async function copyAround({ client, plan, path, rows, refusals }: Chunk, table: string): Promise<number> {
  let loaded = 0
  const columns = columnList(plan)
  // The lines of the file are looked for only when a part of it is asked for.
  const load = async (from: number, to: number) => {
    const whole = from === 0 && to === rows
    const starts = whole ? null : await refusals.starts()
    if (starts) checkCount(starts.length - 1, rows)
    loaded += await copyRows(client, table, columns, path, starts && { start: starts[from]!, end: starts[to]! })
  }
  await loadAround(client, 0, rows, load, (line, error) => refusals.add(line, error))
  checkCount(loaded + refusals.count, rows)
  return loaded
}

export function checkCount(found: number, expected: number): void {
  if (found !== expected) throw new IsthmusError('StageLost', `The staged rows of the chunk are ${found}, not ${expected}`)
}

/** Names of the model's columns, in the order of the rows file. */
export function columnList(plan: StreamPlan): string {
  return plan.columns.map((c) => quoted(c.name)).join(', ')
}
