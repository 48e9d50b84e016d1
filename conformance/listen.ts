import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { put, type Made } from './double/records.ts'

/** A server of the suite on a free loopback port. */
export interface Listening {
  url: string
  close(): Promise<void>
}

/** Serves requests with their whole bodies. */
export async function listen(handle: (req: IncomingMessage, body: Buffer, res: ServerResponse) => void): Promise<Listening> {
  const collect: RequestListener = (req, res) => {
    const parts: Buffer[] = []
    req.on('data', (part: Buffer) => parts.push(part))
    req.on('end', () => handle(req, Buffer.concat(parts), res))
  }
  const server = createServer(collect)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The value of a request's body: a form, JSON, or its text; null when it is empty. */
export function bodyOf(text: string, type: string): unknown {
  if (text === '') return null
  if (type.includes('form')) {
    const body: Made = {}
    // `a[b]` is `a.b`.
    for (const [name, value] of new URLSearchParams(text)) put(body, name.replace(/\[(\w+)\]/g, '.$1'), value)
    return body
  }
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
