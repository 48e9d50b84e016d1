import { ERROR_POLICY, IsthmusError, type ErrorType } from '../../model/errors.ts'
import type { PageStop } from '../../model/run.ts'
import type { Pacer, Permit } from '../../model/pacer.ts'
import type { Token } from '../../model/ports.ts'
import type { Source } from '../../model/source.ts'
import { abortError, type HttpTarget } from '../../protocols/http/index.ts'
import { csrfOf, type Csrf } from '../../protocols/odata/index.ts'
import { endOf, failedEnd, stopOfClosed, type Connection, type Prepared } from '../../protocols/rest/index.ts'
import type { Heard, Listen } from './listener.ts'
import type { Requests } from './requests.ts'

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
  readonly #csrf: Csrf | null

  constructor(account: Account, requests: Requests, csrf: Source['csrf'] = null) {
    this.account = account
    this.requests = requests
    this.#csrf = csrf === null ? null : csrfOf(account.connection, csrf)
  }

  get pacer(): Pacer {
    return this.account.pacer ?? this.account.connection.gate
  }

  /** Waits for the place of one request, at most 10 s; the one place where requests of actions are paced. Gives the right to send it, or why none may be sent. */
  async enter(signal: AbortSignal): Promise<Permit | { stop: PageStop }> {
    if (this.#csrf !== null && !this.#csrf.ready) {
      const stop = await this.#fetchCsrf(this.#csrf, signal)
      if (stop) return { stop }
    }
    return this.#admit(signal)
  }

  /** The GET for the token that writes need: a request of the account like any other. */
  async #fetchCsrf(csrf: Csrf, signal: AbortSignal): Promise<PageStop | null> {
    const permit = await this.#admit(signal)
    if ('stop' in permit) return permit.stop
    if (csrf.ready) {
      await permit.release({ kind: 'unused' })
      return null
    }
    try {
      const { token } = await this.#credential()
      permit.sent()
      const stop = await csrf.fetch({ token, signal, sign: (target) => this.#sign(target, token) })
      await permit.release(stop?.kind === 'interrupted' ? { kind: 'failed', type: 'Transient', reason: stop.reason } : stop?.kind === 'throttled' ? stop : { kind: 'ok' })
      return stop
    } catch (error) {
      await permit.release(failedEnd(error))
      if (signal.aborted) throw abortError(signal)
      if (!(error instanceof IsthmusError)) throw error
      if (error.type === 'Unreachable' || error.type === 'Transient') return { kind: 'interrupted', type: error.type, reason: error.message, untilMs: 0 }
      return refused(error.type, error.message, 'to.csrf', error.cure)
    }
  }

  async #admit(signal: AbortSignal): Promise<Permit | { stop: PageStop }> {
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

  #sign(target: HttpTarget, token: Token | null): void {
    this.requests.sign(target)
    this.account.connection.authenticator.apply(target, token)
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
    const { http } = this.account.connection
    let pass: unknown = null
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
          this.#sign(target, token)
          pass = this.#csrf?.apply(target)
        },
      })
      if (this.#csrf?.refused(response)) {
        this.#csrf.drop(pass)
        await permit.release({ kind: 'ok' })
        return { kind: 'unsent', type: 'Transient', reason: `${name}: HTTP 403: the token against forgery (CSRF) is not taken` }
      }
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
