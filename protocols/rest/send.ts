import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { IsthmusError } from '../../model/index.ts'
import type { ErrorType, Permit, Position, RequestEnd, Token } from '../../model/index.ts'
import { parseExact } from '../../model/json/index.ts'
import { checkHeaders, classify, heardLimits, isAbortError } from '../http/index.ts'
import type { HttpResponse, Verdict } from '../http/index.ts'
import type { Call } from './call.ts'
import { enter } from './enter.ts'
import { emptyBody } from './facts.ts'
import type { Facts } from './facts.ts'
import { toUtf8 } from './text.ts'

export interface Sent {
  response: HttpResponse
  verdict: Verdict
  /** What paging needs, when the answer is a page. */
  facts: Facts | null
  /** Method and redacted address, for messages. */
  name: string
}

/** Sends one request for the page at a position and reads its answer; `permit` is given back. Throws IsthmusError when there is no page to be had from it. */
export async function send(
  call: Call,
  position: Position | null,
  permit: Permit,
  token: Token | null,
  attempt: number,
  signal: AbortSignal,
  guess: (cursor: string | null) => void,
): Promise<Sent> {
  const { addresses, now, options } = call
  const { stream, connection } = options.reader
  const { http, authenticator } = connection
  const url = addresses.of(position)
  const shown = http.redactor.url(url)
  const name = `${addresses.method} ${shown}`
  const begunMs = now()
  const tell = (status: number | null, bytes: number, error: ErrorType | null) =>
    options.onRequest?.({ method: addresses.method, url: shown, attempt, status, bytes, ms: now() - begunMs, error })
  let response: HttpResponse
  try {
    // Before credentials are anywhere near it.
    http.allow(url)
    call.requests++
    permit.sent()
    response = await http.request({
      method: addresses.method,
      url,
      headers: addresses.headers,
      body: addresses.body,
      signal,
      sign: (target) => {
        addresses.sign(target)
        authenticator.apply(target, token)
        // The others were checked when the stream was opened.
        checkHeaders(target.headers, authenticator.blame.field)
      },
      onRedirect: async () => {
        await permit.release({ kind: 'ok' })
        const entry = await enter(call, signal)
        if ('stop' in entry) throw new IsthmusError('Transient', 'the allowance ran out inside a redirect')
        permit = entry
        call.requests++
        permit.sent()
      },
    })
  } catch (error) {
    await permit.release(failedEnd(error))
    if (error instanceof IsthmusError) {
      tell(error.status ?? null, 0, error.type)
      throw new IsthmusError(error.type, `${name}: ${error.message}`, { field: error.field ?? fieldOf(error.type), cure: error.cure, status: error.status })
    }
    throw error
  }
  tell(response.status, response.body.length, null)
  const verdict = classify(response, { nowMs: now(), redactor: http.redactor, json: true })
  await permit.release(endOf(verdict), heardLimits(response.headers, now()))
  if (verdict.kind === 'empty') {
    response.body = emptyBody(stream.records)
  } else if (verdict.kind !== 'ok') {
    return { response, verdict, facts: null, name }
  }
  response.body = toUtf8(response.body, response.headers['content-type'])
  const cursor = call.hint?.(response.body) ?? null
  if (cursor !== null) {
    guess(cursor)
    await yieldToLoop()
  }
  let json: unknown
  try {
    json = parseExact(response.body, { revive: false })
  } catch (error) {
    if (!(error instanceof IsthmusError) || error.type !== 'Contract') throw error
    // A body cut by a proxy looks like this too, so it is worth another try.
    const reason = `the answer is not the JSON expected: ${http.redactor.text(error.message)}`
    return { response, verdict: { kind: 'transient', last: 'Contract', reason }, facts: null, name }
  }
  try {
    return { response, verdict, facts: call.readFacts(json, response), name }
  } catch (error) {
    if (!(error instanceof IsthmusError)) throw error
    throw new IsthmusError(error.type, `${name}: ${error.message}`, { field: error.field, cure: error.cure, status: response.status })
  }
}

/** How an answer ends the request, as far as the account is concerned: also one that is no page shows that the system works. */
export function endOf(verdict: Verdict): RequestEnd {
  if (verdict.kind === 'throttled') return verdict
  return verdict.kind === 'transient' && verdict.last === 'Transient' ? { kind: 'failed', type: 'Transient', reason: verdict.reason } : { kind: 'ok' }
}

/** How a request without an answer ends. */
export function failedEnd(error: unknown): RequestEnd {
  if (isAbortError(error)) return { kind: 'dropped' }
  if (!(error instanceof IsthmusError)) return { kind: 'unused' }
  return error.type === 'Transient' || error.type === 'Unreachable' ? { kind: 'failed', type: error.type, reason: error.message } : { kind: 'dropped' }
}

function fieldOf(type: ErrorType): string {
  if (type === 'ForeignOrigin') return 'from.origins'
  if (type === 'PageTooLarge') return 'from.maxPageBytes'
  if (type === 'InvalidInput') return 'from.headers'
  return type === 'Unreachable' || type === 'BlockedAddress' ? 'from.baseUrl' : 'from.path'
}
