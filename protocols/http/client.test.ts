import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { json, rawServer, testServer } from '../testing/server.ts'
import { createHttp } from './client.ts'
import type { HttpOptions } from './client.ts'

const open: { close(): Promise<void> }[] = []
const keep = <T extends { close(): Promise<void> }>(thing: T): T => (open.push(thing), thing)
afterEach(async () => {
  await Promise.all(open.splice(0).map((o) => o.close()))
})
const client = (url: string, more: Partial<HttpOptions> = {}) =>
  keep(createHttp({ origins: [url], timeoutMs: 2000, maxBytes: 1 << 20, concurrency: 4, userAgent: 'test', ...more }))
const error = async (promise: Promise<unknown>) => {
  const e = await promise.then(() => null, (x: unknown) => x)
  expect(e).not.toBeNull()
  return e as { type?: string; name: string; message: string }
}

describe('bodies', () => {
  const text = JSON.stringify({ list: Array.from({ length: 500 }, (_, i) => `record ${i}`) })
  const encoders = { gzip: gzipSync, deflate: deflateSync, 'deflate-raw': deflateRawSync, br: brotliCompressSync }

  it('decodes gzip, deflate, bare deflate and br', async () => {
    const server = keep(await testServer((req, res) => {
      const name = req.path.slice(1) as keyof typeof encoders
      res.setHeader('content-encoding', name.replace('-raw', ''))
      res.end(encoders[name](text))
    }))
    const http = client(server.url)
    for (const name of Object.keys(encoders)) {
      const answer = await http.request({ url: `${server.url}/${name}` })
      expect(answer.body.toString()).toBe(text)
    }
    expect(server.seen[0]!.headers['accept-encoding']).toBe('gzip, deflate, br')
    expect(server.seen[0]!.headers['user-agent']).toBe('test')
  })

  it('finds a compressed body that was cut although HTTP calls it whole', async () => {
    const server = keep(await testServer((req, res) => {
      const name = req.path.slice(1) as keyof typeof encoders
      const whole = encoders[name](text)
      res.setHeader('content-encoding', name.replace('-raw', ''))
      res.end(whole.subarray(0, whole.length >> 1))
    }))
    const http = client(server.url)
    for (const name of Object.keys(encoders)) {
      expect((await error(http.request({ url: `${server.url}/${name}` }))).type, name).toBe('Transient')
    }
  })

  it('finds a body shorter than its content-length, a cut chunked body and a reset', async () => {
    const answers: Record<number, string> = {
      1: 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"a":1',
      2: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
      3: '',
      4: 'this is not HTTP\r\n\r\n',
    }
    const server = keep(await rawServer((socket, nth) => void (answers[nth] ? socket.end(answers[nth]) : socket.destroy())))
    for (let i = 0; i < 4; i++) expect((await error(client(server.url).request({ url: server.url }))).type).toBe('Transient')
  })

  it('counts decoded bytes and stops early', async () => {
    const bomb = gzipSync(Buffer.alloc(200 << 20))
    const server = keep(await testServer((req, res) => {
      if (req.path === '/gzip') res.setHeader('content-encoding', 'gzip')
      res.end(req.path === '/gzip' ? bomb : Buffer.alloc(2 << 20))
    }))
    const http = client(server.url)
    const before = process.memoryUsage().rss
    expect((await error(http.request({ url: `${server.url}/gzip` }))).type).toBe('PageTooLarge')
    expect((await error(http.request({ url: `${server.url}/plain` }))).type).toBe('PageTooLarge')
    expect(process.memoryUsage().rss - before).toBeLessThan(100 << 20)
  })

  it('ends silence before and inside the body', async () => {
    const server = keep(await rawServer((socket, nth) => void (nth === 1 ? null : socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'))))
    for (let i = 0; i < 2; i++) {
      const started = Date.now()
      expect((await error(client(server.url, { timeoutMs: 300 }).request({ url: server.url }))).type).toBe('Transient')
      expect(Date.now() - started).toBeLessThan(2500)
    }
  })
})

describe('failures', () => {
  it('says Unreachable with host and port', async () => {
    const http = client('http://127.0.0.1:1')
    const e = await error(http.request({ url: 'http://127.0.0.1:1/x?api_key=hidden-1' }))
    expect(e.type).toBe('Unreachable')
    expect(e.message).toContain('127.0.0.1:1')
    expect(e.message).not.toContain('hidden')
    const named = client('http://no-such-host.invalid')
    expect((await error(named.request({ url: 'http://no-such-host.invalid/' }))).type).toBe('Unreachable')
  })

  it('passes an abort through as AbortError, also with a foreign reason', async () => {
    const server = keep(await testServer(() => {}))
    const http = client(server.url)
    for (const reason of [undefined, new Error('cancelled')]) {
      const controller = new AbortController()
      setTimeout(() => controller.abort(reason), 30)
      expect((await error(http.request({ url: server.url, signal: controller.signal }))).name).toBe('AbortError')
      expect((await error(http.request({ url: server.url, signal: controller.signal }))).name).toBe('AbortError')
    }
  })

  it('refuses header values that would add lines, without showing them', async () => {
    const server = keep(await testServer((_req, res) => json(res, {})))
    const e = await error(client(server.url).request({ url: server.url, headers: { authorization: 'Bearer canary\r\nx-evil: 1' } }))
    expect(e.type).toBe('InvalidInput')
    expect(e.message).not.toContain('canary')
    expect(server.seen).toHaveLength(0)
  })
})

describe('redirects', () => {
  it('keeps credentials within allowed origins and sends nothing elsewhere', async () => {
    const other = keep(await testServer((_req, res) => json(res, {}), '127.0.0.2'))
    for (const status of [301, 302, 303, 307, 308]) {
      const server = keep(await testServer((req, res) => {
        if (req.path === '/end') return json(res, { ok: true })
        res.writeHead(status, { location: req.path === '/away' ? `${other.url}/steal` : '/end' }).end()
      }))
      const http = client(server.url)
      const sign = (t: { headers: Record<string, string>; url: URL }) => {
        t.headers['x-api-key'] = 'canary-key'
        t.url.searchParams.set('api_key', 'canary-key')
      }
      expect((await http.request({ url: `${server.url}/start`, sign })).status).toBe(200)
      expect(server.seen[1]!.headers['x-api-key']).toBe('canary-key')
      expect(server.seen[1]!.query.get('api_key')).toBe('canary-key')
      const e = await error(http.request({ url: `${server.url}/away`, sign }))
      expect(e.type).toBe('ForeignOrigin')
      expect(e.message).toContain(server.origin)
      expect(e.message).toContain(other.origin)
    }
    expect(other.seen).toHaveLength(0)
  })

  it('follows the method rules, and at most five hops', async () => {
    const server = keep(await testServer((req, res) => {
      const status = Number(req.path.slice(1))
      if (status) return void res.writeHead(status, { location: '/end' }).end()
      if (req.path === '/loop') return void res.writeHead(302, { location: '/loop' }).end()
      json(res, {})
    }))
    const http = client(server.url)
    const method: Record<number, string> = { 301: 'GET', 302: 'GET', 303: 'GET', 307: 'POST', 308: 'POST' }
    for (const status of Object.keys(method).map(Number)) {
      await http.request({ method: 'POST', url: `${server.url}/${status}`, body: '{"q":1}', headers: { 'content-type': 'application/json' } })
      const last = server.seen.at(-1)!
      expect([last.path, last.method, last.body]).toEqual(['/end', method[status], method[status] === 'POST' ? '{"q":1}' : ''])
      expect(last.headers['content-type']).toBe(method[status] === 'POST' ? 'application/json' : undefined)
    }
    const before = server.seen.length
    expect((await error(http.request({ url: `${server.url}/loop` }))).type).toBe('Contract')
    expect(server.seen.length - before).toBe(6)
  })

  it('refuses foreign shapes of addresses before anything is sent', async () => {
    const server = keep(await testServer((_req, res) => json(res, {})))
    const http = client(server.url)
    const { host, port } = new URL(server.url)
    const shapes = [`http://127.0.0.2:${port}/`, `https://${host}/`, 'http://127.0.0.1:1/', `http://${host}@127.0.0.2/`, 'http://[::1]/', 'http://2130706434/', 'file:///etc/passwd', 'http://169.254.169.254/', '//127.0.0.2/', '\\\\127.0.0.2\\x']
    for (const shape of shapes) expect((await error(http.request({ url: new URL(shape, server.url) }))).type, shape).toBe('ForeignOrigin')
    expect(server.seen).toHaveLength(0)
    await http.request({ url: server.url.replace('//', '//user:pass@') })
    expect(server.seen[0]!.headers['authorization']).toBeUndefined()
  })

  it('never goes from https to plain http', () => {
    const http = client('https://api.example.com', { origins: ['https://api.example.com', 'http://api.example.com'] })
    expect(() => http.allow('http://api.example.com/next')).toThrow(/without encryption/)
    expect(http.allow('https://api.example.com/next').pathname).toBe('/next')
  })
})
