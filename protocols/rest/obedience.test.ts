import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import type { Closed, HeardLimits, Pacer, Permit, RequestEnd, SourceInput } from '../../model/index.ts'
import { json, rawServer, testServer } from '../testing/server.ts'
import type { Seen } from '../testing/server.ts'
import { range, reading, token } from '../testing/reading.ts'
import type { RequestInfo } from './types.ts'

const open: { close(): Promise<void> }[] = []
const keep = <T extends { close(): Promise<void> }>(thing: T): T => (open.push(thing), thing)
afterEach(async () => {
  await Promise.all(open.splice(0).reverse().map((o) => o.close()))
})
const paged = { kind: 'page', total: 'total' } as const
const page = (req: Seen): number => Number(req.query.get('page'))
const whole = (n: number) => ({ data: [{ id: n }], total: 30 })

describe('throttling', () => {
  it.each([
    ['seconds', (): string => '2', 2000],
    // A date has whole seconds: between one and two of them.
    ['a date', (): string => new Date(Date.now() + 2000).toUTCString(), 1000],
  ] as const)('waits exactly as long as Retry-After says (%s), in all slots', async (_name, value, least) => {
    let told = 0
    let until = 0
    const server = keep(await testServer((req, res) => {
      if (page(req) >= 6 && told < 1) {
        told++
        until = Date.now() + least
        return json(res, {}, 429, { 'retry-after': value() })
      }
      setTimeout(() => json(res, whole(page(req))), 5)
    }))
    const one = keep(reading(server.url, { page: paged }, { concurrency: 8 }))
    const began = Date.now()
    // By the reader's own clock: what was on its way when the 429 came in may reach a busy server at any later time.
    const sent: number[] = []
    let refused = 0
    const onRequest = ({ status, ms }: RequestInfo): void => {
      if (status === 429) refused ||= Date.now()
      sent.push(Date.now() - ms)
    }
    expect((await one.read({ onRequest })).stop).toEqual({ kind: 'done' })
    expect(one.ids).toEqual(range(30).map((n) => n + 1))
    const after = sent.filter((at) => at > refused)
    expect(after.length).toBeGreaterThan(0)
    expect(Math.min(...after)).toBeGreaterThanOrEqual(until)
    expect(server.seen.filter((r) => r.atMs >= until).length).toBeGreaterThanOrEqual(after.length)
    expect(Date.now() - began).toBeLessThan(2000 + 1500)
  })

  it('gives longer waits back, and sends nothing before they are over', async () => {
    const server = keep(await testServer((req, res) => (page(req) === 3 ? json(res, {}, 429, { 'retry-after': '60' }) : json(res, whole(page(req))))))
    const one = keep(reading(server.url, { page: paged }, { concurrency: 1 }))
    const result = await one.read()
    expect(result).toMatchObject({ stop: { kind: 'throttled' }, position: { kind: 'page', page: 3 } })
    expect((result.stop as { untilMs: number }).untilMs).toBeGreaterThan(Date.now() + 58_000)
    expect(one.ids).toEqual([1, 2])
    const before = server.seen.length
    expect((await one.read({ position: result.position })).stop).toMatchObject({ kind: 'throttled' })
    expect(server.seen.length).toBe(before)
  })

  it('knows a quota behind a 403', async () => {
    const server = keep(await testServer((_req, res) => json(res, [{ errorCode: 'REQUEST_LIMIT_EXCEEDED' }], 403, { 'x-ratelimit-reset': '3600' })))
    const one = keep(reading(server.url, { page: paged }))
    expect((await one.read()).stop).toMatchObject({ kind: 'throttled', reason: expect.stringContaining('HTTP 403') })
  })

  it('asks the pacer before each request, gives each permit back, and hands long waits on', async () => {
    const server = keep(await testServer((req, res) => json(res, whole(page(req)))))
    const one = keep(reading(server.url, { page: paged }, { concurrency: 8 }))
    const ends: string[] = []
    let open = 0
    let most = 0
    const enter = async (): Promise<Permit> => {
      most = Math.max(most, ++open)
      return { sent: () => {}, release: async (end) => (open--, void ends.push(end.kind)) }
    }
    expect((await one.read({ pacer: { enter, closed: () => null } })).stop).toEqual({ kind: 'done' })
    expect([server.seen.length, ends, open]).toEqual([30, Array(30).fill('ok'), 0])
    expect(most).toBeLessThanOrEqual(8)
    const far = Date.now() + 3_600_000
    const closed: Closed = { kind: 'throttled', untilMs: far, reason: 'quota', type: 'RateLimited', opening: 0 }
    expect((await one.read({ pacer: { enter: async () => closed, closed: () => closed } })).stop).toEqual({ kind: 'throttled', untilMs: far, reason: 'quota' })
    const down: Closed = { ...closed, kind: 'down', type: 'Unreachable', opening: 3 }
    expect((await one.read({ pacer: { enter: async () => down, closed: () => down } })).stop).toEqual({ kind: 'interrupted', type: 'Unreachable', reason: 'quota', untilMs: far, opening: 3 })
    expect(server.seen.length).toBe(30)
  })

  it('tells the pacer how each request ended', async () => {
    const server = keep(await testServer((req, res) => {
      const n = server.seen.length
      if (req.path === '/moved') return void res.writeHead(302, { location: '/items' }).end()
      json(res, n < 3 ? {} : { data: [] }, [429, 503][n - 1] ?? 200, { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': '1' })
    }))
    const ends: [RequestEnd, HeardLimits | null | undefined][] = []
    const pacer: Pacer = { closed: () => null, enter: async () => ({ sent: () => {}, release: async (end, heard) => void ends.push([end, heard]) }) }
    await keep(reading(server.url, {})).read({ pacer })
    expect(ends.map(([e]) => e)).toMatchObject([{ kind: 'throttled', untilMs: expect.any(Number) }, { kind: 'failed', type: 'Transient' }, { kind: 'ok' }])
    expect(ends[2]![1]).toEqual({ windows: [{ requests: 10, ms: 1_000 }], guessed: true, remaining: 7, resetMs: 1_000 })
    ends.length = 0
    await keep(reading(server.url, { path: '/moved' })).read({ pacer })
    expect(ends.map(([e]) => e.kind)).toEqual(['ok', 'ok'])
    ends.length = 0
    await keep(reading('http://127.0.0.1:1', {})).read({ pacer })
    expect(ends.map(([e]) => e.kind)).toEqual(['failed', 'failed', 'failed'])
  })
})

describe('retries', () => {
  it('gets over resets, cut bodies, cut gzip, HTML and broken JSON without losing or repeating a record', async () => {
    const good = JSON.stringify(whole(1))
    const zip = gzipSync(good)
    const bad: ((res: ServerResponse) => void)[] = [
      (res) => res.destroy(),
      (res) => (res.writeHead(200, { 'content-length': 1000 }), res.write(good), setTimeout(() => res.destroy(), 5)),
      (res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end(zip.subarray(0, zip.length - 6)),
      (res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<html>one moment</html>'),
      (res) => res.writeHead(200).end(good.slice(0, -4)),
      (res) => res.writeHead(200).end(''),
      (res) => res.writeHead(502).end('bad gateway'),
    ]
    const server = keep(await testServer((req, res) => {
      const n = page(req)
      const tries = server.seen.filter((r) => page(r) === n).length
      if (n <= bad.length && tries === 1) return bad[n - 1]!(res)
      json(res, whole(n))
    }))
    const one = keep(reading(server.url, { page: paged }, { concurrency: 8 }))
    const infos: RequestInfo[] = []
    const result = await one.read({ onRequest: (i) => void infos.push(i) })
    expect(result).toEqual({ stop: { kind: 'done' }, position: null, requests: 37 })
    expect(one.ids).toEqual(range(30).map((n) => n + 1))
    expect(infos.filter((i) => i.attempt === 2)).toHaveLength(7)
  })

  it('ends as interrupted after three tries, as Contract when it is the API that stays wrong', async () => {
    const server = keep(await testServer((req, res) => (req.path === '/html' ? res.end('<html>sign in</html>') : req.path === '/json' ? res.end('{"data": [1,') : json(res, {}, 500))))
    const stop = async (path: string) => (await keep(reading(server.url, { path })).read()).stop
    expect(await stop('/500')).toMatchObject({ kind: 'interrupted', type: 'Transient', reason: expect.stringContaining('HTTP 500') })
    expect(server.seen).toHaveLength(3)
    expect(await stop('/html')).toMatchObject({ kind: 'refused', type: 'Contract', reason: expect.stringContaining('HTML') })
    expect(await stop('/json')).toMatchObject({ kind: 'refused', type: 'Contract', reason: expect.stringContaining('JSON') })
    expect((await keep(reading('http://127.0.0.1:1', {})).read()).stop).toMatchObject({ kind: 'interrupted', type: 'Unreachable', reason: expect.stringContaining('127.0.0.1:1') })
  })

  it('ends a hanging answer by its time-out', async () => {
    const server = keep(await rawServer((socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{')))
    const one = keep(reading(server.url, {}, { timeout: '100ms' }))
    expect((await one.read()).stop).toMatchObject({ kind: 'interrupted', type: 'Transient' })
  })
})

describe('credentials', () => {
  const oauth: SourceInput['auth'] = { kind: 'oauth2ClientCredentials', tokenUrl: '/token', clientId: 'c', clientSecret: { env: 'S' } }

  it('keeps the pages before a 401 and names the token version', async () => {
    const server = keep(await testServer((req, res) => (page(req) >= 5 ? json(res, {}, 401) : setTimeout(() => json(res, whole(page(req))), Math.random() * 10))))
    const one = keep(reading(server.url, { page: paged }, { auth: oauth, concurrency: 4 }))
    const result = await one.read({ token: async () => token(7) })
    expect(result).toMatchObject({ stop: { kind: 'authRequired', version: 7 }, position: { kind: 'page', page: 5 } })
    expect(one.ids).toEqual([1, 2, 3, 4])
    expect(server.seen.every((r) => r.headers['authorization'] === 'Bearer token-7')).toBe(true)
    expect(server.seen.filter((r) => page(r) === 5)).toHaveLength(1)
  })

  it('asks for a token before it sends anything, and stops when the token has run out', async () => {
    const server = keep(await testServer((req, res) => json(res, whole(page(req)))))
    const one = keep(reading(server.url, { page: paged }, { auth: oauth, concurrency: 1 }))
    expect((await one.read()).stop).toMatchObject({ kind: 'authRequired', version: 0 })
    expect((await one.read({ token: async () => ({ ...token(0), accessToken: '' }) })).stop).toMatchObject({ kind: 'authRequired', version: 0 })
    expect(server.seen).toHaveLength(0)
    const result = await one.read({ token: async () => token(3, 'over', new Date(Date.now() - 1000)) })
    expect(result).toMatchObject({ stop: { kind: 'authRequired', version: 3 }, position: { kind: 'page', page: 2 } })
    expect(one.ids).toEqual([1])
  })

  it.each([
    [{ kind: 'apiKey', key: { env: 'API_KEY' } }, 'from.auth.key'],
    [{ kind: 'basic', username: 'u', password: { env: 'API_KEY' } }, 'from.auth.password'],
    [{ kind: 'bearer', token: { env: 'API_KEY' } }, 'from.auth.token'],
  ] as const)('names field and variable when %o is refused', async (auth, field) => {
    const server = keep(await testServer((req, res) => json(res, { you: 'sent canary-key', ...req.headers }, 401)))
    const one = keep(reading(server.url, {}, { auth }, { API_KEY: 'canary-key' }))
    const { stop } = await one.read()
    expect(stop).toMatchObject({ kind: 'refused', type: 'AuthFailed', field, cure: expect.stringContaining('API_KEY') })
    expect(JSON.stringify(stop)).not.toMatch(/canary|Y2FuYXJ5/)
    expect(server.seen).toHaveLength(1)
  })

  it('says what is missing: permission, or sign-in at all', async () => {
    const server = keep(await testServer((req, res) => json(res, {}, Number(req.path.slice(1)))))
    expect((await keep(reading(server.url, { path: '/403' })).read()).stop).toMatchObject({ type: 'PermissionDenied' })
    expect((await keep(reading(server.url, { path: '/401' })).read()).stop).toMatchObject({ type: 'AuthFailed', field: 'from.auth' })
    expect((await keep(reading(server.url, { path: '/404' })).read()).stop).toMatchObject({ type: 'Contract', field: 'from.path', reason: expect.stringContaining('/404: HTTP 404') })
  })

  it('keeps echoed credentials out of positions and puts them back on the request', async () => {
    const server = keep(await testServer((req, res) => {
      const n = Number(req.query.get('n') ?? 0)
      json(res, { data: [{ id: n }], next: n < 2 ? `?n=${n + 1}&api_key=${req.query.get('api_key')}&tenant=${req.query.get('tenant')}&since=x` : null })
    }))
    const one = keep(reading(server.url, { page: { kind: 'nextUrl', next: 'next' }, query: { tenant: { env: 'T' }, plain: 'p' } }, { auth: { kind: 'apiKey', in: 'query', name: 'api_key', key: { env: 'K' } } }, { K: 'canary-key', T: 'canary-tenant' }))
    const { position } = await one.read({ budget: { requests: 1 } })
    expect(JSON.stringify(position)).not.toContain('canary')
    expect((await one.read({ position })).stop).toEqual({ kind: 'done' })
    expect(one.ids).toEqual([0, 1, 2])
    expect(server.seen.map((r) => [r.query.getAll('api_key'), r.query.getAll('tenant'), r.query.get('plain')])).toEqual([
      [['canary-key'], ['canary-tenant'], 'p'],
      [['canary-key'], ['canary-tenant'], null],
      [['canary-key'], ['canary-tenant'], null],
    ])
  })
})

describe('requests', () => {
  it('builds query, bound, headers and body', async () => {
    const server = keep(await testServer((_req, res) => json(res, { data: [] })))
    const base = { query: { v: 2, tags: ['a', 'b'], on: true }, incremental: { field: 'at', send: 'since' } }
    const bounds: [string, string, string][] = [['same', '2026-01-02 03:04:05', '2026-01-02 03:04:05'], ['iso', '2026-01-02 03:04:05.123456+02', '2026-01-02T01:04:05.123Z'], ['date', '2026-01-02T23:59:59Z', '2026-01-02'], ['epoch', '2026-01-02', '1767312000'], ['epochMs', '1767312000', '1767312000000']]
    for (const [format, since, sent] of bounds) {
      await keep(reading(`${server.url}/api?k=1`, { ...base, path: '/items?fixed=%2B', incremental: { ...base.incremental, format: format as 'iso' } }, { query: { v: 1, w: 'x y' }, headers: { 'X-A': '1' } })).read({ since })
      expect(server.seen.at(-1)!.query.get('since')).toBe(sent)
    }
    const req = server.seen.at(-1)!
    expect([req.path, req.query.get('k'), req.query.get('fixed'), req.query.getAll('v'), req.query.get('w'), req.query.getAll('tags'), req.query.get('on')]).toEqual(['/api/items', '1', '+', ['2'], 'x y', ['a', 'b'], 'true'])
    expect([req.headers['x-a'], req.headers['accept']]).toEqual(['1', 'application/json'])
    await keep(reading(server.url, { method: 'POST', body: { q: 1 } })).read()
    expect([server.seen.at(-1)!.method, server.seen.at(-1)!.body, server.seen.at(-1)!.headers['content-type']]).toEqual(['POST', '{"q":1}', 'application/json'])
    expect((await keep(reading(server.url, { incremental: { field: 'at', send: 's', format: 'iso' } })).read({ since: 'x' })).stop).toMatchObject({ kind: 'refused', field: 'from.incremental.format' })
  })

  it('names `records` and the keys that are there', async () => {
    const bodies: Record<string, unknown> = { a: { items: [{ id: 1 }], meta: {} }, b: { error: 'x' }, c: [1], d: { data: { id: 1 } }, e: { data: null } }
    const server = keep(await testServer((req, res) => json(res, bodies[req.path.slice(1)])))
    const stop = async (path: string, more = {}) => (await keep(reading(server.url, { path, ...more })).read({ onPage: async () => {} })).stop
    expect(await stop('/a')).toMatchObject({ type: 'Contract', field: 'from.records', reason: expect.stringContaining('has the keys items, meta'), cure: expect.stringContaining("'items'") })
    expect(await stop('/b')).toMatchObject({ reason: expect.stringContaining('error') })
    expect(await stop('/c')).toMatchObject({ reason: expect.stringContaining('is a list') })
    expect(await stop('/d')).toEqual({ kind: 'done' })
    expect(await stop('/d', { page: { kind: 'page' } })).toMatchObject({ type: 'Contract', field: 'from.records' })
    expect(await stop('/e')).toEqual({ kind: 'done' })
    expect(await stop('/a', { records: '' })).toMatchObject({ type: 'Contract', field: 'from.records' })
  })

  it('takes 204 for a page without records', async () => {
    const server = keep(await testServer((_req, res) => void res.writeHead(204).end()))
    const one = keep(reading(server.url, { records: 'data.items', page: { kind: 'page' } }))
    expect((await one.read()).stop).toEqual({ kind: 'done' })
    expect(one.pages).toMatchObject([{ records: 0, last: true, next: null }])
    expect(one.pages[0]!.body.toString()).toBe('{"data":{"items":[]}}')
  })

  it('turns other charsets into UTF-8', async () => {
    const server = keep(await testServer((_req, res) => res.writeHead(200, { 'content-type': 'application/json; charset=ISO-8859-1' }).end(Buffer.from('{"data":[{"id":1,"n":"Zürich"}]}', 'latin1'))))
    const one = keep(reading(server.url, {}))
    await one.read()
    expect(one.pages[0]!.body.toString()).toContain('Zürich')
  })

  it('stops at a page that is too large', async () => {
    const server = keep(await testServer((_req, res) => json(res, { data: 'x'.repeat(5000) })))
    expect((await keep(reading(server.url, {}, { maxPageBytes: 1000 })).read()).stop).toMatchObject({ kind: 'refused', type: 'PageTooLarge', field: 'from.maxPageBytes' })
  })

  it('throws the AbortError, whatever it is doing, and what the caller throws', async () => {
    const server = keep(await testServer((req, res) => (page(req) > 2 ? json(res, {}, 429, { 'retry-after': '5' }) : json(res, whole(page(req))))))
    const one = keep(reading(server.url, { page: paged }, { concurrency: 4 }))
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 200)
    const began = Date.now()
    await expect(one.read({ signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' })
    expect(Date.now() - began).toBeLessThan(1500)
    expect(one.ids).toEqual([1, 2])
    await expect(one.read({ signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' })
    const other = keep(reading(server.url, { page: paged }, { concurrency: 4 }))
    await expect(other.read({ onPage: () => Promise.reject(new Error('stage full')) })).rejects.toThrow('stage full')
  })

  it('reads one page as a probe', async () => {
    const server = keep(await testServer((req, res) => json(res, whole(page(req)))))
    const one = keep(reading(server.url, { page: paged }, { concurrency: 8 }))
    expect(await one.read({ budget: { requests: 1 } })).toEqual({ stop: { kind: 'more' }, position: { kind: 'page', page: 2 }, requests: 1 })
    expect(server.seen).toHaveLength(1)
  })
})
