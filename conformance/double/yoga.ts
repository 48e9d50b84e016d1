import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GraphQLError } from 'graphql'
import { REFUSED } from '../said.ts'
import type { Quirks } from '../types.ts'
import { keyOf, momentOf } from './records.ts'

/** A shop behind GraphQL Yoga, whose schema has what GraphQL APIs page by. */
export interface Shop {
  url: string
  orders: Order[]
  /** What mutations have written, in order. */
  written: { id: string; name: string; clientMutationId: string | null }[]
  close(): Promise<void>
}

interface Line {
  id: string
  sku: string
}
interface Order {
  id: string
  name: string
  amount: number
  updatedAt: string
  lines: Line[]
}

export interface ShopOptions {
  records: number
  pageSize: number
  quirks?: Quirks
  /** A mutation of the record with this id is refused. */
  refuses?: string | null
  /** How: in the list of user errors (default), or as an error beside a result that is null. */
  refusesBy?: 'userErrors' | 'error'
}

const TYPES = /* GraphQL */ `
  interface Node { id: ID! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type Line implements Node { id: ID! sku: String! }
  type LineConnection { nodes: [Line!]! pageInfo: PageInfo! }
  type Order implements Node { id: ID! name: String! amount: Float! updatedAt: String! lines(first: Int!, after: String): LineConnection! }
  type OrderEdge { node: Order! cursor: String! }
  type OrderConnection { nodes: [Order!]! edges: [OrderEdge!]! pageInfo: PageInfo! }
  type Shop { orders(first: Int!, after: String, since: String): OrderConnection! }
  type Query {
    orders(first: Int!, after: String, since: String): OrderConnection!
    list(limit: Int!, skip: Int!): [Order!]!
    shop(domain: String!): Shop!
    node(id: ID!): Node
    written(id: ID!): Order
  }
  input OrderInput { id: ID! name: String! clientMutationId: String }
  type UserError { field: [String!] message: String! }
  type OrderUpdate { order: Order userErrors: [UserError!]! }
  type Mutation { orderUpdate(input: OrderInput!): OrderUpdate }
`

type Page = { first: number; after?: string | null; since?: string | null }

/** Starts the shop on a free loopback port. Throws ERR_MODULE_NOT_FOUND without graphql-yoga. */
export async function startYoga({ records, pageSize, quirks = {}, refuses = null, refusesBy = 'userErrors' }: ShopOptions): Promise<Shop> {
  const { createSchema, createYoga } = await import('graphql-yoga')
  const orders = Array.from({ length: records }, (_, n): Order => ({
    id: keyOf(n), name: `Name ${n} & <Söhne>`, amount: 12.5 + n, updatedAt: new Date(momentOf(n)).toISOString(),
    lines: Array.from({ length: n % 4 }, (_l, i) => ({ id: `${keyOf(n)}-${i}`, sku: `S${i}` })),
  }))
  const written: Shop['written'] = []
  const connection = <T>(all: T[], { first, after }: Page, quirk: Quirks = {}): unknown => {
    const size = Math.min(first, pageSize)
    const place = /^([cm])(\d+)$/.exec(after ?? 'c0')
    if (!place) throw new GraphQLError(`\`${after}\` does not appear to be a valid cursor.`, { extensions: { code: 'INVALID_CURSOR_ARGUMENTS' } })
    const start = Number(place[2])
    const nth = Math.floor(start / size)
    const empty = quirk.emptyPage === nth && place[1] === 'c'
    const part = empty ? [] : all.slice(start, start + size)
    const end = start + part.length
    const stuck = quirk.repeatFrom !== undefined && nth >= quirk.repeatFrom
    const more = stuck || empty || end < all.length
    return { nodes: part, edges: part.map((node) => ({ node, cursor: 'c' })), pageInfo: { hasNextPage: more, endCursor: more ? `${empty ? 'm' : 'c'}${stuck ? quirk.repeatFrom! * size : end}` : null } }
  }
  const since = ({ since: bound }: Page): Order[] => (bound ? orders.filter((o) => Date.parse(o.updatedAt) >= Date.parse(bound)) : orders)
  const list = (_: unknown, page: Page): unknown => connection(since(page), page, quirks)
  const update = (_: unknown, { input }: { input: { id: string; name: string; clientMutationId?: string } }): unknown => {
    const { id, name, clientMutationId = null } = input
    if (id === refuses && refusesBy === 'error') throw new GraphQLError(REFUSED, { extensions: { code: 'BAD_USER_INPUT' } })
    if (id === refuses) return { order: null, userErrors: [{ field: ['input', 'id'], message: REFUSED }] }
    const order = { id, name, amount: 0, updatedAt: '', lines: [] }
    if (clientMutationId === null || !written.some((w) => w.clientMutationId === clientMutationId)) written.push({ id, name, clientMutationId })
    return { order, userErrors: [] }
  }
  const schema = createSchema({
    typeDefs: TYPES,
    resolvers: {
      Node: { __resolveType: () => 'Order' },
      Query: {
        orders: list, shop: () => ({}),
        list: (_: unknown, { limit, skip }: { limit: number; skip: number }) => orders.slice(skip, skip + Math.min(limit, pageSize)),
        node: (_: unknown, { id }: { id: string }) => orders.find((o) => o.id === id) ?? null,
        written: (_: unknown, { id }: { id: string }) => {
          const last = written.filter((w) => w.id === id).at(-1)
          return last ? { ...last, amount: 0, updatedAt: '', lines: [] } : null
        },
      },
      Shop: { orders: list },
      Order: { lines: (order: Order, page: Page) => connection(order.lines, page) },
      Mutation: { orderUpdate: update },
    },
  })
  const server = createServer(createYoga({ schema, logging: false, graphqlEndpoint: '/graphql', landingPage: false, graphiql: false }) as unknown as RequestListener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, orders, written,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
