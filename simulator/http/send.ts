import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Answer } from './answer.ts'
import { Refusal } from './answer.ts'

const pack = promisify(gzip)
const LARGEST_BODY = 64 * 1024

/** Sends a whole answer; `done` runs when its last byte has been handed over. */
export function send(res: ServerResponse, answer: Answer, done?: () => void): void {
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body
  res.writeHead(answer.status, { ...answer.headers, 'Content-Length': body.length })
  res.end(body, done)
}

/** The answer packed with gzip, if the client takes it. */
export async function packed(req: IncomingMessage, answer: Answer): Promise<Answer> {
  if (!acceptsGzip(String(req.headers['accept-encoding'] ?? '')) || answer.body.length < 200) return answer
  return { ...answer, headers: { ...answer.headers, 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' }, body: await pack(answer.body, { level: 1 }) }
}

function acceptsGzip(header: string): boolean {
  const own = header.split(',').find((part) => /^\s*(x-)?gzip\s*(;|$)/i.test(part))
  return own !== undefined && !/;\s*q=0(\.0*)?\s*$/i.test(own)
}

/** The body of a request as text. Refuses more than `largest` bytes (64 KiB) with 413. */
export async function readBody(req: IncomingMessage, largest = LARGEST_BODY): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of req as AsyncIterable<Buffer>) {
    size += part.length
    if (size > largest) throw new Refusal(413, 'too_large', `the body is larger than ${largest / 1024} KiB`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
