import { createHmac } from 'node:crypto'
import { signedBy } from '../../connectors/index.ts'
import { webhookSchema } from '../../model/index.ts'
import type { Event, HookSubject } from '../hooks/types.ts'

type Sent = { body: string; headers: Record<string, string> }
const ADDRESS = 'https://hooks.example.com/hooks/x'
const sha256 = (key: string | Buffer, text: string, encoding: 'hex' | 'base64'): string => createHmac('sha256', key).update(text).digest(encoding)
const seconds = ({ atMs }: Event): string => String(Math.floor(atMs / 1000))
/** As no serialiser of ours writes it. */
const bodyOf = ({ id, amount }: Event, before = ''): string => `{ ${before}"id": "${id}",\n  "type": "invoice.paid", "amount": ${amount}, "name": "S\u00f6hne" }`

/** How systems send, by their documentation (the addresses stand at `signedBy`). */
const SENDERS: Record<keyof typeof signedBy, (event: Event) => Sent> = {
  standard: (e) => {
    const body = bodyOf(e)
    const key = Buffer.from(e.secret.replace('whsec_', ''), 'base64')
    return { body, headers: { 'webhook-id': e.id, 'webhook-timestamp': seconds(e), 'webhook-signature': `v1,b2xk v1,${sha256(key, `${e.id}.${seconds(e)}.${body}`, 'base64')}` } }
  },
  stripe: (e) => {
    const body = bodyOf(e)
    return { body, headers: { 'stripe-signature': `t=${seconds(e)},v1=${sha256(e.secret, `${seconds(e)}.${body}`, 'hex')},v0=00` } }
  },
  github: (e) => {
    const body = bodyOf(e)
    return { body, headers: { 'x-github-delivery': e.id, 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${sha256(e.secret, body, 'hex')}` } }
  },
  shopify: (e) => {
    const body = bodyOf(e)
    return { body, headers: { 'x-shopify-event-id': e.id, 'x-shopify-topic': 'orders/paid', 'x-shopify-hmac-sha256': sha256(e.secret, body, 'base64') } }
  },
  hubspot: (e) => {
    const body = `[${bodyOf(e, `"eventId": "${e.id}", "subscriptionType": "deal.creation", `)}]`
    return { body, headers: { 'x-hubspot-request-timestamp': String(e.atMs), 'x-hubspot-signature-v3': sha256(e.secret, `POST${ADDRESS}${body}${e.atMs}`, 'base64') } }
  },
  quickbooks: (e) => {
    const body = `{ "eventNotifications": [${bodyOf(e, '"realmId": "1", ')}] }`
    return { body, headers: { 'intuit-signature': sha256(e.secret, body, 'base64') } }
  },
  gocardless: (e) => {
    const body = `{ "events": [${bodyOf(e, '"action": "paid_out", ')}] }`
    return { body, headers: { 'webhook-signature': sha256(e.secret, body, 'hex') } }
  },
  gitlab: (e) => ({ body: bodyOf(e), headers: { 'x-gitlab-token': e.secret, 'x-gitlab-event-uuid': e.id, 'x-gitlab-event': 'Push Hook' } }),
}

/** How every system of `signedBy` tells of events. */
export const HOOK_SUBJECTS: HookSubject[] = Object.entries(SENDERS).map(([system, send]) => {
  const name = `webhook-${system}`
  const webhook = webhookSchema.parse({ name, ...signedBy[system as keyof typeof signedBy]({ env: 'SECRET' }) })
  const { verify } = webhook
  return {
    name, webhook,
    signs: verify.kind === 'hmac', timed: verify.kind === 'hmac' && verify.timestamp !== null,
    send: (event) => {
      const { body, headers } = send(event)
      return { method: 'POST', url: ADDRESS, headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(body) }
    },
  }
})
