import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'
import type { StreamPlan } from '../../model/plan.ts'
import type { StreamCheckpoint } from '../../model/ports.ts'
import { tableOf } from '../../model/table-name.ts'
import { findTable } from './catalog.ts'
import { asStreamCheckpoint, nextCheckpoint, readCheckpoint, saveCheckpoint, sideShape } from './checkpoint.ts'
import { beginGeneration, dropGeneration, findsDeletes } from './generation.ts'
import { pgName, quoted, quotedTable } from './names.ts'

/** Takes hold of the stream: the tables exist, `client` is in a transaction. */
export async function takeHold(client: ClientBase, plan: StreamPlan, streamKey: string, run: string, seqs: { committed: number; used: number; anew: boolean }): Promise<StreamCheckpoint> {
  await client.query('insert into isthmus.checkpoints (stream_key) values ($1) on conflict do nothing', [streamKey])
  const held = (await readCheckpoint(client, streamKey, true))!
  if (held.run === run && held.epoch > 0) return asStreamCheckpoint(held)
  const { schema, table } = tableOf(plan)
  const target = await findTable(client, pgName(schema), pgName(table))
  const next = await nextCheckpoint(client, plan, seqs.anew ? { ...held, position: null } : held, run, target?.oid ?? null)
  next.seq = held.scan === plan.scan && !seqs.anew ? seqs.committed : seqs.used
  if (held.side !== null && next.side === null) await client.query(`drop table if exists ${quotedTable(held.sideSchema!, held.side)}`)
  if (plan.mode === 'replace' && next.side === null) {
    next.side = await makeSideTable(client, plan, `${streamKey}\0${next.epoch}`)
    next.sideSchema = pgName(tableOf(plan).schema)
    next.sideShape = sideShape(plan)
  }
  if (next.generation === null) {
    await dropGeneration(client, held.generation)
    // One that goes on without the keys of its first part must not begin to collect.
    if (!next.resumed && findsDeletes(plan, next.scanSince)) next.generation = await beginGeneration(client, plan, `${streamKey}\0${next.epoch}`)
  }
  await saveCheckpoint(client, streamKey, next)
  return asStreamCheckpoint(next)
}

/** The table in which mode replace gathers its rows until the last chunk is there. It has what decides about single rows. */
async function makeSideTable(client: ClientBase, plan: StreamPlan, identity: string): Promise<string> {
  const { key } = plan
  const { schema, table } = tableOf(plan)
  const name = pgName(`${table}__isthmus_${createHash('sha256').update(identity).digest('hex').slice(0, 12)}`)
  const side = quotedTable(schema, name)
  await client.query(`drop table if exists ${side}`)
  const primary = key.length > 0 ? `, unique (${key.map(quoted).join(', ')})` : ''
  await client.query(`create table ${side} (like ${quotedTable(schema, table)} including defaults including constraints including identity including generated${primary})`)
  return name
}
