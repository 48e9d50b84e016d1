import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { IsthmusError } from '../../../model/index.ts'

export interface RedirectReceiver {
  /** Address to give as redirect_uri. */
  redirectUri: string
  /** The browser's return, once. Rejects with AuthFailed when it takes longer than allowed, or with the signal's reason. */
  callback: Promise<URL>
  close(): Promise<void>
}

const PAGE = (text: string): string =>
  `<!doctype html><meta charset="utf-8"><title>Isthmus</title><body style="font:16px system-ui;margin:4em auto;max-width:30em"><p>${text}</p>`

/**
 * Listens on 127.0.0.1 for the return of a person's browser (RFC 8252 7.3): one path, one callback, on a free port unless one is given.
 * Other requests, and those under another host name, get nothing. Throws InvalidInput when the port is taken.
 */
export async function receiveRedirect({ port = 0, path, timeoutMs, signal }: { port?: number; path: string; timeoutMs: number; signal: AbortSignal }): Promise<RedirectReceiver> {
  signal.throwIfAborted()
  let settle: { resolve(url: URL): void; reject(error: unknown): void } | null = null
  const callback = new Promise<URL>((resolve, reject) => { settle = { resolve, reject } })
  // Awaited later, or never when nobody comes.
  callback.catch(() => undefined)
  let origin = ''
  const server: Server = createServer({ requestTimeout: 10_000, maxHeaderSize: 32_768 }, (request, response) => {
    response.setHeader('connection', 'close')
    response.setHeader('cache-control', 'no-store')
    response.setHeader('referrer-policy', 'no-referrer')
    response.setHeader('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
    const url = URL.canParse(request.url ?? '', origin) ? new URL(request.url!, origin) : null
    const known = [origin.replace('http://', ''), origin.replace('http://127.0.0.1', 'localhost')]
    // A name that leads here (DNS rebinding) is none of ours.
    if (url === null || !known.includes(request.headers.host ?? '') || url.pathname !== path || request.method !== 'GET') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('nothing here\n')
      return
    }
    const waits = settle
    settle = null
    const text = waits === null ? 'This sign-in is over. You can close this window.' : url.searchParams.has('error') ? 'The system refused. You can close this window; the command line says more.' : 'Thank you. You can close this window and go back to the command line.'
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE(text))
    waits?.resolve(url)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new IsthmusError('InvalidInput', `port ${port} of this machine cannot be used (${error.code})`, { field: 'auth.redirectUri', cure: 'stop what uses it, or register another port with the provider' })))
    server.listen(port, '127.0.0.1', resolve)
  })
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fail = (error: unknown): void => {
    settle?.reject(error)
    settle = null
  }
  const onAbort = (): void => fail(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => fail(new IsthmusError('AuthFailed', `nobody signed in within ${Math.round(timeoutMs / 60_000)} minutes`, { cure: 'begin anew' })), timeoutMs)
  return {
    redirectUri: `${origin}${path}`,
    callback,
    close: () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}
