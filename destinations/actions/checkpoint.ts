import type pg from 'pg'
import type { StreamPlan } from '../../model/plan.ts'
import type { StreamCheckpoint } from '../../model/ports.ts'
// The checkpoints of actions are those of tables, in Isthmus' own database.
import { asStreamCheckpoint, checkStreamKey, NEVER_HELD, nextCheckpoint, readCheckpoint, saveCheckpoint } from '../postgres/checkpoint.ts'
import { hasCheckpoints, prepareCheckpoints } from '../postgres/ddl.ts'
import { endSessions, sessionName, transaction } from '../postgres/session.ts'

/** Stands for the identity of a table: an action has one as long as its scan has. */
const NO_TABLE = 0

/** What `beginStream` would tell. */
export async function peekStream(pool: pg.Pool, plan: StreamPlan, streamKey: string): Promise<Pick<StreamCheckpoint, 'position' | 'since'>> {
  checkStreamKey(streamKey)
  const known = await hasCheckpoints(pool)
  const held = (known ? await readCheckpoint(pool, streamKey, false) : null) ?? NEVER_HELD
  const { position, since } = asStreamCheckpoint(await nextCheckpoint(pool, plan, held, '', NO_TABLE))
  return { position, since }
}

/** Takes hold of the stream: epoch + 1, unless this run has it already. `seqs`: see `RowDestination.begin`. */
export async function beginStream(pool: pg.Pool, plan: StreamPlan, streamKey: string, run: string, seqs: { committed: number; used: number; anew: boolean }): Promise<StreamCheckpoint> {
  checkStreamKey(streamKey)
  const session = sessionName(streamKey)
  await transaction(pool, session, null, prepareCheckpoints)
  const before = await readCheckpoint(pool, streamKey, false)
  if (before && before.run !== run) await endSessions(pool, session)
  return transaction(pool, session, null, async (client) => {
    await client.query('insert into isthmus.checkpoints (stream_key) values ($1) on conflict do nothing', [streamKey])
    const held = (await readCheckpoint(client, streamKey, true))!
    if (held.run === run && held.epoch > 0) return asStreamCheckpoint(held)
    const next = await nextCheckpoint(client, plan, seqs.anew ? { ...held, position: null } : held, run, NO_TABLE)
    next.seq = held.scan === plan.scan && !seqs.anew ? seqs.committed : seqs.used
    await saveCheckpoint(client, streamKey, next)
    return asStreamCheckpoint(next)
  })
}
