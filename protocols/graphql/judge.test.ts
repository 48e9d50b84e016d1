import { expect, it } from 'vitest'
import { parseExact } from '../../model/json/index.ts'
import { redactor } from '../../model/redact/index.ts'
import type { JudgeContext } from '../rest/judge.ts'
import { heardInAnswer } from './cost.ts'
import { judgeGraphql } from './judge.ts'

const NOW = Date.UTC(2026, 0, 1)
const judge = (answer: unknown, status = 200, { partial = 'fail' as 'fail' | 'keep', records = 'data.orders.nodes', headers = {} as JudgeContext['headers'] } = {}) =>
  judgeGraphql({ partial }, records)(parseExact(Buffer.from(JSON.stringify(answer)), { revive: false }), { status, headers, nowMs: NOW, redactor })
const one = (message: string, more: object = {}): object => ({ errors: [{ message, ...more }], data: null })
const code = (name: string): object => one('no', { extensions: { code: name }, path: ['orders'] })

/** Answers as their servers' documentation, source or issues show them. */
const cases: [string, object, number, string][] = [
  ['Shopify: throttled', { errors: [{ message: 'Throttled', extensions: { code: 'THROTTLED' } }] }, 200, 'throttled'],
  ['Shopify: no access to a field', code('ACCESS_DENIED'), 200, 'permission'],
  ['Shopify: wrong token, errors is a text', { errors: '[API] Invalid API key or access token (unrecognized login or wrong password)' }, 401, 'authRequired'],
  ['Shopify: errors is an object', { errors: { query: 'Required parameter missing or invalid' } }, 400, 'refused'],
  ['Shopify: too dear', code('MAX_COST_EXCEEDED'), 200, 'refused'],
  ['GitHub: rate limited', { errors: [{ type: 'RATE_LIMITED', message: 'API rate limit exceeded for user ID 1.' }] }, 200, 'throttled'],
  ['GitHub: scopes', { errors: [{ type: 'INSUFFICIENT_SCOPES', message: "Your token has not been granted the required scopes" }] }, 200, 'permission'],
  ['GitHub: forbidden', { data: { orders: null }, errors: [{ type: 'FORBIDDEN', path: ['orders'], message: 'Resource not accessible by integration' }] }, 200, 'permission'],
  ['GitHub: not found', { data: { orders: null }, errors: [{ type: 'NOT_FOUND', path: ['orders'], message: 'Could not resolve to a Repository' }] }, 200, 'refused'],
  ['GitHub: a time-out', { data: null, errors: [{ message: 'Something went wrong while executing your query. This may be the result of a timeout' }] }, 200, 'transient'],
  ['Apollo: not signed in', code('UNAUTHENTICATED'), 200, 'authRequired'],
  ['Apollo: forbidden', code('FORBIDDEN'), 200, 'permission'],
  ['Apollo: internal', code('INTERNAL_SERVER_ERROR'), 500, 'transient'],
  ['Apollo: syntax', one('Syntax Error: Expected Name', { extensions: { code: 'GRAPHQL_PARSE_FAILED' } }), 400, 'refused'],
  ['Apollo: validation', one('Cannot query field "throttled"', { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }), 400, 'refused'],
  ['yoga: validation without a code', { errors: [{ message: 'Cannot query field "unauthenticated" on type "Query".', locations: [{ line: 1, column: 3 }] }] }, 200, 'refused'],
  ['yoga: a status in extensions', one('Nope', { extensions: { http: { status: 401 } } }), 200, 'authRequired'],
  ['Hasura: JWT', one('Could not verify JWT: JWTExpired', { extensions: { path: '$', code: 'invalid-jwt' } }), 200, 'authRequired'],
  ['Hasura: role', one('permission denied', { extensions: { code: 'permission-error' } }), 200, 'permission'],
  ['Linear', one('Rate limit exceeded', { extensions: { type: 'ratelimited', code: 'RATELIMITED' } }), 400, 'throttled'],
  ['AppSync: field', { data: null, errors: [{ path: ['orders'], errorType: 'Unauthorized', message: 'Not Authorized to access orders on type Query' }] }, 200, 'permission'],
  ['AppSync: request', { errors: [{ errorType: 'UnauthorizedException', message: 'Token has expired.' }] }, 401, 'authRequired'],
  ['DGS', one('busy', { extensions: { errorType: 'UNAVAILABLE' } }), 200, 'transient'],
  ['a field failed, nobody knows why', { data: { orders: { nodes: [null] } }, errors: [{ message: 'boom', path: ['orders', 'nodes', 0] }] }, 200, 'transient'],
  ['data is null and nothing says why', { data: null }, 200, 'transient'],
  ['an error without anything', { errors: [{}], data: { orders: { nodes: [] } } }, 200, 'refused'],
]
it.each(cases)('%s', (_name, answer, status, kind) => {
  expect(judge(answer, status)?.verdict.kind).toBe(kind)
})

it('says nothing of answers without errors, whatever stands in their place', () => {
  for (const answer of [{ data: { orders: { nodes: [] } } }, { data: { a: 1 }, errors: [] }, { data: { a: 1 }, errors: null }, [], 'text', null]) expect(judge(answer)).toBeNull()
})

it('tells the first of the worst errors, where it is, and how many more there are', () => {
  const answer = { data: null, errors: [{ message: 'a\nb', path: ['orders', 'nodes', 3, 'x'] }, { message: 'no right', path: ['orders'], extensions: { code: 'FORBIDDEN' } }, { message: 'c' }] }
  expect(judge(answer)?.verdict).toEqual({ kind: 'permission', reason: 'HTTP 200: FORBIDDEN: no right (at orders), and 2 more' })
  expect(judge({ errors: [{ message: 'x'.repeat(5000) }] })?.verdict).toMatchObject({ reason: expect.stringMatching(/^.{1,300}$/) })
})

it('keeps partial data only for errors inside single records', () => {
  const nodes = (path: unknown, data: unknown = { orders: { nodes: [{ id: 1 }, null] } }) => judge({ data, errors: [{ message: 'm', path }] }, 200, { partial: 'keep' })
  expect(nodes(['orders', 'nodes', 1])).toMatchObject({ verdict: { kind: 'ok' }, notice: expect.stringContaining('orders.nodes.1') })
  expect(nodes(['orders', 'nodes', 0, 'customer', 'email'])?.verdict.kind).toBe('ok')
  for (const path of [['orders', 'nodes'], ['orders', 'pageInfo'], ['orders'], ['other', 'nodes', 1], undefined, []]) expect(nodes(path)?.verdict.kind).not.toBe('ok')
  expect(nodes(['orders', 'nodes', 0], { orders: { nodes: null } })?.verdict.kind).not.toBe('ok')
  expect(nodes(['orders', 'nodes', 0], { orders: null })?.verdict.kind).not.toBe('ok')
  const edges = (path: unknown) => judge({ data: { orders: { edges: [{ node: null }] } }, errors: [{ message: 'm', path }] }, 200, { partial: 'keep', records: 'data.orders.edges.*.node' })
  expect(edges(['orders', 'edges', 0, 'node'])?.verdict.kind).toBe('ok')
  expect(edges(['orders', 'edges', 0])?.verdict.kind).not.toBe('ok')
  expect(judge({ data: { orders: { nodes: [] } }, errors: [{ message: 'm', path: ['orders', 'nodes', 0], extensions: { code: 'THROTTLED' } }] }, 200, { partial: 'keep' })?.verdict.kind).toBe('throttled')
})

it('waits as long as the bucket, a header or the error says', () => {
  const cost = (requested: number, available: number) => ({ errors: [{ message: 'Throttled', extensions: { code: 'THROTTLED' } }], extensions: { cost: { requestedQueryCost: requested, actualQueryCost: null, throttleStatus: { maximumAvailable: 1000.0, currentlyAvailable: available, restoreRate: 50.0 } } } })
  expect(judge(cost(502, 2))?.verdict).toMatchObject({ kind: 'throttled', untilMs: NOW + 10_050 })
  expect(judge(cost(1200, 900))?.verdict).toMatchObject({ kind: 'refused', reason: expect.stringContaining('fewer') })
  expect(judge(code('RATE_LIMITED'), 200, { headers: { 'retry-after': '7' } })?.verdict).toMatchObject({ untilMs: NOW + 7_000 })
  expect(judge(one('Complexity budget exhausted, query cost 30001 budget remaining 29991 out of 1000000 reset in 23 seconds', { extensions: { code: 'ComplexityException' } }))?.verdict).toMatchObject({ kind: 'throttled', untilMs: NOW + 23_000 })
  expect(judge(code('THROTTLED'))?.verdict).toMatchObject({ kind: 'throttled', untilMs: null })
  expect(heardInAnswer(cost(502, 2), NOW)?.cost).toEqual({ max: 1000, rate: 50, available: 2, requested: 502, actual: 0 })
  expect(heardInAnswer({ data: { rateLimit: { limit: 5000, cost: 2, remaining: 101, resetAt: '2026-01-01T00:30:00Z' } } }, NOW)).toEqual({ windows: [{ requests: 2500, ms: 3_600_000 }], guessed: false, remaining: 50, resetMs: 1_800_000 })
  expect(heardInAnswer({ data: null, extensions: { cost: { requestedQueryCost: 1 } } }, NOW)).toBeNull()
})
