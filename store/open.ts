import type pg from 'pg'
import type { Store } from '../model/ports.ts'
import { backfillQueries } from './backfills.ts'
import { apiKeyQueries } from './api-keys.ts'
import { CallbackError } from './callback-error.ts'
import { connectLinkQueries } from './connect-links.ts'
import { connectionQueries } from './connections.ts'
import { inboxQueries } from './inbox.ts'
import { checkKey } from './key-check.ts'
import { logQueries } from './log.ts'
import { Keyring } from './keyring.ts'
import { migrate } from './migrate.ts'
import { createPacers } from './pacing/index.ts'
import { planQueries } from './plans.ts'
import { pgError, poolOf } from './postgres.ts'
import { problemQueries } from './watch-problems.ts'
import { streamWatchQueries } from './watch-streams.ts'
import { rejectQueries } from './rejects.ts'
import { remapQueries } from './remaps.ts'
import { runQueries } from './runs.ts'
import { scheduleQueries } from './schedules.ts'
import { settingsQueries } from './settings.ts'
import { tokenQueries } from './tokens.ts'
import { triggerQueries } from './triggers.ts'
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
  const log = logQueries(pool)
  const pacers = createPacers(pool, databaseUrl, log.recovered)
  // On its own, since keys are looked up while transactions hold the connections of the pool.
  const keys = poolOf(databaseUrl, 'isthmus keys', 1)
  const keyring = new Keyring(keys, key)
  const tokens = tokenQueries(pool, keyring, silenceMs)
  const queries: Omit<Store, 'close' | 'pacer'> = {
    async migrate() {
      await migrate(pool)
      await checkKey(pool, key)
      await keyring.load()
    },
    ...planQueries(pool),
    ...runQueries(pool),
    log: log.log,
    logOnce: log.logOnce,
    logs: log.logs,
    ...rejectQueries(pool),
    ...remapQueries(pool),
    ...backfillQueries(pool),
    ...scheduleQueries(pool),
    ...settingsQueries(pool, keyring),
    ...tokens.queries,
    ...connectionQueries(pool, keyring),
    ...connectLinkQueries(pool, keyring),
    ...triggerQueries(pool),
    ...apiKeyQueries(pool),
    ...inboxQueries(pool),
    ...streamWatchQueries(pool),
    ...problemQueries(pool),
    payloadKeys: () => keyring.payloadKeys(),
  }
  const close = async (): Promise<void> => {
    await pacers.close()
    await tokens.settled()
    await keys.end()
    await pool.end()
  }
  const translated = withErrors(queries)
  try {
    await probe(pool, key)
  } catch (error) {
    await keys.end()
    await pool.end()
    throw pgError(error, 'The database of Isthmus')
  }
  return { ...translated, pacer: pacers.open, close }
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
