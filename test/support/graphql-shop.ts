import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeExecutableSchema } from '@graphql-tools/schema'
import { GraphQLError, Kind, valueFromASTUntyped, type DocumentNode, type FieldNode, type SelectionSetNode } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'

/** A shop behind GraphQL Yoga: Relay connections over rows that keep their order, a plain list, mutations, and a bucket of points that really refuses. */
export interface Shop {
  url: string
  /** What was asked, in order. */
  seen: { operationName: string; variables: Record<string, any>; query: string; refused: boolean }[]
  orders: Order[]
  /** Answers the next operation that this accepts with what it gives. */
  fault: ((operationName: string, variables: Record<string, any>) => { data?: unknown; errors?: unknown } | Response | null) | null
  mutations: Record<string, unknown>[]
  /** Points left now. */
  points(): number
  close(): Promise<void>
}

interface Item {
  id: string
  sku: string
  quantity: number
  taxes: { id: string; rate: string }[]
}
interface Order {
  id: string
  number: number
  name: string
  total: string
  updatedAt: string
  customer: { email: string } | null
  items: Item[]
}

export interface ShopOptions {
  orders?: number
  /** Line items of order i. */
  items?: (i: number) => number
  taxes?: number
  /** Largest page of anything. */
  most?: number
  latencyMs?: number
  /** A bucket as Shopify's: the whole requested cost has to be there, what was not used comes back. */
  bucket?: { max: number; rate: number; actual?: number }
}

const typeDefs = /* GraphQL */ `
  interface Node { id: ID! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type Customer { email: String! }
  type Tax implements Node { id: ID! rate: String! }
  type Item implements Node { id: ID! sku: String! quantity: Int! taxes(first: Int!, after: String): TaxConnection! }
  type Order implements Node { id: ID! number: Int! name: String! total: String! updatedAt: String! customer: Customer fragile: String lineItems(first: Int!, after: String): ItemConnection! }
  type TaxEdge { node: Tax! }
  type TaxConnection { nodes: [Tax!]! edges: [TaxEdge!]! pageInfo: PageInfo! }
  type ItemEdge { node: Item! cursor: String! }
  type ItemConnection { nodes: [Item!]! edges: [ItemEdge!]! pageInfo: PageInfo! }
  type OrderEdge { node: Order cursor: String! }
  type OrderConnection { nodes: [Order]! edges: [OrderEdge!]! pageInfo: PageInfo! totalCount: Int! }
  input OrderFilter { updatedSince: String }
  enum Sort { NUMBER UPDATED_AT }
  type Shop { orders(first: Int!, after: String, filter: OrderFilter, sort: Sort): OrderConnection! list(limit: Int!, skip: Int!): [Order!]! }
  type Query { orders(first: Int!, after: String, filter: OrderFilter, sort: Sort): OrderConnection! shop(domain: String!): Shop! list(limit: Int!, skip: Int!): [Order!]! node(id: ID!): Node order(id: ID!): Order }
  input OrderInput { id: ID! name: String! clientMutationId: String }
  type UserError { field: [String!] message: String! }
  type OrderUpdate { order: Order userErrors: [UserError!]! }
  type Mutation { orderUpdate(input: OrderInput!): OrderUpdate }
`

export async function startShop(options: ShopOptions = {}): Promise<Shop> {
  const { orders: count = 25, items = () => 2, taxes = 1, most = 250, latencyMs = 0, bucket } = options
  const orders = Array.from({ length: count }, (_, i): Order => ({
    id: `gid://shop/Order/${i}`, number: i, name: `#${1000 + i}`, total: `${i}.10`, updatedAt: new Date(Date.UTC(2026, 0, 1) + i * 60_000).toISOString(), customer: i % 5 === 4 ? null : { email: `c${i}@example.com` },
    items: Array.from({ length: items(i) }, (_x, j) => ({ id: `gid://shop/Item/${i}-${j}`, sku: `S${i}-${j}`, quantity: j + 1, taxes: Array.from({ length: taxes }, (_y, k) => ({ id: `gid://shop/Tax/${i}-${j}-${k}`, rate: `0.${k}` })) })),
  }))
  const connection = <T extends { id: string }>(all: T[], { first, after }: { first: number; after?: string | null }, cursors: (row: T) => string = (row) => row.id): unknown => {
    const at = after === undefined || after === null ? 0 : all.findIndex((row) => Buffer.from(cursors(row)).toString('base64') === after) + 1
    if (after !== undefined && after !== null && at === 0) throw new GraphQLError(`\`${after}\` does not appear to be a valid cursor.`, { extensions: { code: 'INVALID_CURSOR_ARGUMENTS' } })
    const part = all.slice(at, at + Math.min(first, most))
    const edges = part.map((node) => ({ node, cursor: Buffer.from(cursors(node)).toString('base64') }))
    return { nodes: part, edges, totalCount: all.length, pageInfo: { hasNextPage: at + part.length < all.length, endCursor: edges.at(-1)?.cursor ?? null } }
  }
  const listOrders = (_: unknown, { filter, ...page }: { first: number; after?: string; filter?: { updatedSince?: string } }): unknown => {
    const since = filter?.updatedSince
    return connection(since ? orders.filter((o) => o.updatedAt >= since) : orders, page)
  }
  const node = (_: unknown, { id }: { id: string }): unknown => {
    const order = orders.find((o) => o.id === id)
    if (order) return { __typename: 'Order', ...order }
    for (const o of orders) for (const item of o.items) if (item.id === id) return { __typename: 'Item', ...item }
    return null
  }
  const shop: Shop = { url: '', seen: [], orders, fault: null, mutations: [], points: () => 0, close: async () => undefined }
  const list = (_: unknown, { limit, skip }: { limit: number; skip: number }): unknown => orders.slice(skip, skip + Math.min(limit, most))
  const schema = makeExecutableSchema({
    typeDefs,
    resolvers: {
      Node: { __resolveType: (o: { __typename: string }) => o.__typename },
      Query: { orders: listOrders, shop: () => ({}), list, node, order: node },
      Shop: { orders: listOrders, list },
      Order: {
        lineItems: (o: Order, page: { first: number; after?: string }) => connection(o.items, page),
        fragile: (o: Order) => {
          if (o.number % 10 === 3) throw new GraphQLError('the warehouse does not answer')
          return 'glass'
        },
      },
      Item: { taxes: (i: Item, page: { first: number; after?: string }) => connection(i.taxes, page) },
      Mutation: {
        orderUpdate: (_: unknown, { input }: { input: { id: string; name: string } }) => {
          shop.mutations.push(input)
          const order = orders.find((o) => o.id === input.id)
          if (!order) return { order: null, userErrors: [{ field: ['input', 'id'], message: `no order ${input.id}` }] }
          order.name = input.name
          return { order, userErrors: [] }
        },
      },
    },
  })

  let level = bucket?.max ?? 0
  let atMs = performance.now()
  const refill = (): void => {
    const now = performance.now()
    if (bucket) level = Math.min(bucket.max, level + ((now - atMs) / 1000) * bucket.rate)
    atMs = now
  }
  shop.points = () => {
    refill()
    return level
  }
  const costs = (requested: number, actual: number | null): unknown =>
    bucket && { cost: { requestedQueryCost: requested, actualQueryCost: actual, throttleStatus: { maximumAvailable: bucket.max, currentlyAvailable: Math.floor(level), restoreRate: bucket.rate } } }
  const plugin: Plugin = {
    async onExecute({ args, setResultAndStopExecution }) {
      const name = args.operationName ?? ''
      const variables = (args.variableValues ?? {}) as Record<string, unknown>
      const operation = (args.document as DocumentNode).definitions.find((d) => d.kind === Kind.OPERATION_DEFINITION)!
      const requested = price(operation.selectionSet, variables)
      refill()
      const refused = bucket !== undefined && level < requested
      shop.seen.push({ operationName: name, variables, query: args.document.loc?.source.body ?? '', refused })
      if (refused) {
        setResultAndStopExecution({ errors: [new GraphQLError('Throttled', { extensions: { code: 'THROTTLED' } })], extensions: costs(requested, null) as never })
        return undefined
      }
      const fault = shop.fault?.(name, variables)
      if (fault && !(fault instanceof Response)) {
        setResultAndStopExecution(fault as never)
        return undefined
      }
      level -= requested
      if (latencyMs > 0) await sleep(latencyMs)
      return {
        onExecuteDone: ({ result, setResult }) => {
          if (!bucket) return
          refill()
          const actual = bucket.actual === undefined ? requested : Math.ceil(requested * bucket.actual)
          level = Math.min(bucket.max, level + requested - actual)
          setResult({ ...(result as object), extensions: costs(requested, actual) } as never)
        },
      }
    },
  }
  const yoga = createYoga({ schema, plugins: [plugin], logging: false, maskedErrors: false, graphqlEndpoint: '/graphql', landingPage: false })
  const server = createServer(yoga as never)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  shop.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`
  shop.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return shop
}

/** Points of a query: 1 for each object that may come, as its `first` tells. */
function price(set: SelectionSetNode, variables: Record<string, unknown>, times = 1): number {
  return set.selections.reduce((sum, s) => {
    if (s.kind !== Kind.FIELD) return sum + ('selectionSet' in s ? price(s.selectionSet, variables, times) : 0)
    const first = firstOf(s, variables)
    const here = first === null ? 0 : times * first
    return sum + here + (s.selectionSet ? price(s.selectionSet, variables, first === null ? times : times * first) : 0)
  }, 0)
}

function firstOf(field: FieldNode, variables: Record<string, unknown>): number | null {
  const arg = field.arguments?.find((a) => a.name.value === 'first' || a.name.value === 'limit')
  return arg ? Number(valueFromASTUntyped(arg.value, variables)) : null
}
