import { Readable } from 'node:stream'
import type { ClientBase } from 'pg'
import type { StreamPlan } from '../../model/plan.ts'
import type { RejectedKey } from '../../model/ports.ts'
import { tableOf } from '../../model/table-name.ts'
import { copyStream } from './copy.ts'
import { keyList, sameKey, seenTable, type Generation } from './generation.ts'
import { quotedTable } from './names.ts'
import { isRowError } from './row-errors.ts'

const GUESSED = 'pg_temp.isthmus_guessed'

/** Collects the keys that one chunk has seen, in the chunk's transaction. */
export class SeenKeys {
  readonly #client: ClientBase
  readonly #plan: StreamPlan
  readonly #table: string
  rows = 0
  /** Rejected records whose key could not be read. */
  unknown = 0

  constructor(client: ClientBase, plan: StreamPlan, table: string) {
    this.#client = client
    this.#plan = plan
    this.#table = seenTable(table)
  }

  /** Keys of rows that lie in another table, also of those the target refused. */
  async takeFrom(table: string): Promise<void> {
    const { rowCount } = await this.#client.query(`insert into ${this.#table} select distinct ${keyList(this.#plan)} from ${table}`)
    this.rows += rowCount ?? 0
  }

  /** Keys of rejected records: their rows stay, however bad the record is. */
  async takeRejected(keys: (RejectedKey | null)[]): Promise<void> {
    const read = keys.filter((k) => k !== null)
    this.unknown += keys.length - read.length
    await this.#takeKnown(read.filter((k) => !k.guessed))
    await this.#takeGuessed(read.filter((k) => k.guessed))
  }

  async #takeKnown(keys: RejectedKey[]): Promise<void> {
    const copied = await this.#copy(this.#table, keys)
    if (copied) this.rows += keys.length
    else this.unknown += keys.length
  }

  /** A guess that hits no row may be wrong, and then the record's row is another one. */
  async #takeGuessed(keys: RejectedKey[]): Promise<void> {
    if (keys.length === 0) return
    const { schema, table } = tableOf(this.#plan)
    await this.#client.query(`create temporary table isthmus_guessed (like ${this.#table}) on commit drop`)
    if (await this.#copy(GUESSED, keys)) {
      const target = quotedTable(schema, table)
      const { rowCount } = await this.#client.query(
        `insert into ${this.#table} select ${keyList(this.#plan, 'g')} from ${GUESSED} g where exists (select 1 from ${target} t where ${sameKey(this.#plan, 't', 'g')})`,
      )
      this.rows += rowCount ?? 0
      this.unknown += keys.length - (rowCount ?? 0)
    } else this.unknown += keys.length
    await this.#client.query(`drop table ${GUESSED}`)
  }

  /** false: PostgreSQL takes one of them for no key. */
  async #copy(table: string, keys: RejectedKey[]): Promise<boolean> {
    if (keys.length === 0) return true
    await this.#client.query('savepoint isthmus_keys')
    try {
      await copyStream(this.#client, `copy ${table} (${keyList(this.#plan)}) from stdin`, Readable.from(keys.map((k) => Buffer.from(`${k.cells}\n`))))
      await this.#client.query('release savepoint isthmus_keys')
      return true
    } catch (error) {
      if (!isRowError(error)) throw error
      await this.#client.query('rollback to savepoint isthmus_keys; release savepoint isthmus_keys')
      return false
    }
  }

  /** The generation with what this chunk added. */
  addedTo(generation: Generation): Generation {
    return { ...generation, rows: generation.rows + this.rows, unknown: generation.unknown + this.unknown }
  }
}
