import { Agent } from 'undici'
import type { buildConnector } from 'undici'
import { IsthmusError } from '../../model/index.ts'
import { ACCEPT_ENCODING, decodeAnswer } from './body.ts'
import { exchange } from './exchange.ts'
import type { RawResponse } from './exchange.ts'
import { abortError, hostPort, toFailure } from './failure.ts'
import { createGuard, type AddressGuard } from './guard.ts'
import { checkHeaders } from './headers.ts'
import { checkOrigin, originOf } from './origin.ts'
import { redactor as processRedactor } from '../../model/redact/index.ts'
import type { Redactor } from '../../model/redact/index.ts'
import { isRedirect, redirectHeaders, redirectMethod } from './redirect.ts'
import type { Http, HttpRequest, HttpResponse } from './types.ts'

export interface HttpOptions {
  /** Origins that may be sent credentials; the first is the connection's own. */
  origins: readonly string[]
  /** Time allowed until the answer's head, and between two parts of its body. */
  timeoutMs: number
  /** Largest body, decoded. */
  maxBytes: number
  /** Requests under way at once. */
  concurrency: number
  userAgent: string
  redactor?: Redactor
  /** TLS client certificate and the like. */
  connect?: buildConnector.BuildOptions
  /** Addresses that may be called. Default: public ones, and what `origins` name literally. */
  guard?: AddressGuard
  /** Time allowed for one request and its whole answer. Default: 10 minutes. */
  totalMs?: number
}

const MAX_REDIRECTS = 5
const CONNECT_TIMEOUT_MS = 10_000
/** An answer that trickles in must not hold its place for ever. */
const TOTAL_MS = 10 * 60_000

/** The HTTP client of one connection: keep-alive, redirects by hand within its origins, bodies whole or an error. */
export function createHttp(options: HttpOptions): Http {
  const redactor = options.redactor ?? processRedactor
  const own = new Set(options.origins.map(originOf))
  const first = options.origins[0]
  if (first === undefined) throw new IsthmusError('InvalidInput', 'a connection needs at least one origin')
  const guard = options.guard ?? createGuard({ trusted: options.origins.map((o) => new URL(o).hostname), privateNetwork: false })
  const secure = originOf(first).startsWith('https:')
  const agentOf = (connections: number) =>
    new Agent({
      connections,
      pipelining: 1,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      connect: { timeout: Math.min(options.timeoutMs, CONNECT_TIMEOUT_MS), ...options.connect, lookup: guard.lookup },
    })
  const agent = agentOf(options.concurrency)

  const send = async (url: URL, method: string, headers: Record<string, string>, request: HttpRequest): Promise<RawResponse> => {
    const { signal } = request
    guard.check(url)
    checkHeaders(headers)
    const own = request.fresh ? agentOf(1) : null
    const maxBytes = Math.min(options.maxBytes, request.maxBytes ?? Infinity)
    try {
      const raw = await exchange(
        own ?? agent,
        { origin: url.origin, path: url.pathname + url.search, method: method as 'GET', headers, body: request.body ?? null },
        { maxBytes, totalMs: options.totalMs ?? TOTAL_MS },
        signal,
        request.onSend,
      )
      if (method !== 'HEAD') raw.body = await decodeAnswer(raw, maxBytes)
      return raw
    } catch (error) {
      if (signal?.aborted) throw abortError(signal)
      throw toFailure(error, url)
    } finally {
      await own?.destroy()
    }
  }

  const request = async (req: HttpRequest): Promise<HttpResponse> => {
    const allowed = req.origins ? new Set(req.origins.map(originOf)) : own
    const limit = req.redirects ?? MAX_REDIRECTS
    let url = new URL(req.url)
    let method = (req.method ?? 'GET').toUpperCase()
    let body = req.body ?? null
    let headers: Record<string, string> = { 'user-agent': options.userAgent, 'accept-encoding': ACCEPT_ENCODING }
    for (const [name, value] of Object.entries(req.headers ?? {})) headers[name.toLowerCase()] = value
    let cameFromHttps = req.origins ? false : secure
    for (let hop = 0; ; hop++) {
      checkOrigin(url, allowed, cameFromHttps)
      cameFromHttps ||= url.protocol === 'https:'
      if (hop > 0) await req.onRedirect?.()
      const target = { url: new URL(url), headers: { ...headers }, method, body }
      target.url.username = ''
      target.url.password = ''
      target.url.hash = ''
      req.sign?.(target)
      const raw = await send(target.url, method, target.headers, { ...req, body })
      const location = raw.headers['location']
      if (!isRedirect(raw.status) || location === undefined || limit === 0) return { ...raw, url: url.href }
      if (hop >= limit) {
        throw new IsthmusError('Contract', `${hostPort(url)} redirects more than ${limit} times`, { status: raw.status, cure: 'correct the address' })
      }
      const next = redirectMethod(raw.status, method)
      headers = redirectHeaders(headers, next === method)
      if (next !== method) body = null
      method = next
      try {
        url = new URL(location, url)
      } catch {
        throw new IsthmusError('Contract', `${hostPort(url)} redirects to something that is not an address`, { status: raw.status })
      }
    }
  }

  return {
    request,
    redactor,
    allow(address) {
      const url = new URL(address)
      checkOrigin(url, own, secure)
      return url
    },
    close: () => agent.destroy(),
  }
}
