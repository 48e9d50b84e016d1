import { request, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen } from './listen.ts'

/** A request as it passed. */
export interface Passed {
  /** Of all requests, from 0. */
  nth: number
  method: string
  /** With its query. */
  path: string
  headers: IncomingMessage['headers']
  body: string
  atMs: number
  /** Of the answer that went back; 0 when there was none. */
  status: number
}

/** Everything a request says, Basic credentials opened. */
export function said({ path, headers, body }: Passed): string {
  const basic = /^Basic (.+)$/.exec(headers.authorization ?? '')
  return [decodeURIComponent(path), JSON.stringify(headers), body, basic ? Buffer.from(basic[1]!, 'base64').toString() : ''].join('\n')
}

export interface Answer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

export type Fault =
  /** Answered without asking the server. */
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string | Buffer }
  /** The server is asked, its answer changed. */
  | { kind: 'change'; answer: (answer: Answer) => Answer }
  /** The server is asked; the connection breaks after this share of its answer. */
  | { kind: 'cut'; share: number }
  /** The connection breaks before the server hears of it. */
  | { kind: 'break' }
  /** Nothing comes back, until the client gives up. */
  | { kind: 'hang' }

/** A proxy that can be told to misbehave, between the reader and its server. */
export interface Proxy {
  url: string
  passed: Passed[]
  /** Called for each request; null lets it pass. */
  fault: ((request: Passed) => Fault | null) | null
  close(): Promise<void>
}

const HOP = new Set(['connection', 'transfer-encoding', 'keep-alive', 'content-length'])

/** Starts a proxy in front of `upstream` on a free loopback port. The server sees the proxy's own address as Host, so that its links lead back. */
export async function startProxy(upstream: string): Promise<Proxy> {
  const target = new URL(upstream)
  const proxy: Proxy = { url: '', passed: [], fault: null, close: async () => {} }
  const server = await listen((req, body, res) => {
    const one: Passed = { nth: proxy.passed.length, method: req.method!, path: req.url!, headers: req.headers, body: body.toString(), atMs: Date.now(), status: 0 }
    proxy.passed.push(one)
    const fault = proxy.fault?.(one) ?? null
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'break') return void req.socket.destroy()
    if (fault?.kind === 'answer') return send(res, one, { status: fault.status, headers: { 'content-type': 'application/json', ...fault.headers }, body: Buffer.from(fault.body ?? '') })
    forward(target, one, body).then(
      (answer) => {
        if (fault?.kind === 'cut') return cut(res, answer, fault.share)
        send(res, one, fault?.kind === 'change' ? fault.answer(answer) : answer)
      },
      () => res.destroy(),
    )
  })
  return Object.assign(proxy, server)
}

function forward(target: URL, { method, path, headers }: Passed, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: target.hostname, port: target.port, method, path, headers: { ...headers, 'accept-encoding': 'identity' } }, (res) => {
      const parts: Buffer[] = []
      res.on('data', (part: Buffer) => parts.push(part))
      res.on('error', reject)
      res.on('end', () => {
        const kept = Object.entries(res.headers).filter(([name, value]) => value !== undefined && !HOP.has(name))
        resolve({ status: res.statusCode!, headers: Object.fromEntries(kept.map(([name, value]) => [name, value as string])), body: Buffer.concat(parts) })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

function send(res: ServerResponse, passed: Passed, { status, headers, body }: Answer): void {
  passed.status = status
  res.writeHead(status, { ...headers, ...(status === 204 || status === 304 ? {} : { 'content-length': String(body.length) }) })
  res.end(status === 204 || status === 304 ? undefined : body)
}

/** Announces the whole body and sends a part of it. */
function cut(res: ServerResponse, { status, headers, body }: Answer, share: number): void {
  res.writeHead(status, { ...headers, 'content-length': String(body.length) })
  res.write(body.subarray(0, Math.floor(body.length * share)), () => res.destroy())
}
