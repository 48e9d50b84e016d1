import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { IsthmusError } from '../model/errors.ts'
import { addDataKey, unwrap, wrapKey } from './keyring.ts'
import { openSealedValue, SEALED, type Sealed } from './sealed-values.ts'
import { STATE_LOCK } from './postgres.ts'
import { inTransaction } from './transaction.ts'
import { seal, wrongKey, type SealingKey } from './vault.ts'
import type { VaultKey } from './vault-key.ts'

export interface RotationOptions {
  pool: pg.Pool
  /** The key in use. */
  from: VaultKey
  /** The key that follows; null when only what is left of a rotation is to be finished. */
  to: VaultKey | null
  /** Puts the new key in the place of the old one; null where a person does that. */
  exchange: (() => Promise<void>) | null
  /** Drop what the old key opens, although a person had to exchange the key. */
  finish: boolean
  say?(line: string): void
}

export interface Rotated {
  /** Id of the key that counts now. */
  key: string
  /** Values that were sealed anew. */
  resealed: number
  /** Nothing is left that the old key opens. */
  finished: boolean
}

interface Plan {
  from: string
  to: string
  /** The data key for new values. */
  values: string
}

/** Processes that hold the former data key as the newest look again after 5 s. */
const SETTLE_MS = 6_000
const META = 'key rotation'
const BATCH = 200

/**
 * Exchanges the key of the vault while workers run: every data key is wrapped by both keys, a new data key seals what is new, all values are
 * sealed again under it, then the old wraps go. Each step can be repeated, so a rotation that was killed goes on where it stopped. Throws VaultKey.
 */
export async function rotateKey({ pool, from, to, exchange, finish, say = () => {} }: RotationOptions): Promise<Rotated> {
  const plan = await begin(pool, from, to)
  const keys = new Map<string, SealingKey>()
  const began = performance.now()
  let resealed = 0
  const pass = async (): Promise<void> => {
    for (const sealed of SEALED) resealed += await resealAll(pool, sealed, plan, from, keys)
  }
  await pass()
  if (plan.to !== from.id && exchange) await exchange()
  const done = exchange !== null || finish || plan.to === from.id
  if (!done) return { key: plan.to, resealed, finished: false }
  say('waiting for processes that still seal with the former key')
  await sleep(Math.max(0, SETTLE_MS - (performance.now() - began)))
  await pass()
  await inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [STATE_LOCK])
    await client.query('delete from isthmus.key_wraps where root <> $1', [plan.to])
    await client.query('delete from isthmus.meta where name = any($1)', [[META, 'key check']])
  })
  return { key: plan.to, resealed, finished: true }
}

/** Wraps every data key by both keys and makes the next ones, once for each rotation. */
async function begin(pool: pg.Pool, from: VaultKey, to: VaultKey | null): Promise<Plan> {
  return inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [STATE_LOCK])
    const { rows } = await client.query<{ value: string }>('select value from isthmus.meta where name = $1', [META])
    const under = rows[0] ? (JSON.parse(rows[0].value) as Plan) : null
    // The key was exchanged already: what is left needs the new one only.
    if (under && under.to === from.id) return under
    if (!to) throw new IsthmusError('VaultKey', under ? 'the key in use is still the old one' : 'no rotation is under way', { cure: under ? 'set the new key first, then finish' : 'begin one with `isthmus vault rotate-key`' })
    if (under && under.to !== to.id) throw new IsthmusError('VaultKey', 'a rotation to another key is under way', { cure: 'give that key to finish it first' })
    const wraps = (await client.query<{ data_key: string; root: string; sealed: string }>('select data_key, root, sealed from isthmus.key_wraps')).rows
    const mine = wraps.filter((w) => w.root === from.id)
    if (wraps.length > 0 && mine.length === 0) throw wrongKey()
    for (const { data_key, sealed } of mine) {
      await client.query('insert into isthmus.key_wraps (data_key, root, sealed) values ($1, $2, $3) on conflict do nothing', [data_key, to.id, wrapKey(to, unwrap(from, data_key, sealed))])
    }
    if (under) return under
    await addDataKey(client, 'payloads', [from, to])
    const plan: Plan = { from: from.id, to: to.id, values: await addDataKey(client, 'values', [from, to]) }
    await client.query('insert into isthmus.meta (name, value) values ($1, $2)', [META, JSON.stringify(plan)])
    return plan
  })
}

/** Seals all values of one column anew. A value that was written meanwhile is met by the next pass. */
async function resealAll(pool: pg.Pool, sealed: Sealed, plan: Plan, root: VaultKey, keys: Map<string, SealingKey>): Promise<number> {
  let count = 0
  const key = await dataKey(pool, plan.values, root, keys)
  for (;;) {
    const { rows } = await pool.query<{ row: string; field: string; sealed: string }>(`${sealed.select} and (left(${sealed.column}, 3) <> 'v2.' or split_part(${sealed.column}, '.', 2) <> $1) limit ${BATCH}`, [plan.values])
    if (rows.length === 0) return count
    for (const row of rows) {
      const place = { table: sealed.table, row: row.row, field: row.field }
      const text = await openSealedValue(row.sealed, place, root, (id) => dataKey(pool, id, root, keys))
      const { rowCount } = await pool.query(sealed.update, [seal(key, text, place), row.sealed, row.row, ...(sealed.byField ? [row.field] : [])])
      count += rowCount ?? 0
    }
  }
}

async function dataKey(pool: pg.Pool, id: string, root: VaultKey, keys: Map<string, SealingKey>): Promise<SealingKey> {
  const known = keys.get(id)
  if (known) return known
  const { rows } = await pool.query<{ sealed: string }>('select sealed from isthmus.key_wraps where data_key = $1 and root = $2', [id, root.id])
  if (!rows[0]) throw wrongKey()
  const key = unwrap(root, id, rows[0].sealed)
  keys.set(id, key)
  return key
}
