import type { InboxStore, Webhook } from '../../model/webhook.ts'
import { eventsOf, idHeader } from './events.ts'
import { verify, type Delivery } from './verify.ts'

/**
 * Checks a request's signature and stores its events. Resolves once they are stored, with how many there are and how many are new.
 * `secret`: its text. Throws AuthFailed (signature), Contract or PageTooLarge (not what the webhook says).
 */
export async function receiveEvents(store: Pick<InboxStore, 'receive'>, webhook: Webhook, delivery: Delivery, secret: string): Promise<{ events: number; fresh: number }> {
  verify(webhook.verify, delivery, secret, idHeader(webhook, delivery), Date.now())
  const events = eventsOf(webhook, delivery)
  return { events: events.length, fresh: events.length > 0 ? await store.receive(webhook.name, events) : 0 }
}
