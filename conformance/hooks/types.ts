import type { Store, Webhook } from '../../model/index.ts'
import type { Delivery } from '../../protocols/webhook/index.ts'

/** A system that tells of events, and how it does. */
export interface HookSubject {
  name: string
  /** As `signedBy` describes it; its own name. */
  webhook: Webhook
  /** A request as the system sends it, written from its documentation and not by what checks it. */
  send(event: Event): Delivery
  /** Its signature says when it was made. */
  timed: boolean
  /** It signs the body, and not only sends its secret. */
  signs: boolean
}

/** What a system tells of. */
export interface Event {
  id: string
  /** Number in the body, as it is written there. */
  amount: string
  secret: string
  /** Moment of the signature (epoch ms). */
  atMs: number
}

export interface HookBench {
  subject: HookSubject
  store: Store
  secret: string
  /** An event of now. */
  event(id: string, more?: Partial<Event>): Event
  /** Receives a request as `isthmus serve` does. Gives how many events were new; throws what it refuses. */
  receive(delivery: Delivery): Promise<number>
  /** Events in the order in which streams read them. */
  stored(): Promise<{ id: string; body: string }[]>
}

export interface HookCase {
  name: string
  shows: string
  covers: number[]
  skip(subject: HookSubject): string | null
  run(bench: HookBench): Promise<void>
}
