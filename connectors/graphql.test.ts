import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sourceSchema, streamSchema, type Position, type SourceInput } from '../model/index.ts'
import { parseExact } from '../model/json/index.ts'
import { selectRecords } from '../model/mapping/index.ts'
import { openRest, readPages, type ReadResult } from '../protocols/rest/index.ts'
import { wide } from '../protocols/testing/reading.ts'
import { startShop, type Shop, type ShopOptions } from '../test/support/graphql-shop.ts'
import { field, graphql, nested, relay, type StreamRef } from './index.ts'

let shop: Shop
const open: (() => Promise<void>)[] = []
const start = async (options: ShopOptions): Promise<Shop> => {
  const one = await startShop(options)
  open.push(one.close)
  return one
}
beforeAll(async () => {
  shop = await start({ orders: 57, items: (i) => (i === 7 ? 23 : i % 3), taxes: 1 })
})
beforeEach(() => {
  shop.seen.length = 0
  shop.fault = null
})
afterAll(async () => {
  for (const close of open) await close()
})

interface Read extends ReadResult {
  records: any[]
  notices: string[]
}
/** Reads a stream; `more` is what a later run goes on from. */
async function read(ref: StreamRef, more: { position?: Position | null; since?: string; requests?: number } = {}): Promise<Read> {
  const stream = streamSchema.parse(ref.stream)
  const reader = openRest({ source: sourceSchema.parse({ timeout: '5s', ...ref.source }), stream, resolve: (v) => String(v) })
  const records: any[] = []
  const notices: string[] = []
  try {
    const result = await readPages({
      reader, position: more.position ?? null, since: more.since ?? null, budget: { ...wide, requests: more.requests ?? Infinity }, token: async () => null, pacer: null, signal: new AbortController().signal,
      onNotice: (n) => notices.push(n.message),
      onPage: async (page) => {
        const list = selectRecords(parseExact(page.body), stream.records) as any[]
        expect(page.list).toHaveLength(list.length)
        if (page.parent) for (const r of list) r._parent = JSON.parse(page.parent)
        records.push(...list)
      },
    })
    return { ...result, records, notices }
  } finally {
    await reader.close()
  }
}
const api = (more: Partial<SourceInput> = {}) => graphql({ baseUrl: shop.url, ...more })
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('queries are written', () => {
  it('for a connection, by nodes and by edges, below other fields, with aliases and arguments', async () => {
    const nodes = await read(api().connection('orders', { select: ['id', 'number', 'customer.email'], first: 10 }))
    expect(nodes.stop).toEqual({ kind: 'done' })
    expect(nodes.records.map((r) => r.number)).toEqual(numbers(57))
    expect(nodes.records[4]).toEqual({ id: 'gid://shop/Order/4', number: 4, customer: null })
    expect(shop.seen).toHaveLength(6)
    expect(shop.seen[1]!.variables).toEqual({ first: 10, after: expect.any(String) })

    const edges = await read(
      api().connection('big orders', {
        field: 'orders', via: 'edges', first: 50, under: { field: 'shop', args: { domain: 'a "quoted" shop' } },
        args: { sort: { type: 'Sort', value: 'NUMBER' }, filter: { type: 'OrderFilter', value: { updatedSince: '2026-01-01T00:50:00.000Z' } } },
        select: { number: true, price: field({ field: 'total' }), firstItem: nested({ field: 'lineItems', first: 100, select: { sku: true, taxes: nested({ select: ['rate'], via: 'edges' }) } }) },
      }),
    )
    expect(edges.stop).toEqual({ kind: 'done' })
    expect(edges.records).toHaveLength(7)
    expect(edges.records[1]).toMatchObject({ id: 'gid://shop/Order/51', price: '51.10', firstItem: { nodes: [] } })
    expect(edges.records[2].firstItem.nodes[0]).toMatchObject({ sku: 'S52-0', taxes: { edges: [{ node: { rate: '0.0' } }] } })
    expect(shop.seen.at(-1)!.operationName).toBe('BigOrders')
  })

  it('for lists by offset', async () => {
    const list = await read(api().list('list', { select: ['number'], key: 'id', offset: { limit: 'limit', offset: 'skip', size: 20 }, under: { field: 'shop', args: { domain: 'x' } } }))
    expect(list.records.map((r) => r.number)).toEqual(numbers(57))
    expect(shop.seen.map((s) => s.variables['skip']).sort((a, b) => a - b)).toEqual(expect.arrayContaining([0, 20, 40]))
  })

  it('and no name gets into them unchecked', () => {
    for (const bad of ['id } } mutation { x', 'a(b: 1)', 'x-y', '1a', 'a{b}']) {
      expect(() => api().connection('orders', { select: [bad] })).toThrow(/no name of GraphQL/)
      expect(() => api().connection('orders', { select: ['id'], field: bad })).toThrow(/no name of GraphQL/)
      expect(() => api().connection('orders', { select: ['id'], args: { [bad]: 1 } })).toThrow(/no name of GraphQL/)
    }
    expect(() => api().connection('orders', { select: ['id'], args: { a: { type: 'Int) { x }', value: 1 } } })).toThrow(/no type of GraphQL/)
    expect(() => api().connection('orders', { select: ['id', 'lineItems.nodes'] })).toThrow(/the fields of its objects are not named/)
  })
})

describe('a scan', () => {
  it('goes on in the middle, and asks for changes only', async () => {
    const orders = api().connection('orders', { select: ['number'], first: 10, args: { filter: { type: 'OrderFilter', value: { updatedSince: '{since}' } } }, incremental: { field: 'updatedAt' } })
    const first = await read(orders, { requests: 2 })
    expect(first.stop).toEqual({ kind: 'more' })
    const rest = await read(orders, { position: first.position })
    expect([...first.records, ...rest.records].map((r) => r.number)).toEqual(numbers(57))
    const changed = await read(orders, { since: '2026-01-01T00:55:00.000Z' })
    expect(changed.records.map((r) => r.number)).toEqual([55, 56])
    const lost = await read(orders, { position: { kind: 'cursor', cursor: 'gone' } })
    expect(lost.stop).toMatchObject({ kind: 'positionLost', reason: expect.stringContaining('does not appear to be a valid cursor') })
  })

  it('reads lists inside records to their end, at every depth', async () => {
    const deep = await start({ orders: 4, items: (i) => [0, 7, 1, 3][i]!, taxes: 5 })
    const ref = graphql({ baseUrl: deep.url }).connection('orders', {
      type: 'Order', first: 3, select: { number: true, lineItems: nested({ type: 'Item', first: 2, select: { sku: true, taxes: nested({ first: 2, via: 'edges', select: ['rate'] }) } }) },
    })
    const { stop, records } = await read(ref)
    expect(stop).toEqual({ kind: 'done' })
    expect(records.map((r) => r.lineItems.nodes.map((i: any) => i.sku))).toEqual(deep.orders.map((o) => o.items.map((i) => i.sku)))
    for (const r of records) for (const i of r.lineItems.nodes) expect(i.taxes.edges.map((e: any) => e.node.rate)).toEqual(['0.0', '0.1', '0.2', '0.3', '0.4'])
  })

  it('never takes a cut list for a whole one', async () => {
    const untyped = await read(api().connection('orders', { select: ['lineItems.nodes.sku'], first: 10 }))
    expect(untyped.stop).toMatchObject({ kind: 'refused', type: 'Contract', reason: expect.stringContaining('`lineItems.nodes`'), cure: expect.stringContaining('of') })
    expect(untyped.records).toEqual([])
    const text = (info: string): string => `query ($first: Int!, $after: String) { orders(first: $first, after: $after) { nodes { ...O } pageInfo { hasNextPage endCursor } } } fragment O on Order { number lineItems(first: 20) { nodes { sku } ${info} } }`
    const written = (query: string, more: object = {}) => api().stream('orders', { query, records: 'data.orders.nodes', key: 'number', page: relay('data.orders', { size: 10 }), ...more })
    expect((await read(written(text('pageInfo { hasNextPage }')))).stop).toMatchObject({ kind: 'refused', type: 'Contract' })
    expect((await read(written(text('pageInfo { hasNextPage }'), { truncate: ['lineItems'] }))).records).toHaveLength(57)
    expect(() => written(text(''))).toThrow(/`lineItems` may be cut/)
    expect(() => written(text('pageInfo { hasNextPage }'), { page: undefined })).toThrow(/`orders` may be cut/)
  })

  it('reads a connection for each record of another stream', async () => {
    const orders = api().connection('orders', { type: 'Order', first: 20 })
    const { records, stop } = await read(api().connection('lineItems', { of: orders, fields: ['id', 'number'], select: ['sku'], first: 10 }))
    expect(stop).toEqual({ kind: 'done' })
    expect(records.map((r) => r.sku)).toEqual(shop.orders.flatMap((o) => o.items.map((i) => i.sku)))
    expect(records[0]._parent).toEqual({ id: 'gid://shop/Order/1', number: 1 })
    expect(shop.seen[0]!.query).not.toContain('total')
    expect(() => api().connection('lineItems', { of: api().connection('orders', {}), select: ['sku'] })).toThrow(/type/)
  })
})

describe('errors beside data', () => {
  const fragile = (partial?: 'keep') => api(partial ? { partial } : {}).connection('orders', { select: ['number', 'fragile'], first: 10 })

  it('are no success, and are kept only when that is asked for', async () => {
    const failed = await read(fragile())
    expect(failed.stop).toMatchObject({ kind: 'refused', type: 'Contract', reason: expect.stringContaining('the warehouse does not answer (at orders.nodes.3.fragile)') })
    expect(failed.records).toEqual([])
    const kept = await read(fragile('keep'))
    expect(kept.stop).toEqual({ kind: 'done' })
    expect(kept.records).toHaveLength(57)
    expect(kept.records[3]).toMatchObject({ number: 3, fragile: null })
    expect(kept.notices[0]).toMatch(/kept as they are.*the warehouse does not answer/)
    shop.fault = () => ({ data: { orders: { nodes: [], pageInfo: null } }, errors: [{ message: 'no page', path: ['orders', 'pageInfo'], extensions: { code: 'NOT_FOUND' } }] })
    expect((await read(fragile('keep'))).stop).toMatchObject({ kind: 'refused' })
  })
})
