import { at, IsthmusError } from '../../model/errors.ts'
import type { ActionDestination } from '../../model/plan.ts'
import type { RowDestination } from '../../model/ports.ts'
import type { Value } from '../../model/value.ts'
import { deliveryLedger, pgError, poolOf } from '../../store/index.ts'
import { tableName } from '../../model/table-name.ts'
import { streamMark } from '../postgres/remap.ts'
import { applyRows } from './apply.ts'
import { beginStream, peekStream } from './checkpoint.ts'
import { postChunk, type Posting } from './post.ts'
import { createRequests } from './requests.ts'
import { Target, type Account } from './target.ts'

export interface ActionOptions {
  destination: ActionDestination
  /** Names the stream's checkpoint and its deliveries. */
  streamKey: string
  account: Account
  /** Text of a value. Throws MissingEnvironment. */
  resolve(value: Value): string
  /** Gets a token newer than `seen`: what is sent outside of a run cannot ask its workflow for one. */
  signIn(seen: number, signal: AbortSignal): Promise<void>
  /** Told what an operator should know. */
  note(message: string): Promise<void>
}

/** Destinations that are actions of APIs; they share the database of Isthmus for checkpoints and ledger. */
export interface Actions {
  open(options: ActionOptions): RowDestination
  close(): Promise<void>
}

/** Opens checkpoints and ledger in the database of Isthmus; its tables must exist (`Store.migrate`). */
export function openActions(databaseUrl: string): Actions {
  const pool = poolOf(databaseUrl, 'isthmus', 20)
  const ledger = deliveryLedger(pool)
  const call = async <R>(body: () => Promise<R>): Promise<R> => {
    try {
      return await body()
    } catch (error) {
      throw pgError(error, 'The database of Isthmus')
    }
  }
  return {
    open({ destination, streamKey, account, resolve, signIn, note }) {
      const requests = inTo(() => createRequests(destination, account.connection, resolve))
      // A target for each call: it keeps the token of that call.
      const posting = (): Posting => ({ pool, ledger, destination, target: new Target(account, requests, destination.source.csrf), note })
      return {
        check: (plan) =>
          call(async () => {
            if (plan.key.length === 0) throw new IsthmusError('InvalidInput', 'an action needs a key', { field: 'to.key', cure: "give the stream a key: 'id'" })
          }),
        peek: (plan, key) => call(() => peekStream(pool, plan, key)),
        begin: (plan, key, run, seqs = { committed: 0, used: 0, anew: false }) => call(() => beginStream(pool, plan, key, run, seqs)),
        post: (request, path, signal, refused = async () => {}) => call(() => postChunk(posting(), request, path, signal, refused)),
        // Nothing is taken away at an API: deletes of such a stream are refused when it is compiled.
        complete: async () => ({ kind: 'done', removed: 0 }),
        apply: (request, path, signal, refused = async () => {}) => call(() => applyRows({ posting: posting(), streamKey, signIn }, request, path, signal, refused)),
        mark: (key) => call(() => streamMark(pool, key, false)),
        remap: async (request) => {
          throw new IsthmusError('InvalidInput', `${tableName(request.plan)} is an action: what an API holds cannot be compared`, { field: 'to', cure: 'run the sync again: records that change are sent again' })
        },
        // Backfills go to tables only.
        forget: async () => {},
        close: async () => {},
      }
    },
    close: () => pool.end(),
  }
}

/** Runs a step on the side of the destination: errors of a connection name fields of `from`. */
export function inTo<R>(run: () => R): R {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof IsthmusError)) throw error
    const { type, message, cure, status } = error
    throw at(new IsthmusError(type, message, { field: error.field?.replace(/^from/, 'to') ?? 'to', cure, status }), {})
  }
}
