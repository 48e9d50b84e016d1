import { ERROR_POLICY, IsthmusError, type ErrorType } from '../../model/errors.ts'
import type { PageStop } from '../../model/run.ts'
import type { Token } from '../../model/ports.ts'
import { abortError, type HttpResponse } from '../../protocols/http/index.ts'
import type { Connection } from '../../protocols/rest/index.ts'
import { enter } from './enter.ts'
import type { Prepared, Requests } from './requests.ts'

/** The account an action belongs to. */
export interface Account {
  connection: Connection
  /** The current token, without refreshing it. */
  token(): Promise<Token | null>
  /** Reserves a request of the account's allowance; null when there is no limit. */
  reserve: (() => Promise<Date>) | null
}

/** How a request ended, before its answer is read. */
export type Sent =
  | { kind: 'answer'; response: HttpResponse; name: string; token: Token | null }
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

  /** Waits for the place of one request. Gives why none may be sent. */
  async enter(signal: AbortSignal): Promise<PageStop | null> {
    return (await enter(this.account.connection, this.account.reserve, signal)) ?? (await this.#credential()).stop
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

  /** Sends one request. Throws only an AbortError or a fault of ours. */
  async send(request: Prepared, signal: AbortSignal): Promise<Sent> {
    const { http, authenticator } = this.account.connection
    const name = `${request.method} ${http.redactor.url(request.url)}`
    const { token } = await this.#credential()
    try {
      http.allow(request.url)
      this.#sent++
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
      return { kind: 'answer', response, name, token }
    } catch (error) {
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
