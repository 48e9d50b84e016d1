import { ERROR_POLICY, IsthmusError, type ErrorType } from '../../model/errors.ts'
import type { PageStop } from '../../model/run.ts'
import type { Pacer, Permit } from '../../model/pacer.ts'
import type { Token } from '../../model/ports.ts'
import { abortError } from '../../protocols/http/index.ts'
import { endOf, failedEnd, stopOfClosed, type Connection } from '../../protocols/rest/index.ts'
import type { Heard, Listen } from './listener.ts'
import type { Prepared, Requests } from './requests.ts'

/** The account an action belongs to. */
export interface Account {
  connection: Connection
  /** The current token, without refreshing it. */
  token(): Promise<Token | null>
  /** Lets requests of the account through; null leaves it to the connection's own pauses. */
  pacer: Pacer | null
}

/** How a request ended, before its answer is read. */
export type Sent =
  | { kind: 'answer'; heard: Heard; name: string; token: Token | null }
  /** It did not leave: nobody could be reached. */
  | { kind: 'unsent'; type: ErrorType; reason: string }
  /** It may have arrived. */
  | { kind: 'unclear'; type: ErrorType; reason: string }
  | { kind: 'stop'; stop: PageStop; left: boolean }

/** Sends requests of one call of `post`. */
export class Target {
  readonly account: Account
  readonly requests: Requests
  #token: Promise<Token | null> | null = null
  #sent = 0

  constructor(account: Account, requests: Requests) {
    this.account = account
    this.requests = requests
  }

  get pacer(): Pacer {
    return this.account.pacer ?? this.account.connection.gate
  }

  /** Waits for the place of one request, at most 10 s; the one place where requests of actions are paced. Gives the right to send it, or why none may be sent. */
  async enter(signal: AbortSignal): Promise<Permit | { stop: PageStop }> {
    const permit = await this.pacer.enter(signal)
    if (!('release' in permit)) return { stop: stopOfClosed(permit) }
    try {
      const { stop } = await this.#credential()
      if (stop === null) return permit
      await permit.release({ kind: 'unused' })
      return { stop }
    } catch (error) {
      await permit.release({ kind: 'unused' })
      throw error
    }
  }

  /** The token that the next request is sent with; null when none is needed. */
  async token(): Promise<Token | null> {
    return (await this.#credential()).token
  }

  async #credential(): Promise<{ token: Token | null; stop: PageStop | null }> {
    if (!this.account.connection.authenticator.needsToken) return { token: null, stop: null }
    const over = (t: Token): boolean => t.expiresAt !== null && t.expiresAt.getTime() <= Date.now()
    let token = await (this.#token ??= this.account.token())
    if (token !== null && over(token)) token = await (this.#token = this.account.token())
    const version = token?.version ?? 0
    if (token === null || version === 0 || token.accessToken === '') return { token, stop: { kind: 'authRequired', version, reason: 'there is no token yet' } }
    // Clocks of machines differ: one try is made with a token that seems to have run out.
    if (over(token) && this.#sent > 0) return { token, stop: { kind: 'authRequired', version, reason: 'the token has run out' } }
    return { token, stop: null }
  }

  /** Sends one request and gives its permit back. Throws only an AbortError or a fault of ours. */
  async send(request: Prepared, token: Token | null, listen: Listen, permit: Permit, signal: AbortSignal): Promise<Sent> {
    const { http, authenticator } = this.account.connection
    const name = `${request.method} ${http.redactor.url(request.url)}`
    try {
      http.allow(request.url)
      this.#sent++
      permit.sent()
      const response = await http.request({
        ...request,
        signal,
        // A redirected POST may become a GET, or be done twice: an action has one address.
        redirects: 0,
        sign: (target) => {
          this.requests.sign(target)
          authenticator.apply(target, token)
        },
      })
      const heard = await listen(response)
      await permit.release(endOf(heard.verdict), heard.limits)
      return { kind: 'answer', heard, name, token }
    } catch (error) {
      await permit.release(failedEnd(error))
      if (signal.aborted) throw abortError(signal)
      if (!(error instanceof IsthmusError)) throw error
      const reason = `${name}: ${error.message}`
      if (error.type === 'Unreachable') return { kind: 'unsent', type: error.type, reason }
      if (error.type === 'Transient') return { kind: 'unclear', type: error.type, reason }
      const left = error.type === 'PageTooLarge' || error.type === 'Contract'
      return { kind: 'stop', left, stop: refused(error.type, reason, error.type === 'PageTooLarge' ? 'to.maxPageBytes' : 'to', error.cure) }
    }
  }
}

export function refused(type: ErrorType, reason: string, field: string, cure?: string): PageStop {
  return { kind: 'refused', type, reason, field, cure: cure ?? ERROR_POLICY[type].next }
}
