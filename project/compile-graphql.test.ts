import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { addMocksToSchema } from '@graphql-tools/mock'
import { makeExecutableSchema } from '@graphql-tools/schema'
import { schema as published } from '@octokit/graphql-schema'
import { buildSchema, parse, validate } from 'graphql'
import { createYoga } from 'graphql-yoga'
import { describe, expect, it } from 'vitest'
import type { StreamPlan } from '../model/plan.ts'
import { openRest, readPages } from '../protocols/rest/index.ts'
import { wide } from '../protocols/testing/reading.ts'
import { compileSync } from './compile.ts'
import { cursor, defineSync, fields, graphql, nested, postgres, relay, t, z, type StreamRef } from './authoring.ts'

const api = graphql({ baseUrl: 'https://api.example.com/graphql' })
const compile = (sync: object): StreamPlan => compileSync(defineSync({ to: postgres.table('rows'), ...sync } as never), { id: 'a', file: 'syncs/a.ts', text: '' }).streams[0]!
const error = (sync: object): { file?: string; field?: string; message: string; cure?: string } => {
  try {
    compile(sync)
  } catch (thrown) {
    return thrown as Error
  }
  throw new Error('compiled')
}

describe('a query from the mapping', () => {
  const model = z.object({ id: z.string(), mail: z.string().nullable(), lines: z.array(z.object({ sku: z.string(), product: z.object({ title: z.string() }).nullable() })), first_tag: z.string().optional(), shop: z.string(), at: t.timestamp() })
  const map = fields({ id: 'id', mail: 'customer.email', lines: 'lineItems.nodes', first_tag: 'tags.0', shop: { value: 'x' }, at: 'updatedAt' })

  it('asks for what the mapping and the model name, and is plain data', () => {
    const plan = compile({ from: api.connection('orders', { type: 'Order', incremental: { field: 'changedAt', order: 'ascending' } }), model, map })
    expect(plan.stream.graphql!.query).toBe(
      'query Orders($first: Int!, $after: String) { orders(first: $first, after: $after) { nodes { id customer { email } lineItems(first: 20) { nodes { sku product { title } } pageInfo { hasNextPage endCursor } } tags updatedAt changedAt } pageInfo { hasNextPage endCursor } } }',
    )
    expect(plan.stream.nested[0]).toMatchObject({ owner: [], list: ['lineItems', 'nodes'], at: 'data.node', request: { graphql: { variables: { id: '{parent.id}', after: '{cursor}' } } } })
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
  })

  it.each<[string, object, RegExp, RegExp]>([
    ['a mapping by code that has no select', { from: api.connection('orders'), model, map: () => null }, /select/, /which fields/],
    ['a syntax error', { from: api.stream('orders', { query: 'query {\n  orders { nodes { id } \n', records: 'data.orders.nodes', key: 'id' }), model, map }, /from\.stream\("orders"\)\.query/, /Syntax Error.*line 3, column 1/],
    ['two operations', { from: api.stream('o', { query: 'query A { a } query B { b }', records: 'data.a' }), model, map }, /query/, /2 operations/],
    ['a mutation to read from', { from: api.stream('o', { query: 'mutation { a }', records: 'data.a' }), model, map }, /query/, /is a mutation/],
    ['a cursor that is not declared', { from: api.stream('o', { query: 'query ($first: Int) { a(first: $first) { id } }', records: 'data.a', page: cursor({ send: 'after', next: 'data.x' }) }), model, map }, /query/, /no variable \$after/],
    ['a variable that nothing fills', { from: api.stream('o', { query: 'query ($a: Int!) { a(b: $a) }', records: 'data.a' }), model, map }, /variables/, /\$a/],
    ['a list of which no fields are named', { from: api.connection('orders'), model: z.object({ id: z.string(), lines: t.json() }), map: fields({ id: 'id', lines: 'lineItems.nodes' }) }, /select/, /lineItems/],
    ['a name that is none', { from: api.connection('orders'), model: z.object({ id: z.string() }), map: fields({ id: 'id } x {' }) }, /select/, /no name of GraphQL/],
    ['a mutation with an unknown column', { from: api.connection('orders'), model: z.object({ id: z.string() }), map: fields({ id: 'id' }), to: api.mutation('u', { args: { input: { type: 'I!', value: { id: '{nope}' } } } }) }, /args/, /"nope"/],
  ])('%s names file, field and cure', (_name, sync, field, message) => {
    const found = error(sync)
    expect(found.file).toBe('syncs/a.ts')
    expect(found.field).toMatch(field)
    expect(found.message).toMatch(message)
    expect(found.cure).toBeTruthy()
  })
})

describe("GitHub's published schema", () => {
  const schema = buildSchema(published.idl, { assumeValidSDL: true, assumeValid: true })
  const github = (baseUrl = 'https://api.github.com/graphql') => graphql({ baseUrl })
  const issues = (baseUrl?: string): StreamRef =>
    github(baseUrl).connection('issues', {
      under: { field: 'repository', args: { owner: 'octo', name: 'hello' } }, type: 'Issue', first: 50,
      args: { states: { type: '[IssueState!]', value: ['OPEN', 'CLOSED'] }, orderBy: { type: 'IssueOrder', value: { field: 'UPDATED_AT', direction: 'ASC' } }, filterBy: { type: 'IssueFilters', value: { since: '{since}' } } },
      incremental: { field: 'updatedAt', order: 'ascending' },
    })
  const model = z.object({ id: z.string(), number: z.int(), title: z.string(), author: z.string().nullable(), labels: z.array(z.object({ name: z.string(), color: z.string() })), comments: z.array(z.object({ body: z.string() })) })
  const map = fields({ id: 'id', number: 'number', title: 'title', author: 'author.login', labels: 'labels.nodes', comments: 'comments.nodes' })

  it('takes what is written for it: connections, the rest of nested ones, children, mutations', () => {
    const first = compile({ from: issues(), model, map })
    const children = compile({ from: github().connection('comments', { of: issues(), select: ['id', 'body'], first: 100 }), model: z.object({ id: z.string() }), map: fields({ id: 'id' }) })
    const written = compile({ from: github().connection('pull requests', { field: 'pullRequests', via: 'edges', under: { field: 'repository', args: { owner: 'o', name: 'n' } }, type: 'PullRequest', select: { id: true, reviews: nested({ type: 'PullRequestReview', select: { state: true, comments: nested({ select: ['body'] }) } }), author: { login: true, '... on User': ['company'] } } }), model: z.object({ id: z.string() }), map: fields({ id: 'id' }) })
    const action = compile({ from: issues(), model, map, to: github().mutation('issue.update', { field: 'updateIssue', args: { input: { type: 'UpdateIssueInput!', value: { id: '{id}', title: '{title}' } } }, id: 'issue.id', idempotency: { field: 'input.clientMutationId' } }) }).destination
    const documents = [first, children, written].flatMap((p) => [p.stream.graphql, p.stream.parent?.stream.graphql, ...p.stream.nested.map((n) => n.request?.graphql)]).concat(action.kind === 'action' ? [action.action.graphql] : [])
    const texts = documents.flatMap((d) => d?.query ?? [])
    expect(texts).toHaveLength(9)
    for (const text of texts) expect({ text, errors: validate(schema, parse(text)).map((e) => e.message) }).toEqual({ text, errors: [] })
  })

  it('is read in full from a server of it', async () => {
    const cut = (all: object[], { first, after }: { first: number; after?: string }) => {
      const at = after ? Number(after) : 0
      return { nodes: all.slice(at, at + first), pageInfo: { hasNextPage: at + first < all.length, endCursor: String(at + first) } }
    }
    const rows = Array.from({ length: 120 }, (_, i) => ({ __typename: 'Issue', id: `I_${i}`, number: i, title: `t${i}` }))
    const labels = Array.from({ length: 45 }, (_, i) => ({ name: `l${i}`, color: 'fff' }))
    const mocked = addMocksToSchema({
      schema: makeExecutableSchema({ typeDefs: published.idl, assumeValidSDL: true, assumeValid: true }), mocks: { URI: () => 'https://x', DateTime: () => '2026-01-01T00:00:00Z', HTML: () => '' },
      resolvers: { Query: { node: (_: unknown, { id }: { id: string }) => rows.find((r) => r.id === id) }, Repository: { issues: (_: unknown, page: never) => cut(rows, page) }, Issue: { labels: (_: unknown, page: never) => cut(labels, page), comments: () => ({ nodes: [], pageInfo: { hasNextPage: false } }) } } as never,
    })
    const server = createServer(createYoga({ schema: mocked, logging: false, maskedErrors: false }) as never)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const plan = compile({ from: issues(`http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`), model, map })
    const reader = openRest({ source: plan.source, stream: plan.stream, resolve: (v) => String(v) })
    const found: { number: number; labels: { nodes: unknown[] } }[] = []
    try {
      const { stop } = await readPages({ reader, position: null, since: null, budget: wide, token: async () => null, pacer: null, signal: new AbortController().signal, onPage: async (page) => void found.push(...(JSON.parse(page.body.toString()) as any).data.repository.issues.nodes) })
      expect(stop).toEqual({ kind: 'done' })
    } finally {
      await reader.close()
      server.close()
      server.closeAllConnections()
    }
    expect(found.map((r) => r.number)).toEqual(rows.map((r) => r.number))
    for (const r of found) expect(r.labels.nodes).toEqual(labels)
  })
})

it('paging of a written query goes into its variables', () => {
  const plan = compile({ from: api.stream('o', { query: 'query ($after: String, $first: Int) { o(after: $after, first: $first) { nodes { id } pageInfo { hasNextPage endCursor } } }', records: 'data.o.nodes', key: 'id', page: relay('data.o', { size: 5 }) }), model: z.object({ id: z.string() }), map: fields({ id: 'id' }) })
  expect(plan.stream.page).toMatchObject({ kind: 'cursor', in: 'body', send: 'variables.after', sizeParam: 'variables.first', size: 5 })
})
