import { z } from 'zod'
import { pathSchema, valueSchema } from './value.ts'
import { actionSchema } from './action.ts'
import { scheduleSchema } from './schedule.ts'
import { sourceSchema, streamSchema } from './source.ts'
import { triggerSchema } from './webhook.ts'

/** The plan: what a sync compiles to. Plain JSON, printed by `isthmus plan`, and all that a run interprets. */

// ---------------------------------------------------------------- columns
export const columnTypeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('text') }),
  z.strictObject({ kind: z.literal('enum'), values: z.array(z.string()) }),
  /** 64-bit whole number (`bigint`). */
  z.strictObject({ kind: z.literal('integer') }),
  z.strictObject({ kind: z.literal('float') }),
  /** Exact number (`numeric`); null = unconstrained. */
  z.strictObject({ kind: z.literal('decimal'), precision: z.int().nullable(), scale: z.int().nullable() }),
  z.strictObject({ kind: z.literal('boolean') }),
  /** Calendar date. */
  z.strictObject({ kind: z.literal('date') }),
  /** Moment in time (`timestamptz`), microseconds. */
  z.strictObject({ kind: z.literal('timestamp') }),
  /** Date and time without a zone (`timestamp`), microseconds. */
  z.strictObject({ kind: z.literal('localTimestamp') }),
  z.strictObject({ kind: z.literal('time') }),
  z.strictObject({ kind: z.literal('uuid') }),
  /** Anything nested (`jsonb`); numbers inside keep their digits. */
  z.strictObject({ kind: z.literal('json') }),
])
export type ColumnType = z.output<typeof columnTypeSchema>

export const columnSchema = z.strictObject({
  /** Name in the model. */
  name: z.string(),
  type: columnTypeSchema,
  nullable: z.boolean(),
  /** The model puts further conditions on this field (min, regex, refine ...), checked with zod while mapping. */
  checked: z.boolean(),
})
export type Column = z.output<typeof columnSchema>

// ---------------------------------------------------------------- mapping
/** How one column is filled, as data. The column's type decides the cast. */
export const fieldRuleSchema = z.strictObject({
  /** Where the value stands in the record; null with `value`. */
  path: pathSchema.nullable().default(null),
  /** A constant instead of a path. */
  value: z.json().optional(),
  /** Taken when the value is missing or null. */
  default: z.json().optional(),
  /** Replaces values, for example `{ A: 'active' }`; keys are the source's values as text. */
  table: z.record(z.string(), z.json()).optional(),
  /** Pattern of a date or time: `iso` or letters yyyy MM dd HH mm ss SSS, or `epoch`, `epochMs`. */
  format: z.string().optional(),
  /** IANA zone of times that carry none, for example `Europe/Berlin`. Without it they are an error for `timestamp` columns. */
  zone: z.string().optional(),
  /** Decimal separator of numbers that are text. */
  decimal: z.enum(['.', ',']).optional(),
  /** Texts that mean true and false. */
  truthy: z.array(z.string()).optional(),
  falsy: z.array(z.string()).optional(),
  /** Treat these texts as null. */
  nulls: z.array(z.string()).optional(),
  /** Cut white space at both ends of texts. */
  trim: z.boolean().optional(),
})
export type FieldRule = z.output<typeof fieldRuleSchema>

export const mappingSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fields'), fields: z.record(z.string(), fieldRuleSchema) }),
  /** A function in the sync's file: loaded by the worker from `file`, stream `stream`. `hash` is that of the file's text. */
  z.strictObject({ kind: z.literal('code'), hash: z.string() }),
])
export type Mapping = z.output<typeof mappingSchema>

// ---------------------------------------------------------------- destination
export const tableDestinationSchema = z.strictObject({
  kind: z.literal('postgres'),
  /** null = the database of Isthmus itself (`DATABASE_URL`, or the embedded one). */
  url: valueSchema.nullable(),
  schema: z.string(),
  table: z.string(),
})
export type TableDestination = z.output<typeof tableDestinationSchema>

export const actionDestinationSchema = z.strictObject({
  kind: z.literal('action'),
  /** Id of the connection the action belongs to: credentials and limits. */
  connection: z.string(),
  source: sourceSchema,
  action: actionSchema,
})
export type ActionDestination = z.output<typeof actionDestinationSchema>

export const destinationSchema = z.discriminatedUnion('kind', [tableDestinationSchema, actionDestinationSchema])
export type Destination = z.output<typeof destinationSchema>

export const modeSchema = z.enum(['upsert', 'append', 'replace'])
export type Mode = z.output<typeof modeSchema>

// ---------------------------------------------------------------- policy
const share = z.number().min(0).max(1)
/** What happens to rows whose record is no longer at the source; known only after a complete scan (no lower bound). */
export const deletesSchema = z.strictObject({
  /** `soft` sets `column`, `hard` deletes the row, `none` leaves it. */
  mode: z.enum(['none', 'soft', 'hard']).default('none'),
  /** Column (timestamp) that soft deletes fill; null while the record is there. */
  column: z.string().default('_deleted_at'),
  /** A larger share of the rows than this waits for `approve`, and so does an empty answer. */
  approveAbove: share.default(0.2),
})
export type Deletes = z.output<typeof deletesSchema>

/** When a stream stops because something is plainly wrong, and waits for a person. Shares of 0 to 1; 1 never stops. */
export const guardSchema = z.strictObject({
  /** Share of the records read that were rejected, once 100 are read. */
  rejects: share.default(0.25),
  /** By how much a complete scan may be smaller than the last one, when that had 100 records or more. */
  drop: share.default(0.5),
})
export type Guard = z.output<typeof guardSchema>

// ---------------------------------------------------------------- stream and sync
export const streamPlanSchema = z.strictObject({
  /** Name of the stream; unique in the plan. */
  name: z.string(),
  /** Id of the connection: shared credentials, limits and health. */
  connection: z.string(),
  source: sourceSchema,
  stream: streamSchema,
  destination: destinationSchema,
  columns: z.array(columnSchema).min(1),
  /** Names of the columns that identify a row; [] only for append. */
  key: z.array(z.string()),
  mapping: mappingSchema,
  mode: modeSchema,
  deletes: deletesSchema,
  guard: guardSchema,
  /** Bounds of one chunk. */
  chunk: z.strictObject({ ms: z.int(), bytes: z.int(), requests: z.int() }),
  /** Hash of what identifies a scan (source, stream, key): positions of another scan are ignored. */
  scan: z.string(),
})
export type StreamPlan = z.output<typeof streamPlanSchema>

export const planSchema = z.strictObject({
  version: z.literal(1),
  /** Path of the file below `syncs/`, without its ending: `acme/invoices`. */
  id: z.string(),
  /** The file, relative to the project. */
  file: z.string(),
  streams: z.array(streamPlanSchema).min(1),
  /** Interval such as `15m`, or null. */
  every: z.string().nullable(),
  /** When runs start by themselves; null: never. Plans of older releases have none. */
  schedule: scheduleSchema.nullable().default(null),
  /** Events that make it run. */
  on: z.array(triggerSchema).default([]),
  /** sha256 (hex) of the plan without this field. */
  hash: z.string(),
})
export type Plan = z.output<typeof planSchema>
