import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeProject, type Dev, type Project } from '../support/cli.ts'
import { startShop, type Shop } from '../support/graphql-shop.ts'

const ORDERS = 60

const READ = `import { defineSync, env, fields, graphql, postgres, t, z } from 'isthmus'
export default defineSync({
  from: graphql({ baseUrl: env('SHOP_URL'), connection: 'shop' }).connection('orders', {
    type: 'Order', first: 10, args: { filter: { type: 'OrderFilter', value: { updatedSince: '{since}' } } }, incremental: { field: 'updatedAt' },
  }),
  to: postgres.table('shop_orders'),
  model: z.object({ id: z.string(), number: z.int(), name: z.string(), email: z.string().nullable(), total: t.decimal(), lines: z.array(z.object({ sku: z.string(), quantity: z.int() })) }),
  map: fields({ id: 'id', number: 'number', name: 'name', email: 'customer.email', total: 'total', lines: 'lineItems.nodes' }),
})
`
const WRITE = `import { defineSync, env, fields, graphql, z } from 'isthmus'
const api = graphql({ baseUrl: env('SHOP_URL'), connection: 'shop' })
export default defineSync({
  from: api.list('list', { key: 'id', offset: { limit: 'limit', offset: 'skip', size: 40 } }),
  to: api.mutation('orderUpdate', {
    args: { input: { type: 'OrderInput!', value: { id: '{ref}', name: 'renamed {label}' } } }, id: 'order.id', userErrors: 'userErrors', idempotency: { field: 'input.clientMutationId' }, key: 'id',
  }),
  model: z.object({ id: z.string(), label: z.string(), ref: z.string() }),
  map: fields({ id: 'id', label: 'name', ref: { path: 'number', table: { 7: 'gid://shop/Order/none', 8: 'gid://shop/Order/8', 9: 'gid://shop/Order/9', '*': 'gid://shop/Order/0' } } }),
})
`

/** GraphQL through the whole run; what the shop holds and was asked is the oracle. */
describe('GraphQL', () => {
  let project: Project
  let dev: Dev
  let shop: Shop
  beforeAll(async () => {
    shop = await startShop({ orders: ORDERS, items: (i) => (i === 11 ? 45 : i % 3), bucket: { max: 400, rate: 2_000 } })
    project = await makeProject({ 'syncs/read.ts': READ, 'syncs/write.ts': WRITE })
    dev = await project.dev()
  })
  afterAll(async () => {
    await project?.close()
    await shop?.close()
  })
  const run = (id: string) => project.isthmus(['run', id, '--json'], { SHOP_URL: shop.url })

  it('reads complete records, then changes only, and is never refused', async () => {
    const first = await run('read')
    expect(first.stderr + first.stdout).toMatch(/completed/)
    const rows = await dev.query('select id, number::int, name, email, total::text, lines from shop_orders order by number')
    expect(rows).toEqual(shop.orders.map((o) => ({ id: o.id, number: o.number, name: o.name, email: o.customer?.email ?? null, total: o.total, lines: o.items.map(({ sku, quantity }) => ({ sku, quantity })) })))
    expect(shop.seen.filter((s) => s.refused)).toEqual([])
    expect(shop.seen.map((s) => s.query).join()).not.toMatch(/taxes|fragile/)
    Object.assign(shop.orders[3]!, { name: 'changed', updatedAt: '2026-02-01T00:00:00.000Z' })
    shop.seen.length = 0
    const second = await run('read')
    expect(second.json).toMatchObject({ outcome: 'completed', total: { updated: 1 } })
    expect(shop.seen[0]!.variables['filter']).toEqual({ updatedSince: expect.stringMatching(/^2026-01-01T00:5/) })
    expect(await dev.query('select number::int from shop_orders where name = $1', ['changed'])).toEqual([{ number: 3 }])
  })

  it('calls a mutation for each record, and sets aside what its userErrors refuse', async () => {
    const { json } = await run('write')
    expect(json).toMatchObject({ outcome: 'completed', total: { read: ORDERS, inserted: ORDERS - 1, rejected: 1 } })
    expect(shop.mutations).toHaveLength(ORDERS)
    expect(new Set(shop.mutations.map((m) => m['clientMutationId'])).size).toBe(ORDERS)
    expect(shop.orders[8]!.name).toBe('renamed #1008')
    const rejects = await project.isthmus(['rejects', 'list', 'write', '--json'], { SHOP_URL: shop.url })
    expect(rejects.stdout).toContain('no order gid://shop/Order/none')
  })
})
