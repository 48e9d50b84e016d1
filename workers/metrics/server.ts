import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { AddressInfo } from 'node:net'
import { IsthmusError } from '../../model/errors.ts'
import { sameSecret } from '../../model/same-secret.ts'

export interface MetricsEndpoint {
  host: string
  port: number
  /** Bearer token that is asked for; null on this machine alone. */
  token: string | null
}

/**
 * Reads `ISTHMUS_METRICS_PORT` (`9464`, or `0.0.0.0:9464`; 0 takes a free port) and `ISTHMUS_METRICS_TOKEN`; null when metrics are off.
 * Throws InvalidInput: no port, or an address that others reach without a token.
 */
export function metricsEndpoint(env: NodeJS.ProcessEnv): MetricsEndpoint | null {
  const text = env.ISTHMUS_METRICS_PORT
  if (text === undefined || text === '') return null
  const match = /^(?:(\[[\da-fA-F:]+\]|[^:\s]+):)?(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (!match || port > 65_535) throw new IsthmusError('InvalidInput', `"${text}" is no port`, { field: 'ISTHMUS_METRICS_PORT', cure: 'give a port such as 9464, or an address and a port such as 0.0.0.0:9464' })
  const host = (match[1] ?? '127.0.0.1').replace(/^\[|\]$/g, '')
  const token = env.ISTHMUS_METRICS_TOKEN || null
  if (token === null && !isLoopback(host)) throw new IsthmusError('InvalidInput', `metrics at ${host} can be read by others`, { field: 'ISTHMUS_METRICS_TOKEN', cure: 'set a token, which Prometheus sends as `authorization: { credentials: ... }`, or listen at 127.0.0.1' })
  return { host, port, token }
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

/** Serves `GET /metrics`. Throws Unreachable when the port is taken. */
export async function serveMetrics({ host, port, token }: MetricsEndpoint, render: () => Promise<{ type: string; text: string }>): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string, headers: Record<string, string> = {}): void => void response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers }).end(text)
    if (!isLocalName(request) && token === null) return answer(403, 'ask for it by an address of this machine\n')
    if (token !== null && !sameSecret(request.headers.authorization ?? '', `Bearer ${token}`)) return answer(401, 'a token is needed\n', { 'www-authenticate': 'Bearer' })
    if (new URL(request.url ?? '/', 'http://x').pathname !== '/metrics') return answer(404, 'there is /metrics\n')
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'GET\n', { allow: 'GET, HEAD' })
    render().then(({ type, text }) => answer(200, text, { 'content-type': type }), () => answer(500, 'the metrics cannot be told\n'))
  })
  server.requestTimeout = 10_000
  server.maxConnections = 20
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new IsthmusError('Unreachable', `metrics cannot be served at ${host}:${port} (${(error as NodeJS.ErrnoException).code})`, { field: 'ISTHMUS_METRICS_PORT', cure: 'choose another port: each worker needs its own' })
  }
  server.unref()
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => {
      server.closeAllConnections()
      server.close(() => resolve())
    }),
  }
}

/** A page in a browser that had its name lead here does not get in. */
function isLocalName({ headers }: IncomingMessage): boolean {
  const name = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  return isLoopback(name)
}
