import type { z } from 'zod'
import type { ActionRef, StreamRef } from '../connectors/rest.ts'
import type { TriggerRef } from '../connectors/webhook.ts'
import { postgresQuery, type QueryOptions } from '../connectors/query.ts'
import type { CheckFields, FieldsMapping, MapFor } from '../model/mapping/index.ts'
import type { deletesSchema, guardSchema, Mode } from '../model/plan.ts'
import type { EnvRef } from '../model/value.ts'
import type { ScheduleOptions } from './compile-schedule.ts'

/** A table as a sync names it in `to`. */
export interface TableRef {
  kind: 'table'
  url: EnvRef | null
  schema: string
  table: string
  key: string[] | null
}

export interface TableOptions {
  /** Columns of the model that identify a row. Default: the columns filled from the stream's `key`. */
  key?: string | string[]
}

export interface PostgresDatabase {
  /** A table by name (`orders`) or schema and name (`sales.orders`; default schema `public`). Created from the model when it does not exist. */
  table(name: string, options?: TableOptions): TableRef
  /**
   * Rows of a query as a stream of records, read in the order of `key` and only read: `postgres.query('select id, email from people', { key: 'id' })`.
   * With `incremental` further runs ask for `<column> >= <highest value so far>`, or bind it where `{since}` stands in the query.
   */
  query(text: string, options: QueryOptions): StreamRef
}

function database(url: EnvRef | null): PostgresDatabase {
  return {
    table(name, options = {}) {
      const dot = name.indexOf('.')
      const key = options.key === undefined ? null : [options.key].flat()
      return { kind: 'table', url, schema: dot < 0 ? 'public' : name.slice(0, dot), table: name.slice(dot + 1), key }
    },
    query: (text, options) => postgresQuery(url, text, options),
  }
}

/**
 * PostgreSQL as destination, or with `query` as source. `postgres.table('orders')` is a table in Isthmus' own database
 * (`DATABASE_URL`, or the one that `isthmus dev` starts); `postgres({ url: env('WAREHOUSE_URL') })` is another database.
 */
export const postgres: PostgresDatabase & ((options: { url: EnvRef }) => PostgresDatabase) = Object.assign(
  (options: { url: EnvRef }) => database(options.url),
  database(null),
)

export interface Flow<M extends z.ZodObject, S> {
  /** What is read: `rest({...}).stream('orders', {...})`. */
  from: StreamRef
  /** Where it goes: `postgres.table('orders')`, or an action of an API: `rest({...}).action('contact.upsert', {...})`. */
  to: TableRef | ActionRef
  /** What a row is: a zod object. Its fields become the columns. */
  model: M
  /** How a source record becomes a row: `fields({...})`, or a function that returns one (or null to leave the record out). */
  map: MapFor<M> | (FieldsMapping<S> & CheckFields<M, S>)
  /**
   * `upsert` inserts new keys and updates known ones; `append` only adds; `replace` exchanges the whole table at the end of a run.
   * Default: `upsert` when the rows have a key, else `replace`.
   */
  mode?: Mode
  /**
   * What happens to rows whose record is no longer at the source, found by scans that read everything. `soft` sets the column `_deleted_at`
   * (or `column`), `hard` deletes the row. A share above `approveAbove` (default 0.2), or an empty answer, waits for approval. Default: nothing.
   */
  deletes?: z.input<typeof deletesSchema>['mode'] | z.input<typeof deletesSchema>
  /** When the stream stops and waits for a person: share of rejects (default 0.25), drop of a full scan against the last one (default 0.5). */
  guard?: z.input<typeof guardSchema>
}

/** A flow whose model is not known to the compiler. */
export interface AnyFlow extends Omit<Flow<z.ZodObject, never>, 'map'> {
  map: ((record: never) => unknown) | FieldsMapping<never>
}

export interface SyncOptions {
  /** Starts a run at this interval once it is deployed, for example `15m`: short for `schedule: { every: '15m' }`. */
  every?: string
  /** When runs start by themselves once it is deployed: `{ cron: '0 6 * * 1-5', timeZone: 'Europe/Berlin' }`. */
  schedule?: ScheduleOptions
  /** Runs it when events arrive: `on: hook.on('invoice.*')` of a `webhook({...})`. A stream of events makes its sync run by itself. */
  on?: TriggerRef | TriggerRef[]
  /** Another id than the file's path below `syncs/`. */
  id?: string
}

export interface SyncDefinition {
  kind: 'sync'
  flows: AnyFlow[]
  every: string | null
  schedule?: ScheduleOptions | null
  on: TriggerRef[]
  id: string | null
}

/**
 * A sync: source stream, mapping and destination. Export it as default from a file below `syncs/`; the file's path is the sync's id.
 * Nothing happens here: the definition is checked and compiled when a command names it.
 */
export function defineSync<M extends z.ZodObject, const S>(sync: Flow<M, S> & SyncOptions): SyncDefinition
/** A sync of several streams, each with its own destination and mapping, as `flow({...})`. */
export function defineSync(sync: { streams: AnyFlow[] } & SyncOptions): SyncDefinition
export function defineSync(sync: (AnyFlow | { streams: AnyFlow[] }) & SyncOptions): SyncDefinition {
  const flows = 'streams' in sync ? sync.streams : [sync]
  return { kind: 'sync', flows, every: sync.every ?? null, schedule: sync.schedule ?? null, on: [sync.on ?? []].flat(), id: sync.id ?? null }
}

/** One stream of a sync that has several. */
export function flow<M extends z.ZodObject, const S>(one: Flow<M, S>): AnyFlow {
  return one as unknown as AnyFlow
}
