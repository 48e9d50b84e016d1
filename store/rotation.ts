import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { IsthmusError } from '../model/errors.ts'
import { addDataKey, FRESH_MS, unwrap, wrapKey } from './keyring.ts'
import { STATE_LOCK } from './postgres.ts'
import { Resealer } from './reseal.ts'
import { inTransaction } from './transaction.ts'
import { wrongKey } from './vault.ts'
import type { VaultKey } from './vault-key.ts'

/** What a rotation has just done; it may be killed after each and goes on when it is begun again. */
export type RotationStep = 'begun' | 'batch' | 'resealed' | 'exchanged' | 'settling' | 'settled' | 'dropped'

export interface RotationOptions {
  pool: pg.Pool
  /** The key in use. */
  from: VaultKey
  /** The key that follows; null when only what is left of a rotation is to be finished. */
  to: VaultKey | null
  /** Puts the new key in the place of the old one; null where a person does that. */
  exchange: (() => Promise<void>) | null
  /** Drop what the old key opens: a person has exchanged the key everywhere. */
  finish: boolean
  step?(step: RotationStep): void
  /** Time for other processes to notice the new data key. For tests. */
  settleMs?: number
}

export interface Rotated {
  /** Id of the key that counts now. */
  key: string
  /** Values that were sealed anew. */
  resealed: number
  /** Values that no key of this vault opens: changed or moved by somebody. They are left as they are. */
  unopened: string[]
  /** Nothing is left that the old key opens. */
  finished: boolean
}

/** A rotation under way: ids of the vault's keys, and of the data key for new values. */
export interface PendingRotation {
  from: string
  to: string
  values: string
  /** The new key takes the old one's place by itself. */
  own: boolean
}

/** Processes that hold the former data key as the newest have looked again by then. */
const SETTLE_MS = FRESH_MS + 1_000
const MAX_PASSES = 10
const META = 'key rotation'

/**
 * Exchanges the key of the vault while workers run: every data key is wrapped by both keys, a new data key seals what is new, all values are
 * sealed again under it, then the old wraps go. Each step can be repeated, so a rotation that was killed goes on where it stopped. Throws VaultKey.
 */
export async function rotateKey({ pool, from, to, exchange, finish, step = () => {}, settleMs = SETTLE_MS }: RotationOptions): Promise<Rotated> {
  const plan = await begin(pool, from, to, exchange !== null)
  const began = performance.now()
  step('begun')
  const resealer = new Resealer(pool, from, plan.values)
  let { count: resealed, unopened } = await resealer.pass(() => step('batch'))
  step('resealed')
  if (plan.to !== from.id) {
    if (!exchange) return { key: plan.to, resealed, unopened, finished: false }
    await exchange()
    step('exchanged')
  } else if (!exchange && !finish) {
    return { key: plan.to, resealed, unopened, finished: false }
  }
  step('settling')
  await sleep(Math.max(0, settleMs - (performance.now() - began)))
  for (let passes = 0, more = 1; more > 0 && passes < MAX_PASSES; passes++) {
    const again = await resealer.pass(() => step('batch'))
    more = again.count
    resealed += more
    unopened = again.unopened
  }
  step('settled')
  await inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [STATE_LOCK])
    await dropWraps(client, plan.to)
    await client.query('delete from isthmus.meta where name = any($1)', [[META, 'key check']])
  })
  step('dropped')
  return { key: plan.to, resealed, unopened, finished: true }
}

/** The rotation that is under way, or was stopped. */
export async function pendingRotation(on: pg.Pool | pg.PoolClient): Promise<PendingRotation | null> {
  const { rows } = await on.query<{ value: string }>('select value from isthmus.meta where name = $1', [META])
  return rows[0] ? (JSON.parse(rows[0].value) as PendingRotation) : null
}

/** Gives up a rotation whose new key is lost or unwanted; the old key must be the one in use. What was sealed anew stays, since the old key opens that too. Throws VaultKey. */
export async function abandonRotation(pool: pg.Pool, from: VaultKey): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [STATE_LOCK])
    const under = await pendingRotation(client)
    if (!under) throw new IsthmusError('VaultKey', 'no rotation is under way', { cure: 'nothing is to be done' })
    if (under.from !== from.id) throw new IsthmusError('VaultKey', 'the new key is the one in use already', { cure: 'finish the rotation with `isthmus vault rotate-key --finish`' })
    await dropWraps(client, from.id)
    await client.query('delete from isthmus.meta where name = $1', [META])
  })
}

/** Leaves one root. A data key that it does not open keeps what opens it. */
async function dropWraps(client: pg.PoolClient, root: string): Promise<void> {
  await client.query('delete from isthmus.key_wraps w where root <> $1 and exists (select from isthmus.key_wraps o where o.data_key = w.data_key and o.root = $1)', [root])
}

/** Wraps every data key by both keys and makes the next ones, once for each rotation. */
async function begin(pool: pg.Pool, from: VaultKey, to: VaultKey | null, own: boolean): Promise<PendingRotation> {
  return inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [STATE_LOCK])
    const under = await pendingRotation(client)
    // The key was exchanged already: what is left needs the new one only.
    if (under && under.to === from.id) return under
    if (!to) throw new IsthmusError('VaultKey', under ? 'the key in use is still the old one' : 'no rotation is under way', { cure: under ? 'set the new key first, then finish' : 'begin one with `isthmus vault rotate-key`' })
    if (under && under.to !== to.id) throw new IsthmusError('VaultKey', 'a rotation to another key is under way', { cure: 'give that key to go on with it, or give it up with --abandon' })
    if (to.id === from.id) throw new IsthmusError('VaultKey', 'the new key is the one in use', { cure: 'give another one' })
    const wraps = (await client.query<{ data_key: string; root: string; sealed: string }>('select data_key, root, sealed from isthmus.key_wraps')).rows
    const mine = wraps.filter((w) => w.root === from.id)
    if (wraps.length > 0 && mine.length === 0) throw wrongKey(from)
    for (const { data_key, sealed } of mine) {
      await client.query('insert into isthmus.key_wraps (data_key, root, sealed) values ($1, $2, $3) on conflict do nothing', [data_key, to.id, wrapKey(to, unwrap(from, data_key, sealed))])
    }
    if (under) return under
    await addDataKey(client, 'payloads', [from, to])
    const plan: PendingRotation = { from: from.id, to: to.id, values: await addDataKey(client, 'values', [from, to]), own }
    await client.query('insert into isthmus.meta (name, value) values ($1, $2)', [META, JSON.stringify(plan)])
    return plan
  })
}
