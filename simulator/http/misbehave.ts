import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import type { Answer } from './answer.ts'
import type { BodyFault } from './fault-kinds.ts'
import { send } from './send.ts'

const DRIPS = 20
const HTML = '<!doctype html><html><head><title>Maintenance</title></head><body><h1>We will be back soon</h1></body></html>\n'
/** Long enough for the client to see what came before the reset. */
const BEFORE_RESET_MS = 30

/** Sends an answer in a spoiled way. @param slowMs how long `slow` takes for the whole body */
export function misbehave(kind: BodyFault, res: ServerResponse, answer: Answer, slowMs: number): void {
  const body = Buffer.from(answer.body)
  const half = body.subarray(0, Math.max(1, body.length >> 1))
  const head = (headers: Record<string, string | number>) => res.writeHead(answer.status, { ...answer.headers, ...headers })
  const socket = res.socket
  switch (kind) {
    case 'hang':
      return
    case 'reset':
      socket?.resetAndDestroy()
      return
    case 'reset-after-head':
      head({ 'Content-Length': body.length }).flushHeaders()
      setTimeout(() => socket?.resetAndDestroy(), BEFORE_RESET_MS)
      return
    case 'slow':
      head({ 'Content-Length': body.length })
      drip(res, body, slowMs)
      return
    case 'cut':
      head({ 'Content-Length': body.length }).write(half, () => socket?.destroySoon())
      return
    case 'cut-chunked':
      head({ 'Transfer-Encoding': 'chunked' }).write(half, () => socket?.destroySoon())
      return
    case 'wrong-length':
      head({ 'Content-Length': half.length }).write(body, () => socket?.destroySoon())
      return
    case 'truncated-gzip': {
      const packed = gzipSync(body)
      send(res, { ...answer, headers: { ...answer.headers, 'Content-Encoding': 'gzip' }, body: packed.subarray(0, packed.length >> 1) })
      return
    }
    case 'garbage-html':
      send(res, { ...answer, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: HTML })
      return
    case 'garbage-json':
      send(res, { ...answer, body: half })
      return
    case 'empty-body':
      send(res, { ...answer, body: '' })
  }
}

function drip(res: ServerResponse, body: Buffer, slowMs: number): void {
  const step = Math.ceil(body.length / DRIPS)
  let at = 0
  const timer = setInterval(() => {
    const end = Math.min(at + step, body.length)
    if (end < body.length) res.write(body.subarray(at, end))
    else {
      clearInterval(timer)
      res.end(body.subarray(at))
    }
    at = end
  }, slowMs / DRIPS)
  res.on('close', () => clearInterval(timer))
}
