import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { IsthmusError } from '../../model/errors.ts'
import { HEADERS } from './headers.ts'
import { HttpError, pathOf, problemOf, sendProblem } from './problem.ts'

/** Requests that reach no route, because their address cannot be read (400) or has a part that is too long (414): problems too. */
export function unreadableAddress(error: Error & { statusCode?: number }, request: FastifyRequest, reply: FastifyReply): void {
  const status = error.statusCode ?? 500
  const known = status === 414 ? new IsthmusError('InvalidInput', 'an id in the path is too long', { field: 'path' }) : status === 400 ? new IsthmusError('InvalidInput', 'the path is not URL-encoded UTF-8', { field: 'path', cure: 'encode ids as encodeURIComponent does' }) : null
  sendProblem(request, reply.headers(HEADERS), problemOf(known ? new HttpError(status, known) : error, pathOf(request).slice(0, 1_000)))
}

/** What is no HTTP, has more than 16 KiB of headers (431), or takes longer than it may (408). The connection is closed. */
export function unreadableRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, detail] = error.code === 'HPE_HEADER_OVERFLOW' ? [431, 'the headers, with the address, are too large'] as const : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? [408, 'the request took too long to arrive'] as const : [400, 'this is no HTTP request'] as const
  const body = JSON.stringify(problemOf(new HttpError(status, new IsthmusError('InvalidInput', detail)), ''))
  const headers = { ...HEADERS, 'content-type': 'application/problem+json', 'content-length': String(Buffer.byteLength(body)), connection: 'close' }
  if (socket.writable) socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`)
  socket.destroy(error)
}
