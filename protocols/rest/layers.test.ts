import { afterEach, describe, expect, it } from 'vitest'
import type { ServerResponse } from 'node:http'
import type { Position, StreamInput } from '../../model/index.ts'
import { parseExact } from '../../model/json/index.ts'
import { reading, type Reading } from '../testing/reading.ts'
import { json, testServer, type Seen, type TestServer } from '../testing/server.ts'

let server: TestServer | undefined
afterEach(() => server?.close())
const serve = async (handle: (req: Seen, res: ServerResponse) => unknown): Promise<TestServer> => (server = await testServer(handle))

/** Reads to the end with at most `requests` a call, each time from the position told, as JSON: what survives a kill. */
async function toEnd(stream: Reading, requests = Infinity, since: string | null = null): Promise<{ calls: number; sent: number }> {
  let position: Position | null = null
  for (let calls = 1, sent = 0; calls < 500; calls++) {
    const read = await stream.read({ position, since, budget: { requests } })
    sent += read.requests
    if (read.stop.kind === 'done') return { calls, sent }
    expect(read.stop, JSON.stringify(read)).toEqual({ kind: 'more' })
    position = JSON.parse(JSON.stringify(read.position)) as Position
  }
  throw new Error('no end')
}

describe('windows of time', () => {
  const day = 86_400_000
  const begin = Date.parse('2026-01-01T00:00:00Z')
  /** An API that gives at most `cap` records of one query, in pages of `size`, ordered by id. */
  const capped = (records: { id: number; at: number }[], cap: number, size: number) => (req: Seen, res: ServerResponse) => {
    const { from, to, after, offset } = Object.fromEntries(req.query) as Record<string, string>
    const hits = records.filter((r) => r.at >= Date.parse(from!) && r.at < Date.parse(to!) && r.id > Number(after ?? -1)).sort((a, b) => a.id - b.id)
    if (Number(offset) >= cap) return json(res, { error: 'offset is beyond the limit' }, 400)
    return json(res, { total: hits.length, data: hits.slice(Number(offset), Math.min(cap, Number(offset) + size)) })
  }
  const stream = (cap: number, more: object = {}): Omit<StreamInput, 'name' | 'path'> => ({
    query: { from: '{from}', to: '{to}', after: '{after}' },
    page: { kind: 'offset', size: 10, total: 'total' },
    window: { start: '2026-01-01', size: '10d', cap, total: 'total', minimum: '1d', split: 'id', lag: '1d', ...more },
  })

  it.each([Infinity, 1, 3])('halves windows that hold too much and reads every record once, %s requests a call', async (requests) => {
    const records = Array.from({ length: 300 }, (_, id) => ({ id, at: begin + Math.floor(id / 12) * day }))
    await serve(capped(records, 30, 10))
    const one = reading(server!.url, stream(30))
    await toEnd(one, requests)
    expect([...one.ids].sort((a, b) => a - b)).toEqual(records.map((r) => r.id))
    // Nothing is asked for beyond what the API gives.
    if (requests !== 3) expect(server!.seen.filter((s) => Number(s.query.get('offset')) >= 30).map((s) => String(s.query))).toEqual([])
    await one.close()
  })

  it.each([Infinity, 1])('a moment that more records share than the API gives is read in the order of `split`, %s requests a call', async (requests) => {
    const records = Array.from({ length: 95 }, (_, id) => ({ id, at: begin + 3 * day }))
    await serve(capped(records, 30, 10))
    const one = reading(server!.url, stream(30))
    await toEnd(one, requests)
    expect(new Set(one.ids).size).toBe(95)
    expect(one.ids.length).toBe(95)
  })

  it('without `split` such a moment is an error, never a silent end', async () => {
    await serve(capped(Array.from({ length: 95 }, (_, id) => ({ id, at: begin + 3 * day })), 30, 10))
    const { stop } = await reading(server!.url, stream(30, { split: null })).read()
    expect(stop).toMatchObject({ kind: 'refused', type: 'Contract', field: 'from.window', cure: expect.stringContaining('split') })
  })

  it('begins at the lower bound and ends `lag` before now', async () => {
    await serve((_req, res) => json(res, { total: 0, data: [] }))
    const now = Date.parse('2026-03-01T12:00:00Z')
    const one = reading(server!.url, { ...stream(30), window: { start: '2020-01-01', size: '7d', lag: '5m', format: 'epochMs' } })
    await one.read({ since: '2026-02-20T00:00:00Z', now: () => now })
    const seen = server!.seen.map((s) => [Number(s.query.get('from')), Number(s.query.get('to'))])
    expect(seen[0]![0]).toBe(Date.parse('2026-02-20T00:00:00Z'))
    expect(seen.at(-1)![1]).toBe(now - 300_000)
    for (let i = 1; i < seen.length; i++) expect(seen[i]![0]).toBe(seen[i - 1]![1])
    expect(one.pages.map((p) => p.last)).toEqual([false, true])
  })
})

describe('children of parents', () => {
  const stream: Omit<StreamInput, 'name' | 'path'> & { path: string } = {
    path: '/invoices/{parent.id}/lines',
    page: { kind: 'cursor', send: 'after', next: 'next' },
    parent: { stream: { name: 'invoices', path: '/invoices', records: 'data', key: 'id', page: { kind: 'page', size: 2, sizeParam: 'n', totalPages: 'pages' } }, fields: ['id', 'customer.name'], concurrency: 3 },
  }
  const lines = (invoice: number): number[] => Array.from({ length: invoice % 4 }, (_, i) => invoice * 10 + i)
  const api = (invoices: () => number[]) => (req: Seen, res: ServerResponse) => {
    if (req.path === '/invoices') {
      const page = Number(req.query.get('page'))
      return json(res, { pages: Math.ceil(invoices().length / 2), data: invoices().slice((page - 1) * 2, page * 2).map((id) => ({ id, customer: { name: `c${id}` }, total: 1.5 })) })
    }
    const all = lines(Number(req.path.split('/')[2]))
    const at = Number(req.query.get('after') ?? 0)
    return json(res, { data: all.slice(at, at + 2).map((id) => ({ id })), next: at + 2 < all.length ? String(at + 2) : null })
  }

  it.each([Infinity, 1, 2])('reads each once, in order, and gives them what they need of the parent; %s requests a call', async (requests) => {
    const invoices = [1, 2, 3, 4, 5, 6, 7]
    await serve(api(() => invoices))
    const one = reading(server!.url, stream)
    await toEnd(one, requests)
    expect(one.ids).toEqual(invoices.flatMap(lines))
    const parents = one.pages.map((p) => parseExact(Buffer.from(p.parent!)) as { id: number; customer: { name: string } })
    expect(parents.every((p) => p.customer.name === `c${p.id}`)).toBe(true)
    expect(one.pages.flatMap((p) => p.list as { id: number; _parent: { id: number } }[]).every((r) => Math.floor(Number(r.id) / 10) === Number(r._parent.id))).toBe(true)
    expect(one.pages.filter((p) => p.last)).toHaveLength(1)
    // A page of children is asked for once, but for those asked for ahead when a call ended.
    const asked = server!.seen.filter((s) => s.path !== '/invoices')
    if (requests === Infinity) expect(asked).toHaveLength(one.pages.length)
  })

  it('goes on at the right parent when others have come in front of it', async () => {
    let invoices = [3, 5, 7, 9]
    await serve((req, res) => (req.path === '/all' ? json(res, { data: invoices.map((id) => ({ id, customer: {} })) }) : api(() => [])(req, res)))
    const open = (): Reading => reading(server!.url, { ...stream, parent: { ...stream.parent!, concurrency: 1, stream: { ...stream.parent!.stream, page: { kind: 'none' }, path: '/all' } } })
    const first = open()
    const { position } = await first.read({ budget: { requests: 3 } })
    expect(position).toMatchObject({ kind: 'parent', id: expect.any(String), index: 1 })
    invoices = [1, 2, ...invoices]
    const second = open()
    await second.read({ position })
    expect([...first.ids, ...second.ids]).toEqual([3, 5, 7, 9].flatMap(lines))
  })

  it('at most as many at once as allowed; no parents is an end too', async () => {
    let now = 0
    let most = 0
    await serve(async (req, res) => {
      if (req.path === '/invoices') return json(res, { pages: 1, data: Array.from({ length: 12 }, (_, id) => ({ id, customer: {} })) })
      most = Math.max(most, ++now)
      await new Promise((r) => setTimeout(r, 15))
      now--
      return json(res, { data: [{ id: 1 }], next: null })
    })
    await toEnd(reading(server!.url, stream, { concurrency: 10 }))
    expect(most).toBe(3)
    await server!.close()
    await serve((_req, res) => json(res, { pages: 0, data: [] }))
    const none = reading(server!.url, stream)
    await toEnd(none)
    expect(none.pages).toMatchObject([{ records: 0, last: true, next: null }])
  })

  it('a child that fails stops there; what was begun behind it is not handed over', async () => {
    await serve((req, res) => (req.path === '/invoices/2/lines' ? json(res, { error: 'no' }, 403) : api(() => [1, 2, 3])(req, res)))
    const one = reading(server!.url, { ...stream, parent: { ...stream.parent!, stream: { ...stream.parent!.stream, page: { kind: 'page', size: 2, totalPages: 'pages' } } } })
    const { stop, position } = await one.read()
    expect(stop).toMatchObject({ kind: 'refused', type: 'PermissionDenied' })
    expect(one.ids).toEqual(lines(1))
    expect(position).toMatchObject({ kind: 'parent', index: 1, at: null })
  })

  it('a lower bound on a field of the parent asks the parents for changes', async () => {
    await serve(api(() => [1]))
    await toEnd(reading(server!.url, { ...stream, incremental: { field: '_parent.changed', send: '' }, parent: { ...stream.parent!, stream: { ...stream.parent!.stream, incremental: { field: 'changed', send: 'since' } } } }), Infinity, '2026-05-01')
    expect(server!.seen.map((s) => [s.path, s.query.get('since')])).toEqual([['/invoices', '2026-05-01'], ['/invoices/1/lines', null]])
  })
})

describe('reports that the API prepares', () => {
  const stream: Omit<StreamInput, 'name' | 'path'> & { path: string } = {
    path: '/jobs/{job}/results', page: { kind: 'cursor', send: 'locator', next: 'sforce-locator', from: 'header' },
    job: { submit: { path: '/jobs', body: { q: 'select', since: '{since}' } }, id: 'id', poll: { path: '/jobs/{job}' }, state: 'state', done: ['JobComplete'], failed: ['Failed'], reason: 'why', every: '30s' },
  }
  it('submits once, waits by the caller, reads its pages, ends at the literal null', async () => {
    let polls = 0
    await serve((req, res) => {
      if (req.method === 'POST') return json(res, { id: 'j1', got: req.body })
      if (req.path === '/jobs/j1') return json(res, { state: ++polls < 3 ? 'InProgress' : 'JobComplete' })
      const at = Number(req.query.get('locator') ?? 0)
      return json(res, { data: [{ id: at }] }, 200, { 'sforce-locator': at < 3 ? String(at + 1) : 'null' })
    })
    const one = reading(server!.url, stream)
    let position: Position | null = null
    const stops: string[] = []
    for (let i = 0; i < 20; i++) {
      const now = 1_800_000_000_000 + i * 30_000
      const read = await one.read({ position, since: '2026-01-01', budget: { requests: 2 }, now: () => now })
      stops.push(read.stop.kind)
      if (read.stop.kind === 'throttled') expect(read.stop).toEqual({ kind: 'throttled', untilMs: now + 30_000, reason: 'the API prepares the report (InProgress)' })
      if (read.stop.kind === 'done') break
      position = JSON.parse(JSON.stringify(read.position)) as Position
    }
    expect(stops.slice(0, 3)).toEqual(['throttled', 'throttled', 'more'])
    expect(one.ids).toEqual([0, 1, 2, 3])
    expect(server!.seen.filter((s) => s.method === 'POST').map((s) => JSON.parse(s.body) as unknown)).toEqual([{ q: 'select', since: '2026-01-01' }])
  })

  it('a failed one says why; one that is gone is begun anew', async () => {
    let answer: [unknown, number] = [{ state: 'Failed', why: 'the query is too wide' }, 200]
    await serve((req, res) => (req.method === 'POST' ? json(res, { id: 'j1' }) : json(res, ...answer)))
    expect((await reading(server!.url, stream).read()).stop).toMatchObject({ kind: 'refused', type: 'Contract', reason: 'the job ended as Failed: the query is too wide' })
    answer = [{ error: 'no such job' }, 404]
    expect((await reading(server!.url, stream).read({ position: { kind: 'job', job: 'j1', sinceMs: 0, ready: false, url: null, at: null } })).stop).toMatchObject({ kind: 'positionLost' })
  })

  it('downloads from an address of its own without credentials, and asks for another when that has lapsed', async () => {
    let issued = 1
    const files = await testServer((req, res) => (req.query.get('sig') === '1' ? json(res, { error: 'expired' }, 404) : json(res, { data: [{ id: 7 }], auth: req.headers['authorization'] ?? null })))
    await serve((req, res) => (req.method === 'POST' ? json(res, { id: 'j1' }) : json(res, { state: 'JobComplete', url: `${files.url}/f?sig=${++issued}` })))
    const one = reading(server!.url, { ...stream, page: { kind: 'none' }, job: { ...stream.job!, url: 'url' } }, { auth: { kind: 'bearer', token: { env: 'T' } }, headers: { 'x-own': { env: 'T' } }, query: { key: { env: 'T' } } }, { T: 'canary-credential' })
    const { stop } = await one.read({ position: { kind: 'job', job: 'j1', sinceMs: 0, ready: true, url: `${files.url}/f?sig=1`, at: null } })
    expect(stop.kind).toBe('done')
    expect(one.ids).toEqual([7])
    expect(files.seen).toHaveLength(2)
    expect(JSON.stringify(files.seen)).not.toContain('canary')
    expect(server!.seen.every((s) => s.headers['authorization'] === 'Bearer canary-credential')).toBe(true)
    await files.close()
  })
})
