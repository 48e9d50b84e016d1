import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { graphql, nested, type StreamRef } from '../../connectors/index.ts'
import { sourceSchema, streamSchema, type Pacer, type Position } from '../../model/index.ts'
import type { Store } from '../../model/ports.ts'
import { openStore } from '../../store/index.ts'
import { startShop, type Shop } from '../../test/support/graphql-shop.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { openRest, readPages, type ReadResult } from '../rest/index.ts'
import { wide } from '../testing/reading.ts'

let database: TestDatabase
const stores: Store[] = []
const shops: Shop[] = []
beforeAll(async () => {
  database = await testDatabase()
  for (let i = 0; i < 2; i++) stores.push(await openStore(database.url, { key: { id: '0123456789abcdef', secret: Buffer.alloc(32, 1) } }))
  await stores[0]!.migrate()
})
afterAll(async () => {
  await Promise.all([...stores.map((s) => s.close()), ...shops.map((s) => s.close())])
  await database?.close()
})

async function read(ref: StreamRef, pacer: Pacer | null, position: Position | null = null): Promise<ReadResult & { count: number }> {
  const reader = openRest({ source: sourceSchema.parse(ref.source), stream: streamSchema.parse(ref.stream), resolve: (v) => String(v) })
  let count = 0
  try {
    const result = await readPages({ reader, position, since: null, budget: wide, token: async () => null, pacer, signal: new AbortController().signal, onPage: async (page) => void (count += page.records) })
    return { ...result, count }
  } finally {
    await reader.close()
  }
}

it('waits (cost - available) / restoreRate when it was refused', async () => {
  const shop = await startShop({ orders: 30, bucket: { max: 20, rate: 40 } })
  shops.push(shop)
  const orders = graphql({ baseUrl: shop.url }).connection('orders', { select: ['number'], first: 15 })
  const began = performance.now()
  const { stop, count } = await read(orders, null)
  expect({ stop, count }).toEqual({ stop: { kind: 'done' }, count: 30 })
  // 5 points are left after the first page: 10 more come back in 250 ms.
  expect(shop.seen.map((s) => s.refused)).toEqual([false, true, false])
  expect(performance.now() - began).toBeGreaterThan(240)
  const dear = await read(graphql({ baseUrl: shop.url }).connection('orders', { select: ['number'], first: 25 }), null)
  expect(dear.stop).toMatchObject({ kind: 'refused', type: 'Contract', reason: expect.stringMatching(/costs 25 points and the bucket holds 20/) })
})

it('is not refused once the bucket is known: two processes, streams of different cost, points that come back', async () => {
  const shop = await startShop({ orders: 160, items: () => 1, latencyMs: 15, bucket: { max: 300, rate: 800, actual: 0.5 } })
  shops.push(shop)
  const account = randomUUID()
  const pacer = (i: number, stream: string): Pacer => stores[i]!.pacer({ account, limits: [], concurrency: 8, stream, priority: 'bulk' })
  const api = graphql({ baseUrl: shop.url })
  const cheap = api.connection('orders', { select: ['number'], first: 10 })
  const dear = api.connection('dear orders', { field: 'orders', type: 'Order', select: { lineItems: nested({ select: ['sku'], first: 5 }) }, first: 20 })
  // One answer is needed to know it.
  await read(api.connection('one', { field: 'orders', select: ['id'], first: 160 }), pacer(0, 'one'))
  shop.seen.length = 0
  const began = performance.now()
  const ends = await Promise.all([read(cheap, pacer(0, 'a')), read(dear, pacer(0, 'b')), read(cheap, pacer(1, 'c')), read(dear, pacer(1, 'd'))])
  const seconds = (performance.now() - began) / 1000
  for (const { stop, count } of ends) expect({ stop, count }).toEqual({ stop: { kind: 'done' }, count: 160 })
  expect(shop.seen.filter((s) => s.refused)).toEqual([])
  // 16 pages of 10 and 8 of 120, twice, half of it given back: 1,120 points, of which the bucket held some at the beginning.
  const spent = 2 * (16 * 10 + 8 * 120) * 0.5
  console.log(`spent ${spent} points of ${300 + 800 * seconds} in ${seconds.toFixed(2)} s, refused 0 of ${shop.seen.length}`)
  expect(seconds).toBeLessThan((spent / 800) * 3)
})
