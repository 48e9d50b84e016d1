import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createSocketServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** A request as a test server saw it. */
export interface Seen {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: string
  atMs: number
}

export interface TestServer {
  url: string
  origin: string
  seen: Seen[]
  close(): Promise<void>
}

/** A local HTTP server for tests that remembers what it was asked. */
export async function testServer(handle: (req: Seen, res: ServerResponse) => unknown, host = '127.0.0.1'): Promise<TestServer> {
  const seen: Seen[] = []
  const server = createServer((req, res) => {
    const parts: Buffer[] = []
    req.on('data', (part: Buffer) => parts.push(part))
    req.on('end', () => {
      const url = new URL(req.url!, 'http://x')
      const one: Seen = {
        method: req.method!,
        path: url.pathname,
        query: url.searchParams,
        headers: req.headers,
        body: Buffer.concat(parts).toString(),
        atMs: Date.now(),
      }
      seen.push(one)
      void handle(one, res)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const origin = `http://${host}:${(server.address() as AddressInfo).port}`
  return {
    url: origin,
    origin,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A server that writes exactly these bytes for each request and then ends or destroys the connection. `heard` gets what was sent to it. */
export async function rawServer(answer: (socket: Socket, nth: number) => void, heard?: (bytes: Buffer) => void): Promise<{ url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  let nth = 0
  const server = createSocketServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (bytes: Buffer) => {
      heard?.(bytes)
      answer(socket, ++nth)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

/** Answers with JSON. */
export function json(res: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers })
  res.end(JSON.stringify(body))
}
