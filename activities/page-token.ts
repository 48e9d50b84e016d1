import { IsthmusError } from '../model/errors.ts'
import type { TokenOwner } from '../model/owner.ts'
import type { Store, Token, TokenRefresh } from '../model/ports.ts'
import type { PageStop } from '../model/run.ts'
import type { OpenStream } from './context.ts'
import { isFresh, isShortLived, marginMs, signIn } from './sign-in.ts'

/** The token that pages are read with. One that lives short is exchanged here when it has run out by our clock; others, and refused ones, are the workflow's. */
export class PageToken {
  /** Tokens fetched by this reading. */
  refreshes = 0
  readonly #store: Store
  readonly #open: OpenStream
  readonly #where: TokenRefresh['log']
  readonly #signal: AbortSignal
  readonly #owner: TokenOwner | null
  #handed = 0

  constructor(store: Store, open: OpenStream, where: TokenRefresh['log'], signal: AbortSignal, owner: TokenOwner | null) {
    this.#owner = owner
    this.#store = store
    this.#open = open
    this.#where = where
    this.#signal = signal
  }

  async get(): Promise<Token | null> {
    const token = await this.#current()
    this.#handed = token?.version ?? 0
    return token
  }

  /** A page has come with the token handed out last. */
  async served(): Promise<void> {
    if (this.#handed > 0) await this.#store.noteServed(this.#open.tokenKey, this.#handed).catch(() => undefined)
  }

  /** A token that others were answered with was used up or ran out: to be told apart from credentials that are refused. */
  async judge(stop: PageStop): Promise<PageStop> {
    if (stop.kind !== 'authRequired' || stop.version === 0) return stop
    return { ...stop, served: await this.#store.wasServed(this.#open.tokenKey, stop.version).catch(() => false) }
  }

  async #current(): Promise<Token | null> {
    const stored = await this.#store.getToken(this.#open.tokenKey)
    if (!isShortLived(stored)) return stored
    if (isFresh(stored)) return early(stored)
    try {
      const { token, refreshed } = await signIn(this.#store, this.#open, -1, this.#where, this.#signal, this.#owner)
      if (refreshed) this.refreshes += 1
      return isShortLived(token) ? early(token) : token
    } catch (error) {
      // Told by the step that signs in, which meets the same; what was read so far is delivered first.
      if (error instanceof IsthmusError) return null
      throw error
    }
  }
}

/** Read again a little before it runs out. */
function early(token: Token): Token {
  return { ...token, expiresAt: new Date(token.expiresAt!.getTime() - marginMs(token)) }
}
