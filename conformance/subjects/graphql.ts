import { field, graphql, nested, relay, type StreamRef } from '../../connectors/index.ts'
import { sourceSchema, streamSchema } from '../../model/index.ts'
import { startYoga, type Shop } from '../double/yoga.ts'
import type { Subject } from '../types.ts'
import { missingPackage } from './missing.ts'

const env = (name: string): { env: string } => ({ env: name })
const api = graphql({ baseUrl: 'http://127.0.0.1/graphql', auth: { kind: 'bearer', token: env('TOKEN') } })
const open = graphql({ baseUrl: 'http://127.0.0.1/graphql', auth: { kind: 'oauth2ClientCredentials', tokenUrl: '/oauth/token', clientId: env('ID'), clientSecret: env('SECRET') } })
const since = { args: { since: { type: 'String' } }, incremental: { field: 'updatedAt', send: 'since' } }
const orders = api.connection('orders', { type: 'Order', select: ['id', 'name'], first: 5 })

const STREAMS: [string, StreamRef, (shop: Shop) => string[]][] = [
  ['graphql-connection', api.connection('orders', { type: 'Order', select: { id: true, name: true, amount: true, lines: nested({ select: ['sku'], first: 2 }) }, first: 5, ...since }), ids],
  ['graphql-edges', open.connection('all', { field: 'orders', under: { field: 'shop', args: { domain: 'acme' } }, via: 'edges', select: { id: true, name: true, amount: field({ field: 'amount' }) }, first: 5, ...since }), ids],
  ['graphql-list', open.list('list', { select: ['id', 'name', 'amount'], key: 'id', offset: { limit: 'limit', offset: 'skip', size: 5 } }), ids],
  ['graphql-query', api.stream('orders', { query: 'query Orders($first: Int!, $after: String) { orders(first: $first, after: $after) { nodes { id name amount } pageInfo { hasNextPage endCursor } } }', operationName: 'Orders', records: 'data.orders.nodes', key: 'id', page: relay('data.orders', { size: 5 }) }), ids],
  ['graphql-children', api.connection('lines', { of: orders, fields: ['id'], select: ['id', 'sku'], first: 2 }), (shop) => shop.orders.flatMap((o) => o.lines.map((l) => l.id))],
]

function ids(shop: Shop): string[] {
  return shop.orders.map((o) => o.id)
}

/** Streams of GraphQL, against a server that GraphQL Yoga makes of a schema. */
export const GRAPHQL: Subject[] = STREAMS.map(([name, ref, keysOf]) => {
  const missing = missingPackage('graphql-yoga')
  return {
    name, missing, server: 'graphql-yoga',
    async start({ records, pageSize, quirks }) {
      const shop = await startYoga({ records, pageSize, ...(quirks && { quirks }) })
      const source = sourceSchema.parse({ ...ref.source, maxPageBytes: 4 * 1024 * 1024 })
      const stream = streamSchema.parse(ref.stream)
      const middle = Math.floor(records / 2)
      return {
        url: shop.url, source, stream, values: {}, keys: keysOf(shop), quirky: stream.parent === null,
        since: stream.incremental ? { bound: shop.orders[middle]!.updatedAt, keys: ids(shop).slice(middle) } : null,
        close: () => shop.close(),
      }
    },
  }
})
