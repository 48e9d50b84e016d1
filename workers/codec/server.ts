import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PayloadCodec } from '@temporalio/common'
import { IsthmusError } from '../../model/errors.ts'
import { sameSecret } from '../../model/same-secret.ts'
import { peerUser } from './peer.ts'
import { parsePayloads, payloadToJson, readBody } from './wire.ts'

export interface CodecServerOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  /** What callers prove themselves with: as the first part of the path, or as a bearer token. */
  token: string
  /** Origins of the web UI, which the browser tells with each call; asked at each request. */
  origins(): readonly string[]
  /** Host names under which it is called, besides its own address. */
  hosts?: readonly string[]
  /** Users of this machine who may ask, by number, where the system tells who asks (Linux). Default: all. */
  users?: readonly number[]
  namespace: string
  /** null while the keys cannot be had yet. */
  codec(): Promise<PayloadCodec | null>
  /** Hears why a request was refused, each reason at most once a minute. Nothing of token or payload is in it. */
  say?(line: string): void
}

export interface CodecServer {
  port: number
  close(): Promise<void>
}

/** Why a request is refused: `message` is for who asks, `detail` for the log. */
class Refusal extends Error {
  readonly status: number
  readonly detail: string

  constructor(status: number, message: string, detail = '') {
    super(message)
    this.status = status
    this.detail = detail
  }
}

const AGAIN_MS = 60_000
const CORS = {
  'access-control-allow-credentials': 'true',
  'access-control-allow-headers': 'content-type, x-namespace, authorization, authorization-extras',
  'access-control-allow-methods': 'POST, OPTIONS',
  'access-control-max-age': '600',
}

/**
 * Decodes payloads for Temporal's web UI and CLI (the "remote codec" protocol: POST /decode with `{ payloads }` as protobuf's JSON). Closed to strangers: a token,
 * the host it is called by (DNS rebinding), the page it is called from, the user who asks, the namespace and the size are checked. Nothing of a payload is logged.
 */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const { say = () => {} } = options
  const told = new Map<string, number>()
  let own: string[] = []

  const tell = (line: string, key: string): void => {
    if (performance.now() - (told.get(key) ?? -Infinity) < AGAIN_MS) return
    told.set(key, performance.now())
    say(`codec server: ${line}`)
  }

  function check(request: IncomingMessage): void {
    const { origin, host = '' } = request.headers
    if (![...own, ...(options.hosts ?? [])].includes(host.toLowerCase())) throw new Refusal(421, 'this host is not known here', `Host: ${short(host)}`)
    if (origin !== undefined && !options.origins().includes(origin)) throw new Refusal(403, 'this page may not ask', `Origin: ${short(origin)}`)
    if (request.method === 'OPTIONS') return
    const user = options.users ? peerUser(request.socket) : undefined
    if (user !== undefined && (user === null || !options.users!.includes(user))) throw new Refusal(403, 'another user of this machine asks', `user ${user ?? 'unknown'}`)
    const [, first = '', second = ''] = (request.url ?? '').split('?')[0]!.split('/')
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const known = same(first, options.token) ? second : same(bearer, options.token) ? first : null
    if (known === null) throw new Refusal(401, 'the token is missing or wrong')
    if (known !== 'decode') throw new Refusal(404, 'POST /decode is what there is')
    if (request.method !== 'POST') throw new Refusal(405, 'POST it')
    if (request.headers['x-namespace'] !== options.namespace) throw new Refusal(403, 'this namespace is another one', `it answers for ${options.namespace}`)
    if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) throw new Refusal(415, 'JSON is expected')
  }

  async function answer(request: IncomingMessage): Promise<string> {
    const body = await readBody(request)
    if (body === null) throw new Refusal(413, 'at most 4 MiB are taken')
    const payloads = parsePayloads(body)
    if (payloads === null) throw new Refusal(400, 'an object with payloads is expected')
    const codec = await options.codec().catch((error: unknown) => {
      throw new Refusal(503, 'the keys cannot be had', error instanceof IsthmusError ? error.format() : '')
    })
    if (!codec) throw new Refusal(503, 'the keys cannot be had yet')
    // What does not open is shown as it is: one foreign payload must not hide the others of a page.
    const decoded = await Promise.all(payloads.map((payload) => codec.decode([payload]).then(([one]) => one!, (error: unknown) => {
      tell(error instanceof IsthmusError ? error.format() : 'a payload does not open', 'unopened')
      return payload
    })))
    return JSON.stringify({ payloads: decoded.map(payloadToJson) })
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('cache-control', 'no-store')
    response.setHeader('vary', 'origin')
    try {
      check(request)
      const { origin } = request.headers
      if (origin !== undefined) for (const [name, value] of Object.entries({ 'access-control-allow-origin': origin, ...CORS })) response.setHeader(name, value)
      if (request.method === 'OPTIONS') return void response.writeHead(204).end()
      const text = await answer(request)
      response.writeHead(200, { 'content-type': 'application/json' }).end(text)
    } catch (error) {
      const { status, message, detail } = error instanceof Refusal ? error : new Refusal(500, 'it failed')
      tell(`a request was refused, ${message}${detail && ` (${detail})`}`, message)
      if (response.headersSent) return void response.destroy()
      // What is left of the body is not read.
      response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(`${message}\n`)
    }
  }

  const server = createServer({ requestTimeout: 15_000, headersTimeout: 10_000, maxHeaderSize: 16_384 }, (request, response) => void handle(request, response))
  server.maxConnections = 200
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new IsthmusError('Unreachable', `the codec server cannot listen at ${options.host}:${options.port} (${error.code})`, { cure: 'choose another port' })))
    server.listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  own = [options.host.includes(':') ? `[${options.host}]` : options.host, '127.0.0.1', 'localhost'].map((name) => `${name.toLowerCase()}:${port}`)
  return {
    port,
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}

/** What is expected of nobody is given by nobody. */
function same(given: string, expected: string): boolean {
  return expected !== '' && sameSecret(given, expected)
}

/** Text from a stranger, for a log. */
function short(text: string): string {
  return JSON.stringify(text.slice(0, 80)).replace(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '')
}
