import type { SourceInput, StreamInput } from '../model/source.ts'
import type { EnvRef } from '../model/value.ts'
import type { StreamRef } from './rest.ts'

export interface QueryOptions {
  /** Columns that identify a row, none of them null or repeated: rows are read in their order, so they want an index. */
  key: string | string[]
  /** Column that says when a row changed (or its growing number), with the bound of the very first run and an overlap as in streams of APIs. */
  incremental?: string | Omit<Extract<NonNullable<StreamInput['incremental']>, { field: unknown }>, 'kind' | 'send' | 'in' | 'format'>
  /** Name of the stream. Default `rows`. */
  name?: string
  /** Longest time that the database may work on a chunk. Default `10m`. */
  timeout?: string
  /** How many rows are expected; only for estimates. */
  expect?: number
}

/** Rows of a query of a PostgreSQL database; null is the one of Isthmus itself. Plain data; checked when the sync is compiled. */
export function postgresQuery(url: EnvRef | null, text: string, { key, incremental, name = 'rows', timeout, expect }: QueryOptions): StreamRef {
  const source: SourceInput = { kind: 'postgres', baseUrl: url ?? '' }
  const columns = [key].flat()
  const increment = incremental === undefined ? null : { kind: 'field' as const, ...(typeof incremental === 'string' ? { field: incremental } : incremental) }
  return {
    kind: 'stream',
    source,
    // Names of columns are no paths: a dot is part of them.
    stream: { name, sql: { text, key: columns, ...(timeout !== undefined && { timeout }) }, key: columns.map((k) => [k]), incremental: increment, ...(expect !== undefined && { expect }) },
  }
}
