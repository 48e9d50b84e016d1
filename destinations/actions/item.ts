import type { DeliveryEffect, DeliveryScope } from '../../store/deliveries.ts'
import type { Row } from './rows.ts'

/** A record that is to be delivered. */
export interface Item {
  row: Row
  record: string
  turn: number
  version: string
  effect: DeliveryEffect
  /** Tells how new the version is; null when nothing does. */
  mark: string | null
  /** Key of the request. */
  key: string
  /** Place in the request. */
  place: number
  /** It is not known what became of the last request with it. */
  unclear: boolean
  /** Another request with `key` has no further effect. */
  absorbed: boolean
  /** When the last request with it was begun, by `performance.now()`. */
  begunMs: number
  /** It was sent with others and refused: it goes alone. */
  alone: boolean
}

/** How a record ended in this chunk. */
export type Ending = { kind: 'delivered'; effect: DeliveryEffect } | { kind: 'unchanged' } | { kind: 'replaced' }
  /** A newer version was delivered. */
  | { kind: 'older' }
  | { kind: 'refused'; reason: string; field: string }

export type { DeliveryScope }
