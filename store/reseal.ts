import type pg from 'pg'
import { IsthmusError } from '../model/errors.ts'
import { unwrap } from './keyring.ts'
import { SEALED, type Sealed } from './sealed-values.ts'
import { openSealed, seal, sealedBy, wrongKey, type SealedPlace, type SealingKey } from './vault.ts'
import type { VaultKey } from './vault-key.ts'

const BATCH = 200

export interface Resealed {
  /** Values that were sealed anew. */
  count: number
  /** Values that do not open with any key of this vault, `<table> <row>` each: they are left as they are. */
  unopened: string[]
}

/** Seals all values of the database under one data key. `batch` is called after each 200 values. */
export class Resealer {
  readonly #pool: pg.Pool
  readonly #root: VaultKey
  readonly #to: string
  readonly #keys = new Map<string, SealingKey>()

  constructor(pool: pg.Pool, root: VaultKey, to: string) {
    this.#pool = pool
    this.#root = root
    this.#to = to
  }

  /** Goes through every column once. A value that is written meanwhile is met by the next pass. */
  async pass(batch: () => void = () => {}): Promise<Resealed> {
    const done: Resealed = { count: 0, unopened: [] }
    for (const sealed of SEALED) await this.#column(sealed, done, batch)
    return done
  }

  async #column(sealed: Sealed, done: Resealed, batch: () => void): Promise<void> {
    const key = await this.#dataKey(this.#to)
    let last = ['', '']
    for (;;) {
      const { rows } = await this.#pool.query<{ row: string; field: string; sealed: string }>(
        `select * from (${sealed.select}) v where (left(sealed, 3) <> 'v2.' or split_part(sealed, '.', 2) <> $1) and ("row" collate "C", field collate "C") > ($2, $3)
         order by "row" collate "C", field collate "C" limit ${BATCH}`,
        [this.#to, ...last],
      )
      if (rows.length === 0) return
      // One by one: a row stays locked for a moment only, and nobody who changes several can wait for us while we wait for him.
      for (const row of rows) {
        const place = { table: sealed.table, row: row.row, field: row.field }
        const text = await this.#open(row.sealed, place)
        if (text === null) done.unopened.push(`${row.row} in isthmus.${sealed.table}`)
        else done.count += (await this.#pool.query(sealed.update, [seal(key, text, place), row.sealed, row.row, ...(sealed.byField ? [row.field] : [])])).rowCount ?? 0
      }
      last = [rows.at(-1)!.row, rows.at(-1)!.field]
      batch()
    }
  }

  /** null when it opens with no key there is: it was changed or moved. */
  async #open(sealed: string, place: SealedPlace): Promise<string | null> {
    try {
      const by = sealedBy(sealed)
      return openSealed(by?.version === 2 ? await this.#dataKey(by.key) : this.#root, sealed, place)
    } catch (error) {
      if (error instanceof IsthmusError && error.type === 'VaultKey') return null
      throw error
    }
  }

  async #dataKey(id: string): Promise<SealingKey> {
    const known = this.#keys.get(id)
    if (known) return known
    const { rows } = await this.#pool.query<{ sealed: string }>('select sealed from isthmus.key_wraps where data_key = $1 and root = $2', [id, this.#root.id])
    if (!rows[0]) throw wrongKey(this.#root)
    const key = unwrap(this.#root, id, rows[0].sealed)
    this.#keys.set(id, key)
    return key
  }
}
