import { z } from 'zod'
import { durationSchema } from './duration-schema.ts'
import { pathSchema, secretSchema } from './value.ts'

/**
 * How a system tells that something has happened, as plain data: how its requests are signed, and where they name the event.
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */

/** Where a request says something: in a header, or at a path of the event. */
const placeSchema = z.union([z.strictObject({ header: z.string().min(1) }), z.strictObject({ path: pathSchema })], { error: "must be { header: 'Name' } or { path: 'in.the.body' }" })

const hmacSchema = z.strictObject({
  kind: z.literal('hmac'),
  secret: secretSchema,
  /** The key is the secret's text, or what its base64 says (behind `whsec_`, where it begins so). */
  secretFormat: z.enum(['text', 'base64']).default('text'),
  algorithm: z.enum(['sha1', 'sha256', 'sha512']).default('sha256'),
  /** Header with the signature. */
  header: z.string().min(1),
  /**
   * How the header reads. `whole`: one signature behind `prefix`; `list`: several between spaces, of which those behind `prefix` count;
   * `pairs`: `t=1492774577,v1=5257...`, where `prefix` is the name of the signature and `timestamp.header` that of the time. One that is right is enough.
   */
  form: z.enum(['whole', 'list', 'pairs']).default('whole'),
  prefix: z.string().default(''),
  encoding: z.enum(['hex', 'base64']).default('hex'),
  /** What is signed: text with `{body}` (the bytes as received), `{timestamp}`, `{id}`, `{method}` and `{url}`. */
  signed: z.string().regex(/\{body\}/, 'must hold {body}').default('{body}'),
  /** Where the time of the signature stands (a header, or a name of the pairs), in seconds or milliseconds since 1970; null: it has none, and an old request is not told from a new one. */
  timestamp: z.strictObject({ header: z.string().min(1), unit: z.enum(['s', 'ms']).default('s') }).nullable().default(null),
  /** How far that time may be from now. */
  tolerance: durationSchema.default('5m'),
})
export type HmacSignature = z.output<typeof hmacSchema>

export const signatureSchema = z.discriminatedUnion('kind', [
  hmacSchema,
  /** A secret that is sent as it is, as GitLab does. */
  z.strictObject({ kind: z.literal('token'), header: z.string().min(1), prefix: z.string().default(''), secret: secretSchema }),
])
export type Signature = z.output<typeof signatureSchema>

export const webhookSchema = z.strictObject({
  /** Unique in the project; part of the address: `/hooks/<name>`. */
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be lower case letters, digits, - and _, at most 63'),
  /** The connection whose credentials `credential(...)` means. Default: that of the name. */
  connection: z.string().nullable().default(null),
  verify: signatureSchema,
  /** Where the event's id stands: an event that comes again has the same. null: what it says is its id. */
  id: placeSchema.nullable().default(null),
  /** Where its kind stands. null: it has none. */
  type: placeSchema.nullable().default(null),
  /** Where several events of one request stand. null: a request is one event. */
  events: pathSchema.nullable().default(null),
})
export type Webhook = z.output<typeof webhookSchema>
export type WebhookInput = z.input<typeof webhookSchema>

/** A sync that runs when events arrive. */
export const triggerSchema = z.strictObject({
  webhook: webhookSchema,
  /** Kinds of events, `*` for any part of a name: `invoice.*`. [] means all. */
  types: z.array(z.string().min(1)),
})
export type Trigger = z.output<typeof triggerSchema>

/** An event as it was received. */
export interface InboxEvent {
  /** Unique in its webhook. */
  id: string
  /** '' when it has none. */
  type: string
  /** JSON text. */
  body: string
}

/** Whether an event's kind is among those that are wanted. */
export function wanted(types: string[], type: string): boolean {
  if (types.length === 0) return true
  return types.some((pattern) => pattern === type || (pattern.includes('*') && matches(pattern.split('*'), type)))
}

/** The parts of a pattern stand in the text one after the other, the first at its beginning and the last at its end. */
function matches(parts: string[], text: string): boolean {
  let at = 0
  for (const [i, part] of parts.entries()) {
    const found = i === parts.length - 1 ? Math.max(text.length - part.length, at) : text.indexOf(part, at)
    if (found < 0 || (i === 0 && found > 0) || !text.startsWith(part, found)) return false
    at = found + part.length
  }
  return true
}

/** Events that were received and wait for syncs, over all processes. */
export interface InboxStore {
  /** Stores events that are not known yet, in an order that readers can follow: who sees one has seen, or will see at once, all before it. Gives how many were new. */
  receive(webhook: string, events: InboxEvent[]): Promise<number>
  /** Highest number of an event, and how far syncs were told of them; null when there is none. */
  inboxState(webhook: string): Promise<{ last: number; told: number } | null>
  /** Kinds of the events above `after` and up to `upTo`. */
  inboxTypes(webhook: string, after: number, upTo: number): Promise<string[]>
  /** Syncs were told of all events up to this one. */
  inboxTold(webhook: string, upTo: number): Promise<void>
  /** Webhooks with events that no sync was told of. */
  inboxPending(): Promise<string[]>
  /** Forgets events that are older, and that syncs were told of. */
  purgeInbox(ms: number): Promise<void>
}
