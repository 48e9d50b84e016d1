/** What happens inside a process, told to whoever measures it. Nobody listens unless metrics or traces are on, and then telling costs nothing. */
import { channel, type Channel } from 'node:diagnostics_channel'
import type { ErrorType } from './errors.ts'

/** What is known of a request beyond what is sent. */
export interface RequestNote {
  /** Path as it is declared, with places for values. */
  template?: string
  /** The how manieth try of the same request, from 1. */
  attempt?: number
  /** How long it was held back so that the limits of the account are kept. */
  waitedMs?: number
}

/** One HTTP exchange, told when it has ended, in the asynchronous context of whoever asked. */
export interface HttpSignal {
  /** Name of the connection. */
  connection: string
  method: string
  /** Scheme, host and port. */
  origin: string
  /** Path without its query: that may hold anything. */
  path: string
  about: RequestNote
  /** null when there was no answer. */
  status: number | null
  error: ErrorType | null
  ms: number
}

/** Time spent waiting: until a request was let through (`pacing`), or before a step is begun again. */
export interface WaitSignal {
  connection: string
  reason: 'pacing' | 'throttled' | 'interrupted'
  ms: number
}

/** A token was asked for at the provider. */
export interface TokenSignal {
  connection: string
  outcome: 'refreshed' | 'failed' | 'reconnect'
}

/** A typed `diagnostics_channel`. */
export class Signal<T> {
  readonly #channel: Channel

  constructor(name: string) {
    this.#channel = channel(`isthmus:${name}`)
  }

  /** Somebody listens: what is costly to find out need not be otherwise. */
  get heard(): boolean {
    return this.#channel.hasSubscribers
  }

  tell(value: T): void {
    if (this.#channel.hasSubscribers) this.#channel.publish(value)
  }

  /** Calls `listener`, which must not throw, until the function given back is called. */
  on(listener: (value: T) => void): () => void {
    const listen = (value: unknown): void => listener(value as T)
    this.#channel.subscribe(listen)
    return () => void this.#channel.unsubscribe(listen)
  }
}

export const httpSignal = new Signal<HttpSignal>('http')
export const waitSignal = new Signal<WaitSignal>('wait')
export const tokenSignal = new Signal<TokenSignal>('token')
