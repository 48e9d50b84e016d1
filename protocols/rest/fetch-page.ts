import { IsthmusError } from '../../model/index.ts'
import type { ErrorType, PageStop, Position } from '../../model/index.ts'
import { abortError } from '../http/index.ts'
import { MAX_ATTEMPTS, MAX_PAUSES, RETRY_WINDOW_MS, retryDelay } from './backoff.ts'
import type { Call } from './call.ts'
import { credential } from './credential.ts'
import { isPositionLost } from './lost.ts'
import { enter, pacerOf, stopOfClosed } from './enter.ts'
import type { Facts } from './facts.ts'
import { MAX_WAIT_MS } from './gate.ts'
import { send } from './send.ts'
import { sleepUntil } from './sleep.ts'
import { credentialsRefused, refused, stopOf } from './stops.ts'

export interface FetchedPage {
  ok: true
  body: Buffer
  facts: Facts
  /** Address that next links are relative to. */
  url: string
}
export interface FailedPage {
  ok: false
  stop: PageStop
  /** Status of the answer that failed; 0 when it was something else. */
  status: number
}

/**
 * Reads the page at a position, with the short retries and waits that stay inside. Every expected end is a value;
 * only an abort or a fault of ours is thrown.
 */
export async function fetchPage(call: Call, position: Position | null, signal: AbortSignal, guess: (cursor: string | null) => void): Promise<FetchedPage | FailedPage> {
  const page = await tryPage(call, position, signal, guess)
  if (page.ok) {
    call.received++
    call.bytes += page.body.length
  } else {
    call.failed = true
  }
  return page
}

async function tryPage(call: Call, position: Position | null, signal: AbortSignal, guess: (cursor: string | null) => void): Promise<FetchedPage | FailedPage> {
  const { now } = call
  const { reader } = call.options
  const pacer = pacerOf(call)
  const startedMs = now()
  let attempt = 1
  let pauses = 0
  for (;;) {
    const askedMs = now()
    const permit = await enter(call, signal)
    const waitedMs = now() - askedMs
    if ('stop' in permit) return { ok: false, stop: permit.stop, status: 0 }
    const use = await credential(call).catch(async (error: unknown) => {
      await permit.release({ kind: 'unused' })
      throw error
    })
    if ('stop' in use) {
      await permit.release({ kind: 'unused' })
      return { ok: false, stop: use.stop, status: 0 }
    }
    let failure: { type: ErrorType; last: ErrorType; reason: string; status: number }
    try {
      const { response, verdict, facts, name } = await send(call, position, permit, use.token, { attempt, waitedMs }, signal, guess)
      const { status } = response
      if (facts) return { ok: true, body: response.body, facts, url: response.url }
      const reason = 'reason' in verdict ? `${name}: ${verdict.reason}` : name
      switch (verdict.kind) {
        case 'throttled': {
          pauses++
          // The account is throttled, not this page: its address would only hide the cause.
          const closed = pacer.closed()
          const tooOften = pauses >= (verdict.untilMs === null ? MAX_ATTEMPTS : MAX_PAUSES)
          if (closed && closed.untilMs - now() > MAX_WAIT_MS) return { ok: false, status, stop: stopOfClosed(closed) }
          if (tooOften) return { ok: false, status, stop: { kind: 'throttled', untilMs: Math.max(closed?.untilMs ?? 0, now() + (verdict.untilMs === null ? 3 * MAX_WAIT_MS : 0)), reason: verdict.reason } }
          continue
        }
        case 'authRequired':
          if (use.token === null) return { ok: false, status, stop: credentialsRefused(reader, reason) }
          return { ok: false, status, stop: { kind: 'authRequired', version: use.token.version, reason } }
        case 'permission':
          return { ok: false, status, stop: refused('PermissionDenied', reason, 'from.auth', 'grant these credentials the right to read this stream') }
        case 'positionLost':
          return { ok: false, status, stop: { kind: 'positionLost', reason } }
        case 'refused':
          if (isPositionLost(position, status, verdict.reason)) return { ok: false, status, stop: { kind: 'positionLost', reason } }
          return { ok: false, status, stop: refused('Contract', reason, 'from.path', 'compare path, query and paging with the documentation of the API') }
        case 'transient':
          failure = { type: 'Transient', last: verdict.last, reason, status }
          break
        case 'ok':
        case 'empty':
          throw new Error('a page came without what paging needs')
      }
    } catch (error) {
      if (signal.aborted) throw abortError(signal)
      if (!(error instanceof IsthmusError)) throw error
      if (error.type !== 'Transient' && error.type !== 'Unreachable') return { ok: false, status: error.status ?? 0, stop: stopOf(error) }
      failure = { type: error.type, last: error.type, reason: error.message, status: 0 }
    }
    const retryAt = now() + retryDelay(attempt)
    if (attempt >= MAX_ATTEMPTS || retryAt - startedMs > RETRY_WINDOW_MS) {
      const { type, last, reason, status } = failure
      const down = pacer.closed()
      const open = down?.kind === 'down' ? { untilMs: down.untilMs, opening: down.opening } : { untilMs: 0 }
      const stop: PageStop = last === 'Contract' ? refused(last, reason, 'from.path') : { kind: 'interrupted', type, reason: down?.kind === 'down' ? down.reason : reason, ...open }
      return { ok: false, status, stop }
    }
    attempt++
    await sleepUntil(retryAt, now, signal)
  }
}
