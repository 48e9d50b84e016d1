import type pg from 'pg'
import type { Store } from '../model/ports.ts'
import { slotReserver } from './budget.ts'
import { CallbackError } from './callback-error.ts'
import { checkKey } from './key-check.ts'
import { logQueries } from './log.ts'
import { migrate } from './migrate.ts'
import { planQueries } from './plans.ts'
import { pgError, poolOf } from './postgres.ts'
import { rejectQueries } from './rejects.ts'
import { runQueries } from './runs.ts'
import { settingsQueries } from './settings.ts'
import { tokenQueries } from './tokens.ts'
import type { VaultKey } from './vault-key.ts'

export interface StoreOptions {
  /** Seals settings and tokens. */
  key: VaultKey
  /** Without a sign of life for so long a process that exchanges a token counts as dead. 15 s by default; for tests. */
  silenceMs?: number
}

/**
 * Opens the state tables of Isthmus. Throws Unreachable, InvalidInput (sign-in, name of the database) or VaultKey (the values
 * there were sealed with another key). `migrate()` makes the tables.
 */
export async function openStore(databaseUrl: string, { key, silenceMs }: StoreOptions): Promise<Store> {
  const pool = poolOf(databaseUrl, 'isthmus store', 10)
  const tokens = tokenQueries(pool, key, silenceMs)
  const store: Store = {
    async migrate() {
      await migrate(pool)
      await checkKey(pool, key)
    },
    ...planQueries(pool),
    ...runQueries(pool),
    ...logQueries(pool),
    ...rejectQueries(pool),
    ...settingsQueries(pool, key),
    ...tokens.queries,
    ...slotReserver(pool),
    async close() {
      await tokens.settled()
      await pool.end()
    },
  }
  const { close, ...queries } = store
  const translated = withErrors(queries)
  try {
    await probe(pool, key)
  } catch (error) {
    await pool.end()
    throw pgError(error, 'The database of Isthmus')
  }
  return { ...translated, close }
}

async function probe(pool: pg.Pool, key: VaultKey): Promise<void> {
  const { rows } = await pool.query<{ there: boolean }>(`select to_regclass('isthmus.meta') is not null as there`)
  if (rows[0]!.there) await checkKey(pool, key)
}

function withErrors<T extends object>(queries: T): T {
  const wrap = (f: (...args: unknown[]) => Promise<unknown>) => async (...args: unknown[]) => {
    try {
      return await f(...args)
    } catch (error) {
      throw error instanceof CallbackError ? error.cause : pgError(error, 'The database of Isthmus')
    }
  }
  return Object.fromEntries(Object.entries(queries).map(([name, f]) => [name, wrap(f as (...args: unknown[]) => Promise<unknown>)])) as T
}
