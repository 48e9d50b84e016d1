import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'
import type { StreamPlan } from '../../model/plan.ts'
import { tableOf } from '../../model/table-name.ts'
import { isEmpty } from './catalog.ts'
import { pgName, quoted, quotedTable } from './names.ts'

/** What a scan without lower bound knows of the records it has seen. Kept in the checkpoint. */
export interface Generation {
  /** Table of the keys seen, in schema isthmus. null: the target was empty when the scan began, so no row can be left over. */
  table: string | null
  /** What the keys were collected for; keys of another shape or mapping say nothing of this one's rows. */
  shape: string
  /** Rows put into the table; one key may be there several times. */
  rows: number
  /** Rejected records whose key could not be read: while there is one, nothing may be deleted. */
  unknown: number
}

/** A scan of this plan with that lower bound finds out which rows are no longer at the source. */
export function findsDeletes(plan: StreamPlan, scanSince: string | null): boolean {
  return plan.deletes.mode !== 'none' && plan.mode === 'upsert' && scanSince === null
}

/** Changes when the keys seen so far would not speak of the rows that the plan makes now. */
function generationShape(plan: StreamPlan): string {
  const { columns, key, mapping } = plan
  const { schema, table } = tableOf(plan)
  const types = key.map((name) => columns.find((c) => c.name === name)?.type)
  return createHash('sha256').update(JSON.stringify([schema, table, key, types, mapping])).digest('hex').slice(0, 32)
}

/** The generation with which an interrupted scan goes on; null when it has none, or the plan was changed meanwhile. */
export function carriedOn(plan: StreamPlan, held: Generation | null, scanSince: string | null): Generation | null {
  return held !== null && findsDeletes(plan, scanSince) && held.shape === generationShape(plan) ? held : null
}

/** Begins a generation; `identity` is of this stream and epoch alone. `client` is in a transaction. */
export async function beginGeneration(client: ClientBase, plan: StreamPlan, identity: string): Promise<Generation> {
  const { schema, table } = tableOf(plan)
  const target = quotedTable(schema, table)
  const begun = { shape: generationShape(plan), rows: 0, unknown: 0 }
  if (await isEmpty(client, target)) return { ...begun, table: null }
  const name = pgName(`seen_${createHash('sha256').update(identity).digest('hex').slice(0, 24)}`)
  // Logged on purpose: an unlogged table is emptied when PostgreSQL is killed, and then every row would seem to be gone.
  await client.query(`drop table if exists ${seenTable(name)}; create table ${seenTable(name)} as select ${keyList(plan)} from ${target} with no data`)
  return { ...begun, table: name }
}

/** Forgets what was seen: the scan is read from its beginning again. */
export async function restartGeneration(client: ClientBase, generation: Generation): Promise<Generation> {
  if (generation.table !== null) await client.query(`truncate ${seenTable(generation.table)}`)
  return { ...generation, rows: 0, unknown: 0 }
}

export async function dropGeneration(client: ClientBase, generation: Generation | null): Promise<void> {
  if (generation?.table) await client.query(`drop table if exists ${seenTable(generation.table)}`)
}

/** Quoted name of a table of keys. */
export function seenTable(name: string): string {
  return quotedTable('isthmus', name)
}

/** Quoted names of the key's columns; with `alias` each behind it. */
export function keyList(plan: StreamPlan, alias = ''): string {
  return plan.key.map((k) => `${alias && `${alias}.`}${quoted(k)}`).join(', ')
}

/** Condition that two rows have one key. */
export function sameKey(plan: StreamPlan, a: string, b: string): string {
  return plan.key.map((k) => `${a}.${quoted(k)} = ${b}.${quoted(k)}`).join(' and ')
}
