import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { json, rawServer, testServer } from '../testing/server.ts'
import { createHttp } from './client.ts'

const open: { close(): Promise<void> }[] = []
const keep = <T extends { close(): Promise<void> }>(thing: T): T => (open.push(thing), thing)
afterEach(async () => {
  await Promise.all(open.splice(0).map((o) => o.close()))
})

/** Writes pieces until the reader goes away or `most` bytes are out. */
async function endless(res: ServerResponse, piece: Buffer, most = Infinity): Promise<void> {
  const gone = once(res, 'close')
  for (let out = 0; out < most && !res.destroyed; out += piece.length) if (!res.write(piece)) await Promise.race([new Promise((resolve) => res.once('drain', resolve)), gone])
  res.end()
}

describe('what no API would send', () => {
  it('ends the stream with a reason and takes no more memory than the limit of a page', async () => {
    // Members of a gzip file may follow each other: 1 GiB in 1 MiB.
    const zeros = Buffer.alloc(16 << 20, 0x20)
    const gzip = Buffer.concat(Array<Buffer>(64).fill(gzipSync(zeros)))
    const larger = Buffer.alloc(17 << 20, 0x20)
    const bodies: Record<string, [Buffer, string]> = {
      '/gzip': [gzip, 'gzip'], '/gzip-twice': [gzipSync(gzip), 'gzip, gzip'], '/deflate': [deflateSync(larger, { level: 1 }), 'deflate'],
      '/br': [brotliCompressSync(larger, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }), 'br'],
      '/deep-lists': [Buffer.from('['.repeat(1e6) + ']'.repeat(1e6)), 'identity'], '/deep-objects': [Buffer.from('{"a":'.repeat(1e6) + '1' + '}'.repeat(1e6)), 'identity'],
      '/digits': [Buffer.from(`{"data":[{"id":${'9'.repeat(8e6)}}]}`), 'identity'],
    }
    expect(gzip.length).toBeLessThan(1.1 * 1024 * 1024)
    const other: Record<string, (res: ServerResponse) => unknown> = {
      '/good': (res) => json(res, { data: [{ id: 1 }] }),
      '/announced': (res) => void res.writeHead(200, { 'content-length': String(300 << 20) }).flushHeaders(),
      '/large': (res) => endless(res, Buffer.from('{"id":12345,"name":"abc"},'.repeat(2500)), 300 << 20),
      '/parts': (res) => endless(res.writeHead(200), Buffer.from('[],'.repeat(20_000)), 15.5 * 1024 * 1024),
      '/error': (res) => endless(res.writeHead(400), Buffer.alloc(65536, 'x')),
      '/error-gzip': (res) => res.writeHead(400, { 'content-encoding': 'gzip' }).end(gzip),
      '/token': (res) => endless(res.writeHead(200, { 'content-type': 'application/json' }), Buffer.alloc(65536, ' ')),
      '/token-error': (res) => endless(res.writeHead(400, { 'content-type': 'application/json' }), Buffer.alloc(65536, ' ')),
      '/token-gzip': (res) => res.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' }).end(gzip),
      '/token-deep': (res) => res.writeHead(200, { 'content-type': 'application/json' }).end(`{"access_token":${'['.repeat(4e5)}${']'.repeat(4e5)}}`),
      '/header': (res) => res.writeHead(200, { 'x-a': 'a'.repeat(1 << 20) }).end('{}'),
      '/headers': (res) => res.writeHead(200, Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`x-${i}`, 'a']))).end('{}'),
    }
    const server = keep(await testServer((req, res) => {
      const body = bodies[req.path]
      if (body) return res.writeHead(200, { 'content-encoding': body[1] }).end(body[0])
      return other[req.path]!(res)
    }))
    const tooLarge = { kind: 'refused', type: 'PageTooLarge' }
    const expected: Record<string, unknown> = {
      '/gzip': { ...tooLarge, field: 'from.maxPageBytes', reason: expect.stringContaining('larger than 16777216 bytes') }, '/gzip-twice': tooLarge, '/deflate': tooLarge, '/br': tooLarge,
      '/announced': tooLarge, '/large': tooLarge, '/deep-lists': { ...tooLarge, reason: expect.stringContaining('deeper than 256 levels') }, '/deep-objects': tooLarge, '/digits': { ...tooLarge, reason: expect.stringContaining('digits') },
      '/parts': { ...tooLarge, reason: expect.stringContaining('made of more than') },
      '/error': { kind: 'refused', type: 'Contract', reason: expect.stringContaining('HTTP 400') }, '/error-gzip': { kind: 'refused', type: 'Contract', reason: expect.stringContaining('HTTP 400') },
      '/token': { kind: 'error', type: 'PageTooLarge', message: expect.stringContaining('1048576 bytes') }, '/token-error': { kind: 'error', type: 'Contract' }, '/token-gzip': { kind: 'error', type: 'PageTooLarge' },
      '/token-deep': { kind: 'error', type: 'Contract' },
      '/header': { kind: 'refused', type: 'Contract', reason: expect.stringContaining('headers') }, '/headers': { kind: 'refused', type: 'Contract', reason: expect.stringContaining('headers') },
      '/good': { kind: 'done' },
    }
    const child = spawn(process.execPath, ['--import', 'jiti/register', 'protocols/testing/bomb-reader.ts', server.url, ...Object.keys(expected)], { stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.on('data', (piece: Buffer) => void (out += piece))
    expect(await once(child, 'close')).toEqual([0, null])
    const ends = out.trim().split('\n').map((line) => JSON.parse(line) as { path: string; stop: unknown; ms: number; mib: number })
    for (const { path, stop } of ends) expect(stop, path).toMatchObject(expected[path] as object)
    expect(ends).toHaveLength(Object.keys(expected).length)
    if (process.env['ISTHMUS_MEASURE']) process.stdout.write(`${ends.map((e) => `${e.path} +${e.mib} MiB ${e.ms} ms`).join('\n')}\n`)
    expect(ends.at(-1)!.mib).toBeLessThanOrEqual(128)
  })

  it('an answer that comes a byte at a time ends at the time allowed for the whole', async () => {
    const timers = new Set<NodeJS.Timeout>()
    const server = keep(await rawServer((socket, nth) => {
      socket.write(nth === 1 ? 'HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n' : 'HTTP/1.1 200 OK\r\nx-slow: ')
      timers.add(setInterval(() => socket.writable && socket.write('1'), 100))
    }))
    const http = keep(createHttp({ origins: [server.url], timeoutMs: 500, totalMs: 1500, maxBytes: 1 << 20, concurrency: 1, userAgent: 'test' }))
    for (let i = 0; i < 2; i++) {
      const began = Date.now()
      await expect(http.request({ url: server.url })).rejects.toMatchObject({ type: 'Transient' })
      expect(Date.now() - began).toBeLessThan(6000)
    }
    for (const timer of timers) clearInterval(timer)
  })
})
