import { afterEach, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import type { StreamInput } from '../../model/index.ts'
import { json, testServer } from '../testing/server.ts'
import type { Seen, TestServer } from '../testing/server.ts'
import { range, reading } from '../testing/reading.ts'
import type { Reading } from '../testing/reading.ts'

const open: { close(): Promise<void> }[] = []
const keep = <T extends { close(): Promise<void> }>(thing: T): T => (open.push(thing), thing)
afterEach(async () => {
  await Promise.all(open.splice(0).reverse().map((o) => o.close()))
})

interface Api {
  total: number
  size: number
  /** The server gives no more than this many records a page, whatever is asked. */
  cap?: number
  delay?: () => number
}
type Style = 'page' | 'pageTotal' | 'pageTotalPages' | 'pageHasMore' | 'offset' | 'offsetTotal' | 'cursor' | 'cursorHasMore' | 'header' | 'lastRecord' | 'link' | 'nextUrl'

/** An API with every paging style over ids 0 .. total-1. */
function serve(style: Style, api: Api): Promise<TestServer> {
  return testServer((req, res) => {
    const q = (name: string) => req.query.get(name)
    const size = Math.min(Number(q('size') ?? api.size), api.cap ?? Infinity)
    const from = style.startsWith('page') ? (Number(q('page')) - 1) * size
      : style.startsWith('offset') ? Number(q('offset'))
      : style === 'lastRecord' ? (q('after') === null ? 0 : Number(q('after')) + 1)
      : Number((q('after') ?? 'c0').slice(1))
    const data = range(api.total).slice(from, from + size).map((id) => ({ id }))
    const next = from + size < api.total ? `c${from + size}` : null
    const body: Record<string, unknown> = { data }
    const headers: Record<string, string> = {}
    if (style === 'pageTotal' || style === 'offsetTotal') body['meta'] = { total: api.total }
    if (style === 'pageTotalPages') body['pages'] = String(Math.ceil(api.total / size))
    if (style === 'pageHasMore') body['more'] = from + size < api.total
    if (style === 'cursor') body['next'] = next ?? [null, '', 'null'][api.total % 3]
    if (style === 'cursorHasMore') Object.assign(body, { next: next ?? 'x', more: next !== null })
    if (style === 'header' && next) headers['x-next'] = next
    if (style === 'link' && next) headers['link'] = `<${req.path}?after=${next}&size=${size}>; rel="next"`
    if (style === 'nextUrl') body['next'] = next && `?after=${next}&size=${size}`
    setTimeout(() => json(res, body, 200, headers), api.delay?.() ?? 0)
  })
}

function paging(style: Style, size: number): StreamInput['page'] {
  const sized = { size, sizeParam: 'size' }
  switch (style) {
    case 'page': return { kind: 'page', ...sized }
    case 'pageTotal': return { kind: 'page', ...sized, total: 'meta.total' }
    case 'pageTotalPages': return { kind: 'page', ...sized, totalPages: 'pages' }
    case 'pageHasMore': return { kind: 'page', ...sized, hasMore: 'more' }
    case 'offset': return { kind: 'offset', ...sized }
    case 'offsetTotal': return { kind: 'offset', ...sized, total: 'meta.total' }
    case 'cursor': return { kind: 'cursor', send: 'after', next: 'next', ...sized }
    case 'cursorHasMore': return { kind: 'cursor', send: 'after', next: 'next', hasMore: 'more', ...sized }
    case 'header': return { kind: 'cursor', send: 'after', next: 'X-Next', from: 'header', ...sized }
    case 'lastRecord': return { kind: 'cursor', send: 'after', next: 'id', from: 'lastRecord', ...sized }
    case 'link': return { kind: 'link', ...sized }
    case 'nextUrl': return { kind: 'nextUrl', next: 'next', ...sized }
  }
}

const STYLES: Style[] = ['page', 'pageTotal', 'pageTotalPages', 'pageHasMore', 'offset', 'offsetTotal', 'cursor', 'cursorHasMore', 'header', 'lastRecord', 'link', 'nextUrl']
const KNOWN_END = new Set<Style>(['pageTotal', 'pageTotalPages', 'offsetTotal'])
const place = (req: Seen) => req.query.get('page') ?? req.query.get('offset') ?? req.query.get('after') ?? 'start'

describe.each(STYLES)('%s', (style) => {
  it.each([0, 1, 9, 10, 11, 95])('reads %i records in order, asks no page twice, and marks the last', async (total) => {
    const server = keep(await serve(style, { total, size: 10 }))
    const one = keep(reading(server.url, { page: paging(style, 10) }))
    const result = await one.read()
    expect(result).toMatchObject({ stop: { kind: 'done' }, position: null })
    // Dropped requests may not have left yet.
    expect(result.requests).toBeGreaterThanOrEqual(server.seen.length)
    expect(one.ids).toEqual(range(total))
    expect(one.pages.map((p) => p.last)).toEqual([...one.pages.slice(1).map(() => false), true])
    expect(one.pages.map((p) => p.next === null)).toEqual(one.pages.map((p) => p.last))
    expect(new Set(server.seen.map(place)).size).toBe(server.seen.length)
    if (KNOWN_END.has(style)) expect(server.seen.length).toBe(Math.max(1, Math.ceil(total / 10)))
  })

  it('loses nothing when the API caps the page size', async () => {
    const server = keep(await serve(style, { total: 95, size: 10, cap: 7 }))
    const one = keep(reading(server.url, { page: paging(style, 10) }))
    expect((await one.read()).stop).toEqual({ kind: 'done' })
    expect(one.ids).toEqual(range(95))
  })

  it('goes on from any position so that each record comes once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ total: fc.nat(60), size: fc.integer({ min: 1, max: 12 }), cap: fc.option(fc.integer({ min: 1, max: 12 })), concurrency: fc.integer({ min: 1, max: 6 }), requests: fc.integer({ min: 1, max: 7 }), bytes: fc.constantFrom(1, 200, 1e9), fresh: fc.boolean(), slow: fc.boolean() }),
        async ({ total, size, cap, concurrency, requests, bytes, fresh, slow }) => {
          const server = await serve(style, { total, size, cap: cap ?? undefined, delay: slow ? () => Math.random() * 6 : undefined })
          const again = () => reading(server.url, { page: paging(style, size) }, { concurrency })
          let one: Reading = again()
          const ids: number[] = []
          try {
            let position = null
            for (let calls = 0; ; calls++) {
              expect(calls).toBeLessThan(200)
              const before = one.pages.length
              const result = await one.read({ position, budget: { requests, bytes } })
              expect(one.pages.length).toBeGreaterThan(before)
              position = result.position
              // What was given to onPage is where the next call goes on.
              expect(one.pages.at(-1)!.next).toEqual(position)
              if (result.stop.kind === 'done') break
              expect(result.stop).toEqual({ kind: 'more' })
              if (fresh) {
                ids.push(...one.ids)
                await one.close()
                one = again()
              }
            }
            expect([...ids, ...one.ids]).toEqual(range(total))
          } finally {
            await one.close()
            await server.close()
          }
        },
      ),
      { numRuns: 25 },
    )
  })
})

describe('reading ahead', () => {
  it('hands pages over in order under random latencies, holds no more than the concurrency', async () => {
    let now = 0
    let peak = 0
    const server = keep(await serve('pageTotal', { total: 400, size: 10, delay: () => (peak = Math.max(peak, ++now), setTimeout(() => now--, 0), Math.random() * 25) }))
    const one = keep(reading(server.url, { page: paging('pageTotal', 10) }, { concurrency: 8 }))
    let handing = 0
    const result = await one.read({
      onPage: async (page) => {
        expect(++handing).toBe(1)
        one.pages.push(page)
        one.ids.push(...(JSON.parse(page.body.toString()) as { data: { id: number }[] }).data.map((r) => r.id))
        await new Promise((r) => setTimeout(r, Math.random() * 4))
        handing--
      },
    })
    expect(result.stop).toEqual({ kind: 'done' })
    expect(one.ids).toEqual(range(400))
    expect(server.seen.length).toBe(40)
  })

  it('reads eight at a time', async () => {
    const took = async (concurrency: number): Promise<number> => {
      const server = keep(await serve('page', { total: 190, size: 10, delay: () => 60 }))
      const one = keep(reading(server.url, { page: paging('page', 10) }, { concurrency }))
      const started = performance.now()
      await one.read()
      expect(one.ids).toEqual(range(190))
      return performance.now() - started
    }
    // 20 requests of 60 ms: 180 ms at best, 1.2 s one after the other, measured in the same run since machines are busy.
    expect(await took(8)).toBeLessThan((await took(1)) / 1.5)
  })

  it('ignores errors behind the end, and takes a 404 there for the end', async () => {
    for (const status of [404, 500]) {
      const server = keep(await testServer((req, res) => {
        const page = Number(req.query.get('page'))
        if (page > 7) return json(res, { error: 'no such page' }, status)
        setTimeout(() => json(res, { data: [{ id: page }], more: status === 404 ? undefined : page < 7 }), 10)
      }))
      const one = keep(reading(server.url, { page: { kind: 'page', hasMore: 'more' } }, { concurrency: 6 }))
      expect((await one.read()).stop).toEqual({ kind: 'done' })
      expect(one.ids).toEqual([1, 2, 3, 4, 5, 6, 7])
      expect(one.pages.at(-1)!.last).toBe(true)
    }
  })

  it.each([1, 4])('takes no missing page for the end when one follows it, %i at a time', async (concurrency) => {
    const page3: { status: number; after?: number } = { status: 404 }
    const server = keep(await testServer((req, res) => {
      const page = Number(req.query.get('page'))
      if (page === 3) return json(res, {}, page3.status)
      if (page === 4 && page3.after) return json(res, {}, page3.after, { 'retry-after': '3600' })
      json(res, { data: page > 5 ? [] : [{ id: page }] })
    }))
    const fail = keep(reading(server.url, { page: { kind: 'page' } }, { concurrency }))
    expect(await fail.read()).toMatchObject({ stop: { kind: 'refused', type: 'Contract', reason: expect.stringContaining('404') }, position: { kind: 'page', page: 3 } })
    expect(fail.ids).toEqual([1, 2])
    // Gone on at the missing page, it is still no end; one that cannot be looked behind is not decided yet.
    expect((await fail.read({ position: { kind: 'page', page: 3 } })).stop).toMatchObject({ kind: 'refused' })
    page3.after = 429
    expect((await keep(reading(server.url, { page: { kind: 'page' } }, { concurrency })).read()).stop).toMatchObject({ kind: 'throttled' })
  })

  it('keeps the pages before a failure, drops those behind it', async () => {
    const server = keep(await testServer((req, res) => {
      const page = Number(req.query.get('page'))
      if (page === 6) return json(res, {}, 404)
      json(res, { data: [{ id: page }], total: 100 })
    }))
    const one = keep(reading(server.url, { page: { kind: 'page', total: 'total' } }, { concurrency: 4 }))
    const result = await one.read({ position: { kind: 'page', page: 3 } })
    // 404 behind page 5 of 100 is no end.
    expect(one.ids).toEqual([3, 4, 5])
    expect(result).toMatchObject({ stop: { kind: 'refused', type: 'Contract' }, position: { kind: 'page', page: 6 } })
  })
})

describe('reading in turn', () => {
  it.each(['pageTotal', 'offset', 'cursor', 'link', 'lastRecord'] as Style[])('asks for no page of %s before the one before it was taken', async (style) => {
    const server = keep(await serve(style, { total: 95, size: 10 }))
    const one = keep(reading(server.url, { page: paging(style, 10) }, { concurrency: 8 }))
    let taken = 0
    const result = await one.read({
      inTurn: true,
      onPage: async (page) => {
        await new Promise((r) => setTimeout(r, 5))
        expect(server.seen.length).toBe(++taken)
        one.ids.push(...(JSON.parse(page.body.toString()) as { data: { id: number }[] }).data.map((r) => r.id))
      },
    })
    expect(result.stop).toEqual({ kind: 'done' })
    expect(one.ids).toEqual(range(95))
  })
})

describe('the end', () => {
  it.each([{ kind: 'page' }, { kind: 'offset', size: 3 }] as const)('is told to be missing when the same page comes again and again ($kind)', async (page) => {
    const server = keep(await testServer((_req, res) => json(res, { data: [{ id: 1 }, { id: 2 }, { id: 3 }] })))
    const { stop } = await keep(reading(server.url, { page }, { concurrency: 1 })).read()
    expect(stop).toMatchObject({ kind: 'refused', type: 'Contract', field: 'from.page', cure: expect.stringContaining('total') })
    expect(server.seen.length).toBeLessThan(10)
  })

  it('follows an empty page that has a next cursor, and skips none', async () => {
    const pages: Record<string, unknown> = { start: { data: [{ id: 0 }], next: 'a' }, a: { data: [], next: 'b' }, b: { data: [], next: 7 }, '7': { data: [{ id: 1 }], next: 0 } }
    const server = keep(await testServer((req, res) => json(res, pages[place(req)])))
    const one = keep(reading(server.url, { page: { kind: 'cursor', send: 'after', next: 'next' } }))
    expect((await one.read()).stop).toEqual({ kind: 'done' })
    expect(one.ids).toEqual([0, 1])
  })

  it.each([1, 2, 5])('refuses a cycle of %i cursors', async (length) => {
    let nth = 0
    const server = keep(await testServer((_req, res) => json(res, { data: [], next: `c${nth++ % length}` })))
    const one = keep(reading(server.url, { page: { kind: 'cursor', send: 'after', next: 'next' } }))
    expect((await one.read()).stop).toMatchObject({ kind: 'refused', type: 'Contract', field: 'from.page' })
    expect(server.seen.length).toBeLessThanOrEqual(length + 1)
    const link = keep(reading(server.url, { page: { kind: 'nextUrl', next: 'next' } }))
    expect((await link.read()).stop).toMatchObject({ kind: 'refused', type: 'Contract' })
  })

  it.each([
    ['more but no cursor', { kind: 'cursor', send: 'a', next: 'next', hasMore: 'more' }, { data: [{ id: 1 }], more: true }],
    ['no cursor in the last record', { kind: 'cursor', send: 'a', next: 'nope', from: 'lastRecord' }, { data: [{ id: 1 }] }],
    ['a cursor that is an object', { kind: 'cursor', send: 'a', next: 'next' }, { data: [{ id: 1 }], next: { a: 1 } }],
    ['a cursor too long to keep', { kind: 'cursor', send: 'a', next: 'next' }, { data: [{ id: 1 }], next: 'x'.repeat(5000) }],
    ['an empty page that says there is more', { kind: 'offset', hasMore: 'more' }, { data: [], more: true }],
    ['an empty page before the total', { kind: 'page', total: 'total' }, { data: [], total: 50 }],
  ] as const)('refuses %s', async (_name, page, body) => {
    const server = keep(await testServer((_req, res) => json(res, body)))
    const one = keep(reading(server.url, { page }))
    expect((await one.read()).stop).toMatchObject({ kind: 'refused', type: 'Contract' })
  })

  it('keeps cursors beyond 2^53 exact', async () => {
    const server = keep(await testServer((req, res) => {
      res.end(req.query.get('after') === null ? '{"data":[{"id":1}],"next":90071992547409930001}' : '{"data":[]}')
    }))
    const one = keep(reading(server.url, { page: { kind: 'cursor', send: 'after', next: 'next' } }))
    await one.read()
    expect(server.seen[1]!.query.get('after')).toBe('90071992547409930001')
  })
})
