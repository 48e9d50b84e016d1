import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { IsthmusError } from '../../model/index.ts'
import type { ErrorType, Permit, Position, RequestEnd, Token } from '../../model/index.ts'
import { expects, jsonOr } from '../formats/index.ts'
import { checkHeaders, classify, isAbortError, noticesOf } from '../http/index.ts'
import type { HttpResponse, Verdict } from '../http/index.ts'
import type { Call } from './call.ts'
import { enter } from './enter.ts'
import { emptyFacts } from './facts.ts'
import type { Facts } from './facts.ts'
import type { Decoded } from './page-reader.ts'
import { heardOf } from './judge.ts'
import { FileChanged } from './range.ts'

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
  tried: { attempt: number; waitedMs: number },
  signal: AbortSignal,
  guess: (cursor: string | null) => void,
): Promise<Sent> {
  const { build, now, options } = call
  const { stream, connection } = options.reader
  const { http, authenticator } = connection
  const request = await build.prepare(position, token).catch(async (error: unknown) => {
    await permit.release({ kind: 'unused' })
    throw error
  })
  const { method, url } = request
  const shown = http.redactor.url(url)
  const operation = build.operation(position)
  const name = `${method} ${shown}${operation === null ? '' : ` ${operation}`}`
  const begunMs = now()
  const tell = (status: number | null, bytes: number, error: ErrorType | null) =>
    options.onRequest?.({ method, url: shown, attempt: tried.attempt, status, bytes, ms: now() - begunMs, error })
  let response: HttpResponse
  try {
    // Before credentials are anywhere near it.
    http.allow(url)
    call.requests++
    permit.sent()
    response = await http.request({
      ...request,
      signal,
      about: { ...request.about, ...tried },
      gunzip: operation === null && stream.format.kind !== 'json' && stream.page.kind !== 'range',
      sign: (target) => {
        build.sign(target)
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
  const { status, headers } = response
  const nowMs = now()
  if (options.onNotice) for (const notice of noticesOf(headers, nowMs)) options.onNotice(notice)
  let verdict = unchanged(response, options.since) ? ({ kind: 'empty' } as const) : classify(response, { nowMs, redactor: http.redactor, expects: operation === null ? expects(stream.format) : 'xml' })
  // What the body says counts more than the status: errors come with 200, limits with 400, a missing page with 404.
  const read = status === 204 || status === 304 ? Promise.resolve(null) : decode(call, response, position, operation, verdict.kind === 'ok')
  const decoded = await read.catch(async (error: unknown) => {
    await permit.release(endOf(verdict), heardOf(options.reader.source.kind, null, headers, nowMs))
    throw error
  })
  if (decoded !== null) {
    const value = 'value' in decoded ? decoded.value : bodyText(response)
    const judged = call.judge(value, { status, headers, nowMs, redactor: http.redactor })
    if (judged) verdict = judged.verdict
    if (judged?.notice !== undefined) options.onNotice?.({ key: judged.notice, message: judged.notice })
  }
  await permit.release(endOf(verdict), heardOf(options.reader.source.kind, decoded !== null && 'value' in decoded ? decoded.value : null, headers, nowMs))
  if (verdict.kind === 'empty') {
    response.body = call.read.empty
    return { response, verdict, facts: { ...emptyFacts, mark: status === 304 ? options.since : null }, name }
  }
  if (verdict.kind !== 'ok') return { response, verdict, facts: null, name }
  if (decoded === null || !('value' in decoded)) {
    const failed = decoded?.failed ?? 'the answer is empty'
    if (decoded?.changed) return { response, verdict: { kind: 'positionLost', reason: failed }, facts: null, name }
    // A body cut by a proxy looks like this too, so it is worth another try.
    return { response, verdict: { kind: 'transient', last: decoded?.type ?? 'Contract', reason: failed }, facts: null, name }
  }
  response.body = decoded.body
  const cursor = options.raw ? null : (call.hint?.(response.body) ?? null)
  if (cursor !== null) {
    guess(cursor)
    await yieldToLoop()
  }
  try {
    options.onAnswer?.(headers)
    return { response, verdict, facts: call.read.facts(decoded, response), name }
  } catch (error) {
    if (!(error instanceof IsthmusError)) throw error
    throw new IsthmusError(error.type, `${name}: ${error.message}`, { field: error.field, cure: error.cure, status })
  }
}

type Failed = { failed: string; type: ErrorType; changed: boolean }

/** The value of a body. One that is no page (`ok` false) is only looked at for what it says. */
async function decode(call: Call, response: HttpResponse, position: Position | null, operation: string | null, ok: boolean): Promise<Decoded | Failed> {
  const { redactor } = call.options.reader.connection.http
  const { format } = call.options.reader.stream
  try {
    if (!ok && operation === null && (response.body.length > MOST_SAID || format.kind === 'csv' || format.kind === 'ndjson')) return saidIn(response.body)
    return await call.read.decode(response, ok ? position : null, operation)
  } catch (error) {
    if (error instanceof FileChanged) return { failed: error.message, type: 'Contract', changed: true }
    if (!(error instanceof IsthmusError)) throw error
    if (ok && error.type !== 'Contract') throw error
    return { failed: `the answer is not the ${format.kind.toUpperCase()} expected: ${redactor.text(error.message)}`, type: 'Contract', changed: false }
  }
}

/** Longest body of an answer that is no page in which signs of errors are looked for. */
const MOST_SAID = 256 * 1024

/** What an answer that is no page says as JSON; the others speak as text. */
function saidIn(body: Buffer): Decoded | Failed {
  const value = body.length <= MOST_SAID ? jsonOr(body, { revive: false }) : undefined
  return value === undefined ? { failed: 'the answer is no page', type: 'Contract', changed: false } : { body, value, range: null }
}

function bodyText({ body }: HttpResponse): string {
  return body.toString('utf8', 0, 4096)
}

/** Nothing has changed since the answer whose ETag was sent (RFC 9110 15.4.5). */
function unchanged({ status }: HttpResponse, since: string | null): boolean {
  return status === 304 && since !== null
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
