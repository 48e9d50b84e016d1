import { z } from 'zod'
import { TENANT_NAME } from '../../model/tenant.ts'
import { SCOPES } from '../api-keys.ts'

/** Shapes of the HTTP API, from which its OpenAPI document is made. Times are ISO 8601 in UTC. */

/** A value as JSON carries it: dates as texts. */
export type Wire<T> = T extends Date ? string : T extends (infer E)[] ? Wire<E>[] : T extends object ? { [K in keyof T]: Wire<T[K]> } : T
export function wire<T>(value: T): Wire<T> {
  return JSON.parse(JSON.stringify(value)) as Wire<T>
}

const time = z.iso.datetime()
const count = z.int().min(0)
export const tenant = z.string().regex(TENANT_NAME, 'use at most 40 lower-case letters, digits, - and _ (never two _ together), with a letter or digit first').describe('the customer it is for: its connection, checkpoints and tables')
export const scopeSchema = z.enum(SCOPES)

// ---------------------------------------------------------------- syncs
export const syncSchema = z.object({
  id: z.string(),
  file: z.string(),
  every: z.string().nullable().describe('interval of its schedule'),
  streams: z.array(z.object({ name: z.string(), connection: z.string(), to: z.string(), mode: z.string() })),
  error: z.object({ type: z.string(), message: z.string(), field: z.string().nullable(), cure: z.string().nullable() }).nullable().describe('why it does not load'),
})
export const planSchema = z.looseObject({ version: z.literal(1), id: z.string(), file: z.string(), hash: z.string(), every: z.string().nullable(), streams: z.array(z.looseObject({ name: z.string(), connection: z.string() })) })
export const estimateSchema = z.object({
  stream: z.string(), records: count.nullable(), calls: count.nullable(), seconds: z.number().nullable(),
  basis: z.enum(['last run', 'declared', 'unknown']).describe('what the figures rest on'),
})

// ---------------------------------------------------------------- runs
const outcome = z.enum(['completed', 'failed', 'cancelled', 'skipped', 'parked'])
const outcomeNow = z.enum(['running', ...outcome.options])
export const countsSchema = z.object({
  read: count, inserted: count, updated: count, unchanged: count, deleted: count, filtered: count, rejected: count,
  removed: count.describe('rows that are no longer at the source'), pages: count, requests: count, chunks: count, bytes: count,
})
const runError = z.object({ type: z.string(), message: z.string(), field: z.string(), cure: z.string() })
export const receiptSchema = z.object({
  sync: z.string(), run: z.string(), outcome,
  streams: z.array(z.object({
    stream: z.string(), outcome, resumed: z.boolean(), counts: countsSchema,
    waits: z.object({ count, ms: z.number(), reasons: z.record(z.string(), z.number()) }), tokenRefreshes: count, error: runError.nullable(),
  })),
  total: countsSchema,
}).describe('read = inserted + updated + unchanged + deleted + filtered + rejected')
export const runSchema = z.object({
  run: z.string(),
  sync: z.string().describe('id of the sync; that of a tenant ends in @<tenant>'),
  tenant: z.string().nullable(),
  outcome: outcomeNow,
  startedAt: time,
  finishedAt: time.nullable(),
  workflowId: z.string(),
  ui: z.string().nullable().describe('address of the run in the Temporal UI'),
  receipt: receiptSchema.nullable(),
  error: z.string().nullable(),
})
export const streamNowSchema = z.object({
  stream: z.string(), phase: z.string(), counts: countsSchema,
  wait: z.object({ reason: z.string(), until: z.string().describe("'' while a person decides") }).nullable(), at: time,
})
export const progressSchema = z.object({ run: z.string(), outcome: outcomeNow, streams: z.array(streamNowSchema), receipt: receiptSchema.nullable() })
export const logLineSchema = z.object({ id: z.int(), at: time, stream: z.string(), level: z.enum(['info', 'warn', 'error']), message: z.string() })
export const decidedSchema = z.object({ run: z.string(), sync: z.string(), streams: z.array(z.string()).describe('the streams it was told to') })

// ---------------------------------------------------------------- rejects
export const rejectSchema = z.object({
  id: z.string(), sync: z.string(), run: z.string(), stream: z.string(), seq: z.int(), index: z.int(), field: z.string(), reason: z.string(),
  state: z.enum(['open', 'delivered', 'dropped', 'superseded']), tries: count, note: z.string(), kind: z.enum(['record', 'row']), cut: z.boolean(), at: time,
})

// ---------------------------------------------------------------- connections
export const connectionSchema = z.object({
  connection: z.string(), tenant: z.string().nullable(), connector: z.string(), method: z.string(), settings: z.record(z.string(), z.string()),
  credentials: z.array(z.string()).describe('NAMES of its credentials'), stored: z.boolean(), actions: z.array(z.string()), streams: z.array(z.string()), syncs: z.array(z.string()),
  state: z.enum(['unknown', 'ok', 'needsReconnect']), reason: z.string(), lastSuccessAt: time.nullable(), lastErrorAt: time.nullable(), lastErrorType: z.string().nullable(), lastErrorMessage: z.string(),
  breaker: z.string(), pausedUntil: time.nullable(), updatedAt: time.nullable(),
})

// ---------------------------------------------------------------- schedules
export const scheduleSchema = z.object({
  sync: z.string(), scheduleId: z.string(), schedule: z.string().describe('`every 15 min, up to 30 s later`'), overlap: z.string(), catchUpMs: z.number(),
  paused: z.boolean(), note: z.string(), pausedFor: z.string().nullable().describe('the connection somebody has to sign in to'), missing: z.boolean().describe('somebody has deleted it in Temporal'),
  next: z.array(time), open: z.object({ run: z.string(), parked: z.boolean() }).nullable(),
  last: z.array(z.object({ run: z.string(), dueAt: time, startedAt: time, outcome: outcomeNow })),
  skipped: z.object({ overlap: count, open: count, missed: count, reason: z.string(), at: time.nullable() }), plan: z.string(), deployedAt: time,
})
export const scheduleChangeSchema = z.object({
  sync: z.string(), change: z.enum(['added', 'changed', 'removed', 'unchanged']), schedule: z.string(),
  fields: z.array(z.object({ field: z.string(), from: z.string(), to: z.string() })),
})

// ---------------------------------------------------------------- backfills
const spec = z.object({ from: time, to: time.describe('exclusive'), windowMs: count, order: z.enum(['newest', 'oldest']), streams: z.array(z.string()) })
const backfillWindow = z.object({ stream: z.string(), from: time, to: time, attempt: count })
export const backfillProgressSchema = z.object({
  id: z.string(), sync: z.string(), phase: z.enum(['starting', 'working', 'pausing', 'paused', 'waiting', 'stopped', 'completed', 'skipped', 'cancelled', 'failed']), spec, concurrency: count,
  windows: z.object({ total: count, done: count, skipped: count, stopped: count, open: count }),
  open: z.array(backfillWindow.extend({ since: time, workflowId: z.string() })),
  stopped: z.array(backfillWindow.extend({ error: runError })).describe('windows that wait for `retry` or `skip`'),
  counts: countsSchema, wait: z.object({ reason: z.string(), until: time.nullable() }).nullable(), activeMs: z.number(), rate: z.number().nullable().describe('records a second'), eta: time.nullable(),
})
export const backfillSchema = z.object({
  id: z.string(), sync: z.string(), plan: z.string(), workflowId: z.string(), temporalRunId: z.string(), spec,
  outcome: z.enum(['running', 'completed', 'skipped', 'cancelled', 'failed']), progress: backfillProgressSchema.nullable(), startedAt: time, finishedAt: time.nullable(),
})
export const backfillEstimateSchema = z.object({
  spec, concurrency: count, windows: count, records: count.nullable(), calls: count.nullable(), seconds: z.number().nullable(), atLeast: z.boolean().describe('the figures are lower bounds'),
  streams: z.array(z.object({ stream: z.string(), windows: count, records: count.nullable(), calls: count.nullable(), sampled: count })), warnings: z.array(z.string()),
})

// ---------------------------------------------------------------- health
export const healthSchema = z.object({
  healthy: z.boolean(), checkedAt: time,
  checks: z.object({ temporal: z.boolean(), database: z.boolean(), worker: z.boolean(), connections: z.boolean(), streams: z.boolean(), alerts: z.boolean() }), workers: count,
  problems: z.array(z.object({ kind: z.string(), severity: z.enum(['error', 'warning', 'info']), sync: z.string().nullable(), stream: z.string().nullable(), connection: z.string().nullable(), since: time, what: z.string(), cure: z.string() })),
  streams: z.array(z.object({ sync: z.string(), stream: z.string(), state: z.string(), lastSuccessAt: time.nullable(), watermarkAt: time.nullable(), ageMs: z.number().nullable(), targetMs: z.number().nullable(), rejectsOpen: count })),
})
