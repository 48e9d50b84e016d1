import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import type { PayloadKeys } from '../model/connections.ts'
import { redactor } from '../model/redact/index.ts'
import { STATE_LOCK } from './postgres.ts'
import { inTransaction } from './transaction.ts'
import { hmac, openSealed, seal, sealedBy, wrongKey, type SealedPlace, type SealingKey } from './vault.ts'
import type { VaultKey } from './vault-key.ts'

export type KeyPurpose = 'values' | 'payloads' | 'fingerprints'
const PURPOSES: KeyPurpose[] = ['values', 'payloads', 'fingerprints']
/** So long a process may go on sealing with the key before the newest. */
export const FRESH_MS = 2_000
/** Payloads are many: the next key comes long before 2^32 of them were encrypted with one (1,000 a second are 2.6 * 10^9 in this time), since their IVs are random. */
const PAYLOAD_KEY_LIFE = '30 days'
/** A key that opens nothing is not read again at once: its command may take its time. */
const RELOAD_MS = 5_000

/**
 * Seals and opens values (envelope encryption): random data keys in the database, each wrapped by the key of the vault. Keys that came
 * with a rotation in another process are looked up when they are met.
 */
export class Keyring {
  readonly #pool: pg.Pool
  #root: VaultKey
  readonly #keys = new Map<string, SealingKey>()
  readonly #newest = new Map<KeyPurpose, { id: string; at: number }>()
  #loading: Promise<void> | null = null
  #reloading: { root: Promise<VaultKey>; at: number } | null = null

  constructor(pool: pg.Pool, root: VaultKey) {
    this.#pool = pool
    this.#root = root
  }

  /** Seals a text for one place. */
  async seal(text: string, place: SealedPlace): Promise<string> {
    return seal(await this.#newestOf('values'), text, place)
  }

  /** Opens what `seal` made there. Throws VaultKey. */
  async open(sealed: string, place: SealedPlace): Promise<string> {
    const by = sealedBy(sealed)
    if (by?.version === 1) return openSealed(this.#root, sealed, place)
    return openSealed(by ? await this.#byId(by.key) : await this.#newestOf('values'), sealed, place)
  }

  /** Tells whether two secrets are the same, and nothing else. The same over changes of the vault's key. */
  async fingerprint(secret: string): Promise<string> {
    return hmac((await this.#newestOf('fingerprints')).secret, secret).toString('base64url')
  }

  async payloadKeys(): Promise<PayloadKeys> {
    const { id, secret } = await this.#newestOf('payloads')
    return {
      current: { id, key: secret },
      get: async (wanted) => (await this.#find(wanted))?.secret ?? null,
    }
  }

  /** Makes the first data keys, or opens those there are. Throws VaultKey when this database belongs to another key. */
  async load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => { this.#loading = null })
    return this.#loading
  }

  async #load(): Promise<void> {
    const read = () => this.#pool.query<{ id: string; purpose: KeyPurpose; over: boolean }>(`select id, purpose, purpose = 'payloads' and created_at < now() - interval '${PAYLOAD_KEY_LIFE}' as over from isthmus.data_keys order by created_at, id`)
    let { rows } = await read()
    const due = PURPOSES.filter((p) => rows.findLast((r) => r.purpose === p)?.over ?? true)
    if (due.length > 0) {
      await inTransaction(this.#pool, (client) => this.#add(client, due))
      rows = (await read()).rows
    }
    for (const { id } of rows) if (!this.#keys.has(id)) await this.#fetch(id)
    for (const { id, purpose } of rows) this.#newest.set(purpose, { id, at: performance.now() })
  }

  /** Makes data keys unless others have. Not while another root opens some too, since it would not open these. */
  async #add(client: pg.PoolClient, purposes: KeyPurpose[]): Promise<void> {
    await client.query('select pg_advisory_xact_lock($1)', [STATE_LOCK])
    const { rows } = await client.query<{ alone: boolean; fresh: KeyPurpose[] }>(
      `select coalesce((select bool_and(root = $1) from isthmus.key_wraps), true) and not exists (select from isthmus.meta where name = 'key rotation') as alone,
       array(select distinct purpose::text from isthmus.data_keys where purpose <> 'payloads' or created_at >= now() - interval '${PAYLOAD_KEY_LIFE}') as fresh`,
      [this.#root.id],
    )
    for (const purpose of purposes) if (rows[0]!.alone && !rows[0]!.fresh.includes(purpose)) await addDataKey(client, purpose, [this.#root])
  }

  async #newestOf(purpose: KeyPurpose): Promise<SealingKey> {
    const known = this.#newest.get(purpose)
    if (!known || performance.now() - known.at > FRESH_MS) await this.load()
    return this.#keys.get(this.#newest.get(purpose)!.id)!
  }

  async #byId(id: string): Promise<SealingKey> {
    const found = await this.#find(id)
    if (found) return found
    throw wrongKey(this.#root)
  }

  async #find(id: string): Promise<SealingKey | null> {
    const known = this.#keys.get(id)
    if (known) return known
    const { rowCount } = await this.#pool.query('select 1 from isthmus.data_keys where id = $1', [id])
    return rowCount === 0 ? null : this.#fetch(id)
  }

  /** Opens one data key; the vault's key is read again where it may have been exchanged. */
  async #fetch(id: string): Promise<SealingKey> {
    const wrap = async (root: VaultKey) => (await this.#pool.query<{ sealed: string }>('select sealed from isthmus.key_wraps where data_key = $1 and root = $2', [id, root.id])).rows[0]?.sealed
    let sealed = await wrap(this.#root)
    if (sealed === undefined) {
      const root = await this.#reload()
      sealed = await wrap(root)
      if (sealed !== undefined) {
        this.#root = root
        this.#reloading = null
      }
    }
    if (sealed === undefined) throw wrongKey(this.#root)
    const key = unwrap(this.#root, id, sealed)
    redactor.add(key.secret.toString('base64'))
    this.#keys.set(id, key)
    return key
  }

  /** The vault's key as it stands where it came from; callers at the same time share one look. */
  #reload(): Promise<VaultKey> {
    const root = this.#root
    if (!root.reload) return Promise.resolve(root)
    if (!this.#reloading || performance.now() - this.#reloading.at > RELOAD_MS) this.#reloading = { root: root.reload(), at: performance.now() }
    return this.#reloading.root
  }
}

const wrapPlace = (id: string): SealedPlace => ({ table: 'key_wraps', row: id, field: 'sealed' })

export function wrapKey(root: VaultKey, key: SealingKey): string {
  return seal(root, key.secret.toString('base64'), wrapPlace(key.id), 1)
}

export function unwrap(root: VaultKey, id: string, sealed: string): SealingKey {
  return { id, secret: Buffer.from(openSealed(root, sealed, wrapPlace(id)), 'base64') }
}

/** A new data key, wrapped by each of the vault's keys. */
export async function addDataKey(client: pg.PoolClient, purpose: KeyPurpose, roots: VaultKey[]): Promise<string> {
  const key = { id: randomBytes(8).toString('hex'), secret: randomBytes(32) }
  await client.query('insert into isthmus.data_keys (id, purpose) values ($1, $2)', [key.id, purpose])
  for (const root of roots) await client.query('insert into isthmus.key_wraps (data_key, root, sealed) values ($1, $2, $3)', [key.id, root.id, wrapKey(root, key)])
  return key.id
}
