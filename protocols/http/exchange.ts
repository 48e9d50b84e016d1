import type { Agent, Dispatcher } from 'undici'
import { IsthmusError } from '../../model/index.ts'
import { MAX_ERROR_BYTES, tooLarge } from './body.ts'
import { abortError } from './failure.ts'

export interface RawResponse {
  status: number
  headers: Record<string, string>
  body: Buffer
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

function withoutBody({ 'content-encoding': _encoding, 'content-length': _length, ...rest }: Record<string, string>): Record<string, string> {
  return rest
}

/** One request and its complete, still encoded answer. Stops as soon as more than `maxBytes` have arrived. */
export function exchange(
  agent: Agent,
  options: Dispatcher.DispatchOptions,
  { maxBytes, totalMs }: { maxBytes: number; totalMs: number },
  signal: AbortSignal | undefined,
  onSend?: () => void,
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal))
    let controller: Dispatcher.DispatchController | null = null
    let status = 0
    let headers: Record<string, string> = {}
    let size = 0
    const parts: Buffer[] = []
    let timer: NodeJS.Timeout | undefined
    const settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const stop = (error: Error) => {
      settle()
      reject(error)
      controller?.abort(error)
    }
    const onAbort = () => stop(abortError(signal!))
    signal?.addEventListener('abort', onAbort, { once: true })
    /** Enough is known of an error: what its body says beyond the limit is left out. */
    const leave = () => {
      settle()
      resolve({ status, headers: withoutBody(headers), body: Buffer.alloc(0) })
      controller?.abort(new Error('not needed'))
    }
    agent.dispatch(options, {
      onRequestStart(c) {
        controller = c
        timer = setTimeout(() => stop(new IsthmusError('Transient', `the answer was not complete after ${Math.round(totalMs / 1000)} s`)), totalMs)
        // Aborted while it waited for a free connection.
        if (signal?.aborted) return c.abort(abortError(signal))
        onSend?.()
      },
      onResponseStart(_c, code, received) {
        if (code < 200) return
        status = code
        headers = joinHeaders(received)
        if (Number(headers['content-length']) > maxBytes && options.method !== 'HEAD') stop(tooLarge(maxBytes))
      },
      onResponseData(_c, chunk) {
        size += chunk.length
        if (status >= 400 && size > MAX_ERROR_BYTES) return leave()
        if (size > maxBytes) return stop(tooLarge(maxBytes))
        parts.push(chunk)
      },
      onResponseEnd() {
        settle()
        resolve({ status, headers, body: parts.length === 1 ? parts[0]! : Buffer.concat(parts, size) })
      },
      onResponseError(_c, error) {
        settle()
        reject(error)
      },
    })
  })
}
