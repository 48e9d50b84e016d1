import type pg from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { RowDestination } from '../../model/ports.ts'
import { tableName, tableOf } from '../../model/table-name.ts'
import { pgError, poolOf } from '../../store/index.ts'
import { applyRows } from './apply.ts'
import { takeHold } from './begin.ts'
import { findTable } from './catalog.ts'
import { asStreamCheckpoint, checkStreamKey, NEVER_HELD, nextCheckpoint, readCheckpoint } from './checkpoint.ts'
import { completeScan } from './complete.ts'
import { lacksMark, missingColumns } from './compare.ts'
import { hasCheckpoints, prepareTables } from './ddl.ts'
import { pgName } from './names.ts'
import { postChunk } from './post.ts'
import { remapRows, streamMark } from './remap.ts'
import { checkRights } from './rights.ts'
import { endSessions, sessionName, transaction } from './session.ts'

/** PostgreSQL as a destination: rows by COPY, in one transaction with the checkpoint. Throws InvalidInput when `url` is none of PostgreSQL. */
export function postgresDestination(url: string): RowDestination {
  const pool = poolOf(url, 'isthmus', 10)
  const call = async <R>(body: () => Promise<R>): Promise<R> => {
    try {
      return await body()
    } catch (error) {
      throw pgError(error, 'The destination database')
    }
  }
  const find = (plan: StreamPlan) => {
    const { schema, table } = tableOf(plan)
    return findTable(pool, pgName(schema), pgName(table))
  }

  return {
    check: (plan) =>
      call(async () => {
        for (const column of plan.columns) pgName(column.name)
        await checkRights(pool, plan)
        const table = await find(plan)
        if (table) missingColumns(plan, table)
        lacksMark(plan, table)
      }),

    peek: (plan, streamKey) =>
      call(async () => {
        checkStreamKey(streamKey)
        const known = await hasCheckpoints(pool)
        const held = (known ? await readCheckpoint(pool, streamKey, false) : null) ?? NEVER_HELD
        const { position, since } = asStreamCheckpoint(await nextCheckpoint(pool, plan, held, '', (await find(plan))?.oid ?? null))
        return { position, since }
      }),

    begin: (plan, streamKey, run, seqs = { committed: 0, used: 0, anew: false }) =>
      call(async () => {
        checkStreamKey(streamKey)
        const session = sessionName(streamKey)
        await transaction(pool, session, null, (client) => prepareTables(client, plan))
        const held = await readCheckpoint(pool, streamKey, false)
        // Attempts of an earlier run have lost the stream: their locks are not waited for.
        if (held && held.run !== run) await endSessions(pool, session)
        return transaction(pool, session, null, (client) => takeHold(client, plan, streamKey, run, seqs))
      }),

    post: (request, path, signal, refused = async () => {}) =>
      call(() => transaction(pool, sessionName(request.streamKey), signal, (client) => postChunk(client, request, path, refused))),

    complete: (plan, streamKey, epoch, approved, signal) =>
      call(() => transaction(pool, sessionName(streamKey), signal, (client) => completeScan(client, plan, streamKey, epoch, approved))),

    apply: (request, path, signal, refused = async () => {}) =>
      call(async () => {
        if (!request.dry) await transaction(pool, session(request.plan), signal, (client) => prepareTables(client, request.plan))
        const apply = async (client: pg.PoolClient) => {
          if (request.dry) await prepareTables(client, request.plan)
          return applyRows(client, request, path, refused)
        }
        return dryable(request.dry, (keep) => transaction(pool, session(request.plan), signal, async (client) => keep(await apply(client))))
      }),

    mark: (streamKey) => call(() => streamMark(pool, streamKey, false)),

    remap: (request, signal) =>
      call(async () => {
        if (!(await find(request.plan))) throw new IsthmusError('NotFound', `There is no table ${tableName(request.plan)} yet`, { field: 'to', cure: 'run the sync first' })
        if (request.apply) await transaction(pool, session(request.plan), signal, (client) => prepareTables(client, request.plan))
        return transaction(pool, session(request.plan), signal, (client) => remapRows(client, request, () => signal.throwIfAborted()))
      }),

    forget: (prefix) => call(async () => void ((await hasCheckpoints(pool)) && (await pool.query('delete from isthmus.checkpoints where starts_with(stream_key, $1)', [prefix])))),

    close: () => pool.end(),
  }
}

/** What repairs of a table are named in PostgreSQL: an attempt that was stopped ends for the next one, runs of the sync never do. */
function session(plan: StreamPlan): string {
  const { schema, table } = tableOf(plan)
  return sessionName(`repair ${JSON.stringify([schema, table])}`)
}

class Undone<R> extends Error {
  readonly result: R
  constructor(result: R) {
    super('dry run')
    this.result = result
  }
}

/** Runs a transaction; when `dry` it is taken back after its result is known. */
async function dryable<R>(dry: boolean, body: (keep: (result: R) => R) => Promise<R>): Promise<R> {
  try {
    return await body((result) => {
      if (dry) throw new Undone(result)
      return result
    })
  } catch (error) {
    if (error instanceof Undone) return error.result as R
    throw error
  }
}
