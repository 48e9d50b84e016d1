import { randomBytes, timingSafeEqual, createHash } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Payload, PayloadCodec } from '@temporalio/common'
import { IsthmusError } from '../../model/errors.ts'
import { choosePort } from '../ports.ts'

export interface CodecServerOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  /** What callers prove themselves with: as the first part of the path, or as a bearer token. */
  token: string
  /** Origins of the web UI, which the browser tells with each call. */
  origins: readonly string[]
  /** Host names under which it is called, besides its own address. */
  hosts?: readonly string[]
  namespace: string
  codec(): Promise<PayloadCodec>
}

export interface CodecServer {
  port: number
  close(): Promise<void>
}

const MAX_BYTES = 4 * 1024 * 1024
const HEADERS = 'content-type, x-namespace, authorization'

/**
 * Decodes payloads for Temporal's web UI and CLI (the "remote codec" protocol: POST /decode with `{ payloads }` as protobuf's JSON). Closed to strangers: a token,
 * the host it is called by (DNS rebinding), the page it is called from, the namespace and the size are checked. Nothing of a payload is logged.
 */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const server: Server = createServer({ requestTimeout: 15_000, headersTimeout: 10_000, maxHeaderSize: 16_384 }, (request, response) => {
    void handle(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500).end()
      else response.destroy()
    })
  })
  let own: string[] = []

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { origin, host = '' } = request.headers
    response.setHeader('cache-control', 'no-store')
    response.setHeader('vary', 'origin')
    if (![...own, ...(options.hosts ?? [])].includes(host.toLowerCase())) return end(response, 421, 'this host is not known here')
    if (origin !== undefined && !options.origins.includes(origin)) return end(response, 403, 'this page may not ask')
    if (origin !== undefined) {
      response.setHeader('access-control-allow-origin', origin)
      response.setHeader('access-control-allow-credentials', 'true')
      response.setHeader('access-control-allow-headers', HEADERS)
      response.setHeader('access-control-allow-methods', 'POST, OPTIONS')
      response.setHeader('access-control-max-age', '600')
    }
    const [, first = '', second = ''] = (request.url ?? '').split('?')[0]!.split('/')
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const known = same(first, options.token) ? second : same(bearer, options.token) ? first : null
    if (request.method === 'OPTIONS') return end(response, 204, '')
    if (known === null) return end(response, 401, 'the token is missing or wrong')
    if (known !== 'decode') return end(response, 404, 'POST /decode is what there is')
    if (request.method !== 'POST') return end(response, 405, 'POST it')
    const namespace = request.headers['x-namespace']
    if (namespace !== undefined && namespace !== options.namespace) return end(response, 403, 'this namespace is another one')
    if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) return end(response, 415, 'JSON is expected')
    const body = await read(request)
    if (body === null) return end(response, 413, 'at most 4 MB are taken')
    const payloads = parse(body)
    if (payloads === null) return end(response, 400, 'an object with payloads is expected')
    const codec = await options.codec()
    // What does not open is shown as it is: one foreign payload must not hide the others of a page.
    const decoded = await Promise.all(payloads.map((payload) => codec.decode([payload]).then(([one]) => one!, () => payload)))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ payloads: decoded.map(toJson) }))
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new IsthmusError('Unreachable', `the codec server cannot listen at ${options.host}:${options.port} (${error.code})`, { cure: 'choose another port' })))
    server.listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  own = [options.host, '127.0.0.1', 'localhost'].map((name) => `${name}:${port}`)
  return {
    port,
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}

function end(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(message === '' ? undefined : `${message}\n`)
}

/** Compares without telling by its time how much agrees. */
function same(given: string, expected: string): boolean {
  const hash = (value: string): Buffer => createHash('sha256').update(value).digest()
  return expected !== '' && timingSafeEqual(hash(given), hash(expected))
}

async function read(request: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > MAX_BYTES) return null
    parts.push(part)
  }
  return Buffer.concat(parts)
}

interface JsonPayload {
  metadata?: Record<string, string>
  data?: string
}

function parse(body: Buffer): Payload[] | null {
  try {
    const { payloads } = JSON.parse(body.toString()) as { payloads?: unknown }
    if (!Array.isArray(payloads)) return null
    return payloads.map((p: JsonPayload) => ({
      metadata: Object.fromEntries(Object.entries(p.metadata ?? {}).map(([name, value]) => [name, Buffer.from(String(value), 'base64')])),
      data: Buffer.from(String(p.data ?? ''), 'base64'),
    }))
  } catch {
    return null
  }
}

function toJson({ metadata, data }: Payload): JsonPayload {
  return {
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')])),
    data: Buffer.from(data ?? []).toString('base64'),
  }
}

/** Port and token of a project's codec server: the same over restarts, so that open pages of the UI go on. Kept in `codec.json` of `dir` with mode 600. */
export async function codecPlace(dir: string): Promise<{ port: number; token: string }> {
  const file = join(dir, 'codec.json')
  const kept = await readFile(file, 'utf8').then((text) => JSON.parse(text) as { port: number; token: string }, () => null)
  const place = { port: await choosePort(kept?.port), token: kept?.token ?? randomBytes(24).toString('base64url') }
  await writeFile(`${file}.${process.pid}`, JSON.stringify(place), { mode: 0o600 })
  await rename(`${file}.${process.pid}`, file)
  return place
}
