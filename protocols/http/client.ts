import { Agent } from 'undici'
import type { buildConnector } from 'undici'
import { IsthmusError } from '../../model/index.ts'
import type { ErrorType } from '../../model/index.ts'
import { ACCEPT_ENCODING, decodeBody, decodeExcuse, isGzip } from './body.ts'
import { EXCUSE_BYTES, exchange, isWhole } from './exchange.ts'
import type { RawResponse } from './exchange.ts'
import { abortError, hostPort, toFailure } from './failure.ts'
import { createGuard, type AddressPolicy } from './guard/index.ts'
import { checkHeaders } from './headers.ts'
import { checkOrigin, originOf } from './origin.ts'
import { httpSignal } from '../../model/signals.ts'
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
  /** Name of the connection, for metrics and traces. Default: the host of the first origin. */
  name?: string
  /** Default: that of the process. */
  redactor?: Redactor
  /** TLS client certificate and the like. */
  connect?: buildConnector.BuildOptions
  /** Addresses that may be called although they are not public. Default: those of `origins`, and of a request's own, as they are written there. */
  addresses?: AddressPolicy
  /** Time allowed for one request and its whole answer. Default: ten times `timeoutMs`. */
  totalMs?: number
}

const MAX_REDIRECTS = 5
const CONNECT_TIMEOUT_MS = 10_000
/** An answer that trickles in must not hold its place for ever. */
const TOTAL_FACTOR = 10

/**
 * The HTTP client of one connection: keep-alive, redirects by hand within its origins, addresses checked when connecting, bodies whole
 * or an error.
 */
export function createHttp(options: HttpOptions): Http {
  const redactor = options.redactor ?? processRedactor
  const own = new Set(options.origins.map(originOf))
  const first = options.origins[0]
  if (first === undefined) throw new IsthmusError('InvalidInput', 'a connection needs at least one origin')
  // Without a policy, whoever opened the client wrote the addresses himself.
  const trusted = options.addresses ? null : new Set(own)
  const guard = createGuard(options.addresses ?? { literal: trusted!, privateNetwork: false })
  const secure = originOf(first).startsWith('https:')
  const agentOf = (connections: number) =>
    new Agent({
      connections,
      pipelining: 1,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      connect: guard.connector({ timeout: Math.min(options.timeoutMs, CONNECT_TIMEOUT_MS), ...options.connect }),
    })
  const agent = agentOf(options.concurrency)

  const connection = options.name ?? hostPort(new URL(first))

  /** `exchanged`, told to those who measure. */
  const send = async (url: URL, method: string, headers: Record<string, string>, request: HttpRequest): Promise<RawResponse> => {
    if (!httpSignal.heard) return exchanged(url, method, headers, request)
    const begun = performance.now()
    const tell = (status: number | null, error: ErrorType | null): void => httpSignal.tell({ connection, method, origin: url.origin, path: url.pathname, about: request.about ?? {}, status, error, ms: performance.now() - begun })
    try {
      const raw = await exchanged(url, method, headers, request)
      tell(raw.status, null)
      return raw
    } catch (error) {
      if (!request.signal?.aborted) tell(error instanceof IsthmusError ? (error.status ?? null) : null, error instanceof IsthmusError ? error.type : 'Transient')
      throw error
    }
  }

  const exchanged = async (url: URL, method: string, headers: Record<string, string>, request: HttpRequest): Promise<RawResponse> => {
    const { signal } = request
    const own = request.fresh ? agentOf(1) : null
    const limit = { bytes: Math.min(request.maxBytes ?? options.maxBytes, options.maxBytes), ofPages: request.maxBytes === undefined }
    try {
      const raw = await exchange(
        own ?? agent,
        { origin: url.origin, path: url.pathname + url.search, method: method as 'GET', headers, body: request.body ?? null },
        { body: limit, totalMs: options.totalMs ?? options.timeoutMs * TOTAL_FACTOR },
        signal,
        request.onSend,
      )
      if (method === 'HEAD') return raw
      const encoding = raw.headers['content-encoding']
      raw.body = await (isWhole(raw.status) ? decodeBody(raw.body, encoding, limit) : decodeExcuse(raw.body, encoding, EXCUSE_BYTES))
      if (request.gunzip && isWhole(raw.status) && isGzip(raw.body)) raw.body = await decodeBody(raw.body, 'gzip', limit)
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
    if (req.origins) for (const origin of allowed) trusted?.add(origin)
    const limit = req.redirects ?? MAX_REDIRECTS
    let url = new URL(req.url)
    let method = (req.method ?? 'GET').toUpperCase()
    let body = req.body ?? null
    let headers: Record<string, string> = { 'user-agent': options.userAgent, 'accept-encoding': ACCEPT_ENCODING }
    for (const [name, value] of Object.entries(req.headers ?? {})) headers[name.toLowerCase()] = value
    let cameFromHttps = req.origins ? false : secure
    for (let hop = 0; ; hop++) {
      checkOrigin(url, allowed, cameFromHttps)
      guard.check(url)
      cameFromHttps ||= url.protocol === 'https:'
      if (hop > 0) await req.onRedirect?.()
      const target = { url: new URL(url), headers: { ...headers }, method, body }
      target.url.username = ''
      target.url.password = ''
      target.url.hash = ''
      req.sign?.(target)
      checkHeaders(target.headers)
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
      guard.check(url)
      return url
    },
    close: () => agent.destroy(),
  }
}
