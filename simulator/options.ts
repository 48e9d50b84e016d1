import { z } from 'zod'
import { IsthmusError } from '../model/errors.ts'
import { SIMULATOR_CREDENTIALS as C } from './credentials.ts'
import type { FaultKind } from './http/fault-kinds.ts'
import { BODY_FAULTS, faultKind } from './http/fault-kinds.ts'

export const AUTH_MODES = ['none', 'api-key', 'basic', 'bearer', 'oauth', 'jwt'] as const
export type AuthMode = (typeof AUTH_MODES)[number]

const count = z.int().nonnegative()
const many = count.max(10_000_000)
const ms = z.number().nonnegative()
type Faults = Partial<Record<FaultKind, number>>
const kind = z.string().transform((text, context): FaultKind => {
  const found = faultKind(text)
  if (!found) context.addIssue({ code: 'custom', message: `"${text}" is no fault; there are status:500, status:503:retry-after, ${BODY_FAULTS.join(', ')}` })
  return found ?? 'hang'
})
const placed = z.record(z.string().regex(/^[1-9]\d*$/, 'must be the number of a request, from 1'), kind) as z.ZodType<Record<string, FaultKind>, Record<string, FaultKind>>
const chances = z.record(kind, z.number().min(0).max(1)).refine((f) => Object.values(f).reduce((a, b) => a + b, 0) <= 1 + 1e-9, 'the chances add up to more than 1') as unknown as z.ZodType<Faults, Faults>

/** What can also be changed while the simulator runs (`POST /_sim/config`). */
const live = {
  /** How data requests sign in. */
  auth: z.enum(AUTH_MODES),
  /** Milliseconds before any answer. */
  latencyMs: ms,
  /** Budgets, all of which hold: at most `requests` in any `perMs` (an exact sliding window over the answered requests). */
  limits: z.array(z.strictObject({ requests: count.min(1).max(1_000_000), perMs: z.number().positive() })),
  /** Data requests under way at once; 0 for no limit. */
  concurrency: count,
  /** How a 429 says when to come back. */
  retryAfter: z.enum(['seconds', 'date', 'none']),
  /** `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds) of the tightest budget on every answer. */
  rateLimitHeaders: z.boolean(),
  /** Exactly one 429, at the first authorised data request from this number on. */
  throttleOnce: z.strictObject({ atRequest: count.min(1), retryAfterSeconds: count }).nullable(),
  /** Cursors given out before this data request are refused from then on, once, as by an API whose cursors live for a while. */
  expireCursors: z.strictObject({ atRequest: count.min(1), status: z.union([z.literal(400), z.literal(404), z.literal(410), z.literal(422)]) }).nullable(),
  /** Chance of each fault per data request; the sum is at most 1. */
  faults: chances,
  /** Faults at exact data requests, by number from 1. */
  faultAt: placed,
  /** Faults at exact requests to `/oauth/token`, by number from 1: the token is issued, the answer goes wrong. */
  tokenFaultAt: placed,
  /** How long a `slow` answer drips. */
  slowMs: ms,
  /** Seconds in the Retry-After of `status:...:retry-after`. */
  faultRetryAfterSeconds: count,
  /** Seconds an access token lives; fractions are allowed. */
  tokenTtl: z.number().positive(),
  /** An access token dies after this many requests; 0 for never. */
  expireTokenAfterRequests: count,
  /** Refresh tokens work once and are replaced; using one twice revokes its whole family. */
  refreshRotation: z.boolean(),
  /** Every nth record carries `"n/a"` as `amount`; 0 for none. */
  poisonEvery: count,
  /** Chance that a write to the sink is committed and its answer cut off. */
  sinkCut: z.number().min(0).max(1),
  /** Chance that a write to the sink is committed and answered 500. */
  sinkError: z.number().min(0).max(1),
  /** The sink knows the keys of requests (`Idempotency-Key` header or `requestid` parameter). */
  sinkIdempotency: z.boolean(),
  /** The sink refuses about one in n records, always the same ones; 0 for none. */
  sinkRefuseEvery: count,
}
const schema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  /** 0 takes a free one. */
  port: z.int().min(0).max(65_535).default(0),
  seed: z.int().default(1),
  records: z
    .strictObject({ customers: many.default(2_000), invoices: many.default(10_000), transactions: many.default(20_000) })
    .prefault({}),
  /** How many neighbours share one `updated_at`. */
  tieGroup: z.int().min(1).max(1_000_000).default(3),
  pageSize: z.strictObject({ default: count.min(1).max(100_000).default(100), max: count.min(1).max(100_000).default(1000) }).prefault({}),
  /** gzip answers for clients that accept it. */
  gzip: z.boolean().default(false),
  credentials: z
    .strictObject({
      apiKey: z.string().default(C.apiKey), username: z.string().default(C.username), password: z.string().default(C.password), bearerToken: z.string().default(C.bearerToken),
      clientId: z.string().default(C.clientId), clientSecret: z.string().default(C.clientSecret), refreshToken: z.string().default(C.refreshToken),
      /** What signed JWTs and assertions are checked against: HS256 by the secret, the others by these SPKI PEMs. */
      jwtSecret: z.string().default(C.jwtSecret), ecPublicKey: z.string().default(C.ecPublicKey), rsaPublicKey: z.string().default(C.rsaPublicKey),
    })
    .prefault({}),
  auth: live.auth.default('none'),
  latencyMs: live.latencyMs.default(0),
  limits: live.limits.default([]),
  concurrency: live.concurrency.default(0),
  retryAfter: live.retryAfter.default('seconds'),
  rateLimitHeaders: live.rateLimitHeaders.default(false),
  throttleOnce: live.throttleOnce.default(null),
  expireCursors: live.expireCursors.default(null),
  faults: live.faults.prefault({}),
  faultAt: live.faultAt.prefault({}),
  tokenFaultAt: live.tokenFaultAt.prefault({}),
  slowMs: live.slowMs.default(2000),
  faultRetryAfterSeconds: live.faultRetryAfterSeconds.default(1),
  tokenTtl: live.tokenTtl.default(3600),
  expireTokenAfterRequests: live.expireTokenAfterRequests.default(0),
  refreshRotation: live.refreshRotation.default(true),
  poisonEvery: live.poisonEvery.default(0),
  sinkCut: live.sinkCut.default(0),
  sinkError: live.sinkError.default(0),
  sinkIdempotency: live.sinkIdempotency.default(true),
  sinkRefuseEvery: live.sinkRefuseEvery.default(0),
  /** Requests that arrive this soon after a Retry-After was announced were already on their way and are not held against the client. */
  retryAfterGraceMs: ms.default(25),
})
const liveSchema = z.strictObject(live).partial()

/** What `startSimulator` takes: every field may be left out. */
export type SimulatorOptions = z.input<typeof schema>
/** The options with all defaults filled in. */
export type SimulatorConfig = z.output<typeof schema>
/** What may change while it runs. */
export type LiveOptions = z.input<typeof liveSchema>

/** Fills in the defaults. Throws InvalidInput naming the field. */
export function parseOptions(options: unknown): SimulatorConfig {
  return checked(schema.safeParse(options ?? {}))
}

/** Checks a change of the running configuration. Throws InvalidInput naming the field. */
export function parseLive(change: unknown): Partial<SimulatorConfig> {
  return checked(liveSchema.safeParse(change))
}

function checked<T>(result: { success: true; data: T } | { success: false; error: z.ZodError }): T {
  if (result.success) return result.data
  const first = result.error.issues[0]!
  // A key that is wrong hides the reason one level down.
  const issue = { ...(first.code === 'invalid_key' ? first.issues[0]! : first), path: first.path }
  throw new IsthmusError('InvalidInput', issue.message, { field: issue.path.join('.') || undefined, cure: 'see `isthmus simulate --help`' })
}
