import type { SecretRef } from '../model/value.ts'
import type { WebhookInput } from '../model/webhook.ts'
import { postgresQuery } from './query.ts'
import type { StreamRef } from './rest.ts'

/** A sync runs when events of these kinds arrive: `on: hook.on('invoice.*')`. */
export interface TriggerRef {
  kind: 'trigger'
  webhook: WebhookInput
  types: string[]
}

export interface EventsOptions {
  /** Kinds of events, `*` for any part of a name. Default: all. */
  types?: string[]
  /** Field of the record that identifies it. Default `id`, the event's. */
  key?: string | string[]
  /** How many events are expected; only for estimates. */
  expect?: number
}

export interface WebhookRef {
  kind: 'webhook'
  webhook: WebhookInput
  /** Runs a sync when events of these kinds (default: all) arrive. What comes while it runs is followed by one more run. */
  on(...types: string[]): TriggerRef
  /** The events themselves as a stream of records `{ seq, id, type, received_at, body }`, in the order in which they were received. Its sync runs when some arrive. */
  events(name: string, options?: EventsOptions): StreamRef & { on: TriggerRef }
}

/**
 * How a system tells of events at `/hooks/<name>` of `isthmus serve`: how it signs them, and where their id and kind stand.
 * `webhook({ name: 'acme', verify: { kind: 'hmac', secret: env('ACME_HOOK_SECRET'), header: 'X-Signature' }, id: { path: 'id' } })`.
 */
export function webhook(options: WebhookInput): WebhookRef {
  return {
    kind: 'webhook',
    webhook: options,
    on: (...types) => ({ kind: 'trigger', webhook: options, types }),
    events(name, { types = [], key = 'id', expect } = {}) {
      const { stream, ...query } = postgresQuery(null, eventsQuery(options.name, types), { name, key: 'seq', incremental: 'seq', ...(expect !== undefined && { expect }) })
      return { ...query, stream: { ...stream, key }, on: { kind: 'trigger', webhook: options, types } }
    },
  }
}

function eventsQuery(name: string, types: string[]): string {
  const kinds = types.map((type) => `type like ${literal(type.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%'))}`)
  return `select seq, event as id, type, received_at, body from isthmus.inbox where webhook = ${literal(name)}${kinds.length > 0 ? ` and (${kinds.join(' or ')})` : ''}`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

type Preset = Pick<WebhookInput, 'verify' | 'id' | 'type' | 'events'>
type Hmac = Omit<Extract<WebhookInput['verify'], { kind: 'hmac' }>, 'kind' | 'secret'>

const hmac = (secret: SecretRef, signature: Hmac): WebhookInput['verify'] => ({ kind: 'hmac', secret, ...signature })

/** How known systems sign: `webhook({ name: 'billing', ...signedBy.stripe(env('STRIPE_HOOK_SECRET')) })`. Written from their documentation. */
export const signedBy = {
  /** `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,...` ({@link https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md Standard Webhooks}). */
  standard: (secret: SecretRef): Preset => ({
    verify: hmac(secret, { secretFormat: 'base64', header: 'webhook-signature', form: 'list', prefix: 'v1,', encoding: 'base64', signed: '{id}.{timestamp}.{body}', timestamp: { header: 'webhook-timestamp' } }),
    id: { header: 'webhook-id' }, type: { path: 'type' },
  }),
  /** `Stripe-Signature: t=...,v1=...` ({@link https://docs.stripe.com/webhooks#verify-manually}). */
  stripe: (secret: SecretRef): Preset => ({
    verify: hmac(secret, { header: 'stripe-signature', form: 'pairs', prefix: 'v1', signed: '{timestamp}.{body}', timestamp: { header: 't' } }),
    id: { path: 'id' }, type: { path: 'type' },
  }),
  /** `X-Hub-Signature-256: sha256=...` ({@link https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries}). */
  github: (secret: SecretRef): Preset => ({
    verify: hmac(secret, { header: 'x-hub-signature-256', prefix: 'sha256=' }),
    id: { header: 'x-github-delivery' }, type: { header: 'x-github-event' },
  }),
  /** `X-Shopify-Hmac-SHA256` ({@link https://shopify.dev/docs/apps/build/webhooks/subscribe/https}). */
  shopify: (secret: SecretRef): Preset => ({
    verify: hmac(secret, { header: 'x-shopify-hmac-sha256', encoding: 'base64' }),
    id: { header: 'x-shopify-event-id' }, type: { header: 'x-shopify-topic' },
  }),
  /** `X-HubSpot-Signature-v3`; `secret` is the app's client secret ({@link https://developers.hubspot.com/docs/api/webhooks/validating-requests}). */
  hubspot: (secret: SecretRef): Preset => ({
    verify: hmac(secret, { header: 'x-hubspot-signature-v3', encoding: 'base64', signed: '{method}{url}{body}{timestamp}', timestamp: { header: 'x-hubspot-request-timestamp', unit: 'ms' } }),
    id: { path: 'eventId' }, type: { path: 'subscriptionType' }, events: '',
  }),
  /** `intuit-signature`; `secret` is the app's verifier token. An event says which record has changed, and has no id of its own ({@link https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks}). */
  quickbooks: (secret: SecretRef): Preset => ({
    verify: hmac(secret, { header: 'intuit-signature', encoding: 'base64' }),
    events: 'eventNotifications',
  }),
  /** `Webhook-Signature` over the body, several events a request ({@link https://developer.gocardless.com/getting-started/api/staying-up-to-date-with-webhooks}). */
  gocardless: (secret: SecretRef): Preset => ({
    verify: hmac(secret, { header: 'webhook-signature' }),
    id: { path: 'id' }, type: { path: 'action' }, events: 'events',
  }),
  /** `X-Gitlab-Token`: the secret itself ({@link https://docs.gitlab.com/user/project/integrations/webhooks/}). */
  gitlab: (secret: SecretRef): Preset => ({
    verify: { kind: 'token', header: 'x-gitlab-token', secret },
    id: { header: 'x-gitlab-event-uuid' }, type: { header: 'x-gitlab-event' },
  }),
} as const
