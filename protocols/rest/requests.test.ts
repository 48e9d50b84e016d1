import { afterEach, describe, expect, it } from 'vitest'
import type { ServerResponse } from 'node:http'
import type { Position, StreamInput } from '../../model/index.ts'
import { noticesOf } from '../http/index.ts'
import { reading, type Reading } from '../testing/reading.ts'
import { json, testServer, type Seen, type TestServer } from '../testing/server.ts'

let server: TestServer | undefined
afterEach(() => server?.close())
const serve = async (handle: (req: Seen, res: ServerResponse) => unknown): Promise<TestServer> => (server = await testServer(handle))
const asked = (): [string, unknown][] => server!.seen.map((s) => [`${s.method} ${s.path}${String(s.query) && `?${String(s.query)}`}`, s.body === '' ? null : JSON.parse(s.body)])

describe('where parameters go', () => {
  it.each<[string, Omit<StreamInput, 'name' | 'path'> & { path?: string }, [string, unknown][]]>([
    ['a cursor in the body', { method: 'POST', body: { limit: 2, filter: { a: 1 } }, page: { kind: 'cursor', send: 'paging.after', in: 'body', next: 'next', size: 50, sizeParam: 'limit' } },
      [['POST /items', { limit: 50, filter: { a: 1 } }], ['POST /items', { limit: 50, filter: { a: 1 }, paging: { after: 'c1' } }]]],
    ['placeholders in path, query and body, left out while they are not known', { path: '/v{version}/q', method: 'POST', query: { after: '{cursor}', n: '{size}' }, body: { q: 'select * from x where t > {since}', since: '{since}', list: ['{cursor}', 1] }, page: { kind: 'cursor', next: 'next', size: 7 } },
      [['POST /v3/q?n=7', { q: 'select * from x where t > 2026-01-01', since: '2026-01-01', list: [1] }], ['POST /v3/q?after=c1&n=7', { q: 'select * from x where t > 2026-01-01', since: '2026-01-01', list: ['c1', 1] }]]],
    ['another request for further pages', { path: '/search', method: 'POST', body: { q: 1 }, page: { kind: 'cursor', next: 'next' }, more: { path: '/search/{cursor}', method: 'GET' } },
      [['POST /search', { q: 1 }], ['GET /search/c1', null]]],
    ['a search by id and page', { page: { kind: 'search', id: 'id', totalPages: 'pages' }, more: { path: '/more', query: { s: '{cursor}', p: '{page}' } } },
      [['GET /items', null], ['GET /more?s=s-9&p=2', null]]],
    ['an offset that counts from 1, in a text', { query: { query: 'select * from Invoice startposition {offset} maxresults {size}' }, page: { kind: 'offset', param: '', sizeParam: '', start: 1, size: 1, total: 'total' } },
      [['GET /items?query=select+*+from+Invoice+startposition+1+maxresults+1', null], ['GET /items?query=select+*+from+Invoice+startposition+2+maxresults+1', null]]],
    ['a lower bound in the body', { method: 'POST', body: { a: 1 }, incremental: { field: 'at', send: 'filter.since', in: 'body' } }, [['POST /items', { a: 1, filter: { since: '2026-01-01' } }]]],
    ['a lower bound in a header, written as the API wants it', { incremental: { field: 'at', send: 'X-Since', in: 'header', format: 'epoch' } }, [['GET /items', null]]],
  ])('%s', async (_name, stream, requests) => {
    await serve((req, res) => json(res, { id: 's-9', pages: 2, total: 2, data: [{ id: server!.seen.length }], next: server!.seen.length < 2 ? 'c1' : null }))
    const one = reading(server!.url, stream, { version: '3' })
    const { stop } = await one.read({ since: '2026-01-01', inTurn: true })
    expect(stop).toEqual({ kind: 'done' })
    expect(asked()).toEqual(requests)
    if ('incremental' in stream && stream.incremental && 'in' in stream.incremental && stream.incremental.in === 'header') expect(server!.seen[0]!.headers['x-since']).toBe('1767225600')
  })

  it('a value that would leave its place is refused before it is sent', async () => {
    await serve((req, res) => json(res, { data: [], next: null }))
    const quoted = await reading(server!.url, { query: { q: "select x where t > '{since}'" }, incremental: { field: 'at' } }).read({ since: "2026' or 1=1 --" })
    expect(quoted.stop).toMatchObject({ kind: 'refused', type: 'Contract', cure: expect.stringContaining("exactly '{since}'") })
    const dots = await reading(server!.url, { page: { kind: 'cursor', next: 'next' }, more: { path: '/x/{cursor}/y' } }).read({ position: { kind: 'cursor', cursor: '..' } })
    expect(dots.stop).toMatchObject({ kind: 'refused', field: 'from.path' })
    expect(server!.seen).toEqual([])
    await reading(server!.url, { page: { kind: 'cursor', next: 'next' }, more: { path: '/x/{cursor}' } }).read({ position: { kind: 'cursor', cursor: 'a/../b?c#d' } })
    expect(server!.seen[0]!.path).toBe('/x/a%2F..%2Fb%3Fc%23d')
  })
})

describe('parts of a file', () => {
  const lines = Array.from({ length: 400 }, (_, i) => `${i},"name, ${i}\nsecond line"`)
  const text = `id,name\r\n${lines.join('\r\n')}\r\n`
  const ranged = (body: () => string, tag: () => string) => (req: Seen, res: ServerResponse) => {
    const all = Buffer.from(body())
    const m = /^bytes=(\d+)-(\d+)$/.exec(req.headers['range'] ?? '')!
    const whole = req.headers['if-range'] !== undefined && req.headers['if-range'] !== tag()
    const [from, to] = [Number(m[1]), Math.min(Number(m[2]), all.length - 1)]
    res.writeHead(whole ? 200 : 206, { 'content-type': 'text/csv', etag: tag(), ...(whole ? {} : { 'content-range': `bytes ${from}-${to}/${all.length}` }) })
    res.end(whole ? all : all.subarray(from, to + 1))
  }
  const open = (): Reading => reading(server!.url, { records: '', format: 'csv', page: { kind: 'range', bytes: 2048 } })
  const read = async (one: Reading, position: Position | null, requests = Infinity): Promise<{ ids: number[]; position: Position | null; kind: string }> => {
    const ids: number[] = []
    const result = await one.read({ position, budget: { requests }, onPage: async (p) => void ids.push(...(p.list as { id: string; name: string }[]).map((r) => Number(r.id))) })
    return { ids, position: JSON.parse(JSON.stringify(result.position)) as Position | null, kind: result.stop.kind }
  }

  it('come out record by record, also when it goes on elsewhere', async () => {
    await serve(ranged(() => text, () => '"v1"'))
    const ids: number[] = []
    let position: Position | null = null
    do {
      const part = await read(open(), position, 3)
      ids.push(...part.ids)
      position = part.position
    } while (position !== null)
    expect(ids).toEqual(lines.map((_, i) => i))
    expect(server!.seen.length).toBeLessThan(text.length / 1900 + 2)
  })

  it('a file that changed meanwhile is not read on; one record longer than a part says so', async () => {
    let tag = '"v1"'
    await serve(ranged(() => text, () => tag))
    const first = await read(open(), null, 2)
    tag = '"v2"'
    expect((await read(open(), first.position)).kind).toBe('positionLost')
    await server!.close()
    await serve(ranged(() => `id\n${'9'.repeat(9000)}\n`, () => tag))
    expect((await open().read({ onPage: async () => {} })).stop).toMatchObject({ kind: 'refused', type: 'PageTooLarge', field: 'from.page.bytes' })
  })
})

describe('only what changed, without a field', () => {
  it('an ETag: 304 ends the run with no records and keeps the ETag', async () => {
    await serve((req, res) => (req.headers['if-none-match'] === '"v7"' ? res.writeHead(304).end() : json(res, { data: [{ id: 1 }] }, 200, { etag: '"v7"' })))
    const one = reading(server!.url, { incremental: { kind: 'etag' } })
    await one.read()
    await one.read({ since: '"v7"' })
    await one.read({ since: '"v6"' })
    expect(one.pages.map((p) => [p.records, p.mark, p.last])).toEqual([[1, '"v7"', true], [0, '"v7"', true], [1, '"v7"', true]])
  })

  it('a token of the last page, sent as a parameter or followed as an address', async () => {
    await serve((req, res) => json(res, { data: [{ id: 1 }], next: req.query.get('after') ? null : 'p2', sync: req.query.get('after') ? 'tok-2' : undefined, delta: `${server!.url}/items?$deltatoken=9` }))
    const sent = reading(server!.url, { page: { kind: 'cursor', send: 'after', next: 'next' }, incremental: { kind: 'token', token: 'sync', send: 'sync_token' } })
    await sent.read({ since: 'tok-1', inTurn: true })
    expect(asked().map(([a]) => a)).toEqual(['GET /items?sync_token=tok-1', 'GET /items?after=p2&sync_token=tok-1'])
    expect(sent.pages.map((p) => p.mark)).toEqual([null, 'tok-2'])
    const followed = reading(server!.url, { incremental: { kind: 'token', token: 'delta' } })
    await followed.read({ since: `${server!.url}/items?$deltatoken=9` })
    expect(asked().at(-1)![0]).toBe('GET /items?%24deltatoken=9')
    const foreign = await followed.read({ since: 'https://elsewhere.example/items?$deltatoken=9' })
    expect(foreign.stop).toMatchObject({ kind: 'refused', type: 'ForeignOrigin' })
  })
})

describe('what bodies say', () => {
  it.each<[string, unknown, number, object]>([
    ['a quota in a 200', { error: { reason: 'rateLimitExceeded', seconds: 7 } }, 200, { kind: 'throttled' }],
    ['a session in a 400', { error: { reason: 'session' } }, 400, { kind: 'refused', type: 'AuthFailed' }],
    ['a job that failed in a 200', { error: { reason: 'other' }, data: [] }, 200, { kind: 'refused', type: 'Contract', reason: expect.stringContaining('because') }],
    ['a lost cursor', { error: { reason: 'cursor' } }, 403, { kind: 'positionLost' }],
    ['no records in a 404', { error: { reason: 'none' } }, 404, { kind: 'done' }],
  ])('%s', async (_name, body, status, stop) => {
    await serve((_req, res) => json(res, { why: 'because', ...(body as object) }, status))
    const rule = (reason: string, then: string, more: object = {}): object => ({ path: 'error.reason', in: [reason], then, ...more })
    const one = reading(server!.url, {}, { errors: [rule('rateLimitExceeded', 'throttled', { wait: 'error.seconds' }), rule('session', 'authRequired'), rule('cursor', 'positionLost'), rule('none', 'empty', { status: [404] }), { path: 'error', empty: false, then: 'refused', reason: 'why' }] as never })
    let now = 1_800_000_000_000
    const ended = await one.read({ now: () => (now += 3_600) })
    expect(ended.stop).toMatchObject(stop)
  })

  it('says what an API tells of its own end, once a key', () => {
    const now = Date.parse('2026-11-25T00:00:00Z')
    const told = (headers: Record<string, string>): string[] => noticesOf(headers, now).map((n) => n.message)
    // RFC 9745 section 2.1, RFC 8594 section 3, and the older drafts.
    expect(told({ deprecation: '@1688169599', link: '<https://developer.example.com/deprecation>; rel="deprecation"; type="text/html"' })).toEqual(['The API says that this resource is deprecated since 2023-06-30 (deprecation: https://developer.example.com/deprecation)'])
    expect(told({ deprecation: 'true', sunset: 'Sat, 31 Dec 2027 23:59:59 GMT' })).toEqual(['The API says that this resource is deprecated and ends on 2027-12-31'])
    expect(told({ sunset: 'Sat, 31 Dec 2022 23:59:59 GMT' })).toEqual(['The API says that this resource ended on 2022-12-31'])
    expect(told({ deprecation: 'Sun, 11 Nov 2029 23:59:59 GMT', link: '<broken' })).toEqual(['The API says that this resource will be deprecated on 2029-11-11'])
    expect(told({ warning: '299 - "Deprecated API"' })).toEqual(['The API warns: Deprecated API'])
    expect(told({ deprecation: 'false' })).toEqual([])
    expect(told({})).toEqual([])
  })
})
