import type { Agent, Dispatcher } from 'undici'
import { IsthmusError } from '../../model/index.ts'
import { tooLarge } from './body.ts'
import type { SizeLimit } from './body.ts'
import { abortError } from './failure.ts'

export interface RawResponse {
  status: number
  headers: Record<string, string>
  body: Buffer
}

/** Largest body of an answer that refuses or redirects: what is beyond is not read. */
export const EXCUSE_BYTES = 1024 * 1024

const MAX_TIMER_MS = 2 ** 31 - 1

export interface ExchangeLimits {
  body: SizeLimit
  /** Time allowed for the whole exchange once it has begun to leave: an answer that comes a byte at a time ends here. */
  totalMs: number
}

/** Joins repeated headers so that lists stay lists; cookies hold commas, so they are joined by line feeds. */
function joinHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const out: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue
    out[name] = Array.isArray(value) ? value.join(name === 'set-cookie' ? '\n' : ', ') : value
  }
  return out
}

/**
 * One request and its complete, still encoded answer. Stops as soon as more has arrived than `limits` allow: PageTooLarge for an answer
 * of 2xx, while the body of any other is cut at 1 MiB. Transient when the whole takes too long.
 */
export function exchange(
  agent: Agent,
  options: Dispatcher.DispatchOptions,
  limits: ExchangeLimits,
  signal: AbortSignal | undefined,
  onSend?: () => void,
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal))
    let controller: Dispatcher.DispatchController | null = null
    let status = 0
    let headers: Record<string, string> = {}
    let size = 0
    let timer: NodeJS.Timeout | undefined
    const parts: Buffer[] = []
    const settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const stop = (error: Error) => {
      settle()
      reject(error)
      controller?.abort(error)
    }
    const end = () => {
      settle()
      resolve({ status, headers, body: parts.length === 1 ? parts[0]! : Buffer.concat(parts) })
    }
    const onAbort = () => stop(abortError(signal!))
    signal?.addEventListener('abort', onAbort, { once: true })
    agent.dispatch(options, {
      onRequestStart(c) {
        controller = c
        // Aborted while it waited for a free connection.
        if (signal?.aborted) return c.abort(abortError(signal))
        clearTimeout(timer)
        timer = setTimeout(() => stop(tooSlow(limits.totalMs)), Math.min(limits.totalMs, MAX_TIMER_MS))
        onSend?.()
      },
      onResponseStart(_c, code, received) {
        if (code < 200) return
        status = code
        headers = joinHeaders(received)
        if (isWhole(status) && Number(headers['content-length']) > limits.body.bytes && options.method !== 'HEAD') stop(tooLarge(limits.body))
      },
      onResponseData(c, chunk) {
        size += chunk.length
        if (isWhole(status)) {
          if (size > limits.body.bytes) return stop(tooLarge(limits.body))
          parts.push(chunk)
        } else if (size <= EXCUSE_BYTES) {
          parts.push(chunk)
        } else {
          end()
          c.abort(new Error('the rest is not needed'))
        }
      },
      onResponseEnd: () => end(),
      onResponseError(_c, error) {
        settle()
        reject(error)
      },
    })
  })
}

/** The body is what was asked for, not an excuse. */
export function isWhole(status: number): boolean {
  return status >= 200 && status < 300
}

function tooSlow(totalMs: number): IsthmusError {
  return new IsthmusError('Transient', `the answer was not complete after ${Math.round(totalMs / 1000)} s`, { cure: 'ask the API for smaller pages, or raise `timeout`' })
}
