/** Requests by which systems tell of events: their signatures, and the events in them. */
export { verify } from './verify.ts'
export type { Delivery } from './verify.ts'
export { eventsOf, idHeader } from './events.ts'
export { receiveEvents } from './receive.ts'
