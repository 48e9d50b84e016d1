import type { ServerResponse } from 'node:http'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ActionInput } from '../../model/action.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { PostResult, RefusedRow } from '../../model/run.ts'
import type { SourceInput } from '../../model/source.ts'
import { json, testServer, type Seen, type TestServer } from '../../protocols/testing/server.ts'
import { actionPlan, migrated, openAction, type OpenedAction } from '../../test/support/action-destination.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { chunkOf, column } from '../../test/support/stream-plan.ts'

let database: TestDatabase
let db: pg.Pool
const open: { close(): Promise<unknown> }[] = []
const keep = <T extends { close(): Promise<unknown> }>(thing: T): T => (open.push(thing), thing)

beforeAll(async () => {
  database = await testDatabase()
  db = new pg.Pool({ connectionString: database.url, max: 2 })
  await migrated(database.url)
})
afterEach(async () => {
  await Promise.all(open.splice(0).reverse().map((o) => o.close()))
  await db.query('truncate isthmus.deliveries, isthmus.delivery_holders')
})
afterAll(async () => {
  await db?.end()
  await database?.close()
})

const columns = [column('id', 'integer'), column('name', 'text', true), column('amount', 'decimal', true)]
const planOf = (url: string, action: Omit<ActionInput, 'name'>, source: Partial<SourceInput> = {}): StreamPlan => actionPlan(url, action, { columns }, source)

interface Sent {
  result: PostResult
  refused: RefusedRow[]
  one: OpenedAction
  streamKey: string
  /** Posts rows as the next chunk of the same run. */
  next(rows: unknown[][]): Promise<PostResult>
}

async function send(plan: StreamPlan, rows: unknown[][], options: { streamKey?: string; run?: string } = {}): Promise<Sent> {
  const streamKey = options.streamKey ?? `s/${randomUUID()}`
  const one = keep(openAction(database.url, plan, { streamKey }))
  const { epoch } = await one.destination.begin(plan, streamKey, options.run ?? randomUUID())
  const refused: RefusedRow[] = []
  let seq = 0
  const next = async (more: unknown[][]): Promise<PostResult> =>
    one.destination.post(...(await chunkOf(more, { plan, streamKey, epoch, seq: (seq += 1) })), async (r) => void refused.push(...r))
  return { result: await next(rows), refused, one, streamKey, next }
}

const bodies = (server: TestServer): unknown[] => server.seen.filter((s) => s.method !== 'GET').map((s) => JSON.parse(s.body))
const server = async (handle: (req: Seen, res: ServerResponse, nth: number) => unknown): Promise<TestServer> => {
  let nth = 0
  return keep(await testServer((req, res) => handle(req, res, (nth += 1))))
}
const created = (_: Seen, res: ServerResponse, nth: number): void => json(res, { id: `r${nth}` }, 201)

describe('what is sent', () => {
  it('posts each record once with its columns as exact JSON, and a changed one again under another key', async () => {
    const api = await server(created)
    const plan = planOf(api.url, { path: '/contacts', id: 'id', idempotency: { header: 'Idempotency-Key' } }, { concurrency: 1 })
    const first = await send(plan, [['9007199254740993', 'a\tb', '12.50'], [2, null, '0.00']])
    expect(first.result).toMatchObject({ inserted: 2, updated: 0, unchanged: 0, refused: 0, stop: null })
    expect(api.seen.map((s) => s.body)).toEqual(['{"id":9007199254740993,"name":"a\\tb","amount":12.50}', '{"id":2,"name":null,"amount":0.00}'])
    expect((await db.query('select record, state, remote_id from isthmus.deliveries order by record')).rows).toEqual([
      { record: '["2"]', state: 'delivered', remote_id: 'r2' }, { record: '["9007199254740993"]', state: 'delivered', remote_id: 'r1' },
    ])
    expect(await first.next([[2, null, '0.00'], [2, 'new', '0.00']])).toMatchObject({ updated: 2, unchanged: 0 })
    // Back to what it was: a version of its own, under a key of its own.
    expect(await first.next([[2, null, '0.00']])).toMatchObject({ updated: 1 })
    expect(await first.next([[2, null, '0.00']])).toMatchObject({ unchanged: 1 })
    expect(api.seen).toHaveLength(4)
    expect(new Set(api.seen.map((s) => s.headers['idempotency-key'])).size).toBe(4)
  })

  it('fills path, query, headers and body, and refuses a record that would lead elsewhere', async () => {
    const api = await server(created)
    const plan = actionPlan(api.url, {
      path: '/c/{name}', method: 'PUT', query: { q: '{id}' }, headers: { 'X-Name': 'n {id}' }, body: { nested: [{ id: '{id}', text: 'no {id} {name}' }], amount: '{amount}' }, idempotency: { field: 'externalId' },
    }, { columns })
    const { result, refused } = await send(plan, [[1, 'a/b?c', '1.0'], [2, '..', '2'], [3, null, '3']])
    expect(result).toMatchObject({ inserted: 1, refused: 2 })
    expect(api.seen).toHaveLength(1)
    expect(api.seen[0]).toMatchObject({ method: 'PUT', path: '/c/a%2Fb%3Fc' })
    expect(api.seen[0]!.query.get('q')).toBe('1')
    expect(api.seen[0]!.headers['x-name']).toBe('n 1')
    expect(bodies(api)).toEqual([{ nested: [{ id: 1, text: 'no 1 a/b?c' }], amount: 1, externalId: expect.stringMatching(/^[0-9a-f-]{36}$/) }])
    expect(refused.map((r) => [r.line, r.field])).toEqual([[2, ''], [3, 'name']])
  })

  it('deletes with the method, and takes 404 for done', async () => {
    const api = await server((req, res) => json(res, {}, req.path.endsWith('2') ? 404 : 200))
    const { result } = await send(planOf(api.url, { path: '/c/{id}', method: 'DELETE' }), [[1, null, null], [2, null, null]])
    expect(result).toMatchObject({ deleted: 2 })
    expect(api.seen.every((s) => s.body === '')).toBe(true)
  })
})

describe('answers', () => {
  it('sets refused records aside, also those inside a 200, and tells the same ones again', async () => {
    const api = await server((req, res) => {
      const { id } = JSON.parse(req.body) as { id: number }
      if (id === 2) return json(res, { message: 'no such town' }, 422)
      json(res, id === 3 ? { ok: false, message: 'closed period' } : { ok: true })
    })
    const plan = planOf(api.url, { path: '/c', success: { path: 'ok', in: [true] }, reason: 'message' })
    const run = randomUUID()
    const first = await send(plan, [[1, 'a', 1], [2, 'b', 2], [3, 'c', 3]], { run })
    expect(first.result).toMatchObject({ inserted: 1, refused: 2 })
    expect(first.refused.map((r) => r.reason)).toEqual(['The API refused the record: HTTP 422: no such town', 'The API refused the record: closed period'])
    // The answer of the step was lost: told again, nothing sent again.
    const again = keep(openAction(database.url, plan, { streamKey: first.streamKey }))
    const { epoch } = await again.destination.begin(plan, first.streamKey, run)
    expect(await again.destination.post(...(await chunkOf([[1, 'a', 1], [2, 'b', 2], [3, 'c', 3]], { plan, streamKey: first.streamKey, epoch, seq: 1 })))).toMatchObject({ repeated: true, refused: 2 })
    expect(api.seen).toHaveLength(3)
  })

  it('takes a repeated key for done where the plan says so', async () => {
    const api = await server((_, res) => json(res, { error: 'this key was used' }, 409))
    expect((await send(planOf(api.url, { path: '/c', idempotency: { header: 'Idempotency-Key', repeated: [409] } }), [[1, 'a', 1]])).result).toMatchObject({ inserted: 1, refused: 0 })
  })

  it('gives long waits, refused tokens and outages back, and goes on from the ledger', async () => {
    let mode = 'wait'
    const api = await server((req, res) => {
      const { id } = JSON.parse(req.body) as { id: number }
      if (id <= 2 || mode === 'fine') return json(res, {}, 201)
      if (mode === 'wait') return json(res, {}, 429, { 'retry-after': '60' })
      json(res, {}, mode === 'down' ? 502 : 403)
    })
    const plan = planOf(api.url, { path: '/c', idempotency: { header: 'Idempotency-Key' } }, { concurrency: 1 })
    const rows = [1, 2, 3, 4].map((id) => [id, 'a', 1])
    const streamKey = `s/${randomUUID()}`
    const run = randomUUID()
    const post = async (): Promise<PostResult> => {
      const one = keep(openAction(database.url, plan, { streamKey }))
      const { epoch } = await one.destination.begin(plan, streamKey, run)
      return one.destination.post(...(await chunkOf(rows, { plan, streamKey, epoch, seq: 1 })))
    }
    expect(await post()).toMatchObject({ inserted: 2, stop: { kind: 'throttled', reason: expect.stringContaining('429') } })
    mode = 'down'
    expect(await post()).toMatchObject({ inserted: 2, stop: { kind: 'interrupted', type: 'Transient', reason: expect.stringContaining('502') } })
    mode = 'forbidden'
    expect(await post()).toMatchObject({ inserted: 2, stop: { kind: 'refused', type: 'PermissionDenied', field: 'to' } })
    mode = 'fine'
    expect(await post()).toMatchObject({ inserted: 4, stop: null })
    expect(api.seen.filter((s) => JSON.parse(s.body).id <= 2)).toHaveLength(2)
    // Every try of a record had the key of the first.
    for (const id of [3, 4]) expect(new Set(api.seen.filter((s) => JSON.parse(s.body).id === id).map((s) => s.headers['idempotency-key'])).size).toBe(1)
  })

  it('tells which token was refused, and never follows a redirect', async () => {
    const api = await server((req, res) => (req.path === '/moved' ? json(res, {}, 307, { location: '/c' }) : json(res, {}, 401)))
    const auth = { kind: 'signedJwt', key: { env: 'K' } } as const
    const plan = planOf(api.url, { path: '/c' }, { auth })
    const streamKey = `s/${randomUUID()}`
    const token = { version: 7, accessToken: 'tok', expiresAt: null, refreshToken: null }
    const one = keep(openAction(database.url, plan, { streamKey, token: async () => token }))
    const { epoch } = await one.destination.begin(plan, streamKey, 'r')
    expect(await one.destination.post(...(await chunkOf([[1, 'a', 1]], { plan, streamKey, epoch, seq: 1 })))).toMatchObject({ stop: { kind: 'authRequired', version: 7 } })
    expect(api.seen[0]!.headers.authorization).toBe('Bearer tok')
    expect((await send(planOf(api.url, { path: '/moved' }), [[1, 'a', 1]])).result).toMatchObject({ stop: { kind: 'refused', type: 'Contract' } })
    expect(api.seen.filter((s) => s.path === '/c')).toHaveLength(1)
  })
})

describe('batches', () => {
  const action = { path: '/batch', batch: { size: 3, records: 'items', results: 'results' }, idempotency: { header: 'Idempotency-Key' }, id: 'id' } as const

  it('reads a result for each record, and sends those that were refused again, alone', async () => {
    const api = await server((req, res) => {
      const { items } = JSON.parse(req.body) as { items: { id: number }[] }
      json(res, { results: items.map((i) => (i.id === 2 && items.length > 1 ? { error: 'busy' } : i.id === 5 ? { status: 422, error: { message: 'bad' } } : { id: `r${i.id}` })) }, 207)
    })
    const { result, refused } = await send(planOf(api.url, action, { concurrency: 1 }), [1, 2, 3, 4, 5].map((id) => [id, 'a', 1]))
    expect(result).toMatchObject({ inserted: 4, refused: 1 })
    expect(refused).toMatchObject([{ line: 5 }])
    const sizes = (bodies(api) as { items: unknown[] }[]).map((b) => b.items.length)
    expect(sizes.sort()).toEqual([1, 1, 2, 3])
  })

  it('splits a batch that is refused as a whole', async () => {
    const api = await server((req, res) => {
      const { items } = JSON.parse(req.body) as { items: { id: number }[] }
      if (items.some((i) => i.id === 2)) return json(res, { error: 'item 1: amount is missing' }, 400)
      json(res, { results: items.map((i) => ({ id: i.id })) })
    })
    const { result, refused } = await send(planOf(api.url, action, { concurrency: 1 }), [1, 2, 3, 4].map((id) => [id, 'a', 1]))
    expect(result).toMatchObject({ inserted: 3, refused: 1 })
    expect(refused).toMatchObject([{ line: 2, reason: expect.stringContaining('amount is missing') }])
  })

  it('repeats a batch as it was after an answer that never came', async () => {
    const done = new Map<string, string>()
    const api = await server((req, res, nth) => {
      const key = String(req.headers['idempotency-key'])
      // A key with another body is a fault of ours.
      if ((done.get(key) ?? req.body) !== req.body) return json(res, {}, 422)
      done.set(key, req.body)
      if (nth <= 2) return res.socket!.destroy()
      json(res, { results: (JSON.parse(req.body) as { items: { id: number }[] }).items.map((i) => ({ id: i.id })) })
    })
    const { result } = await send(planOf(api.url, action, { concurrency: 2 }), [1, 2, 3, 4, 5, 6, 7].map((id) => [id, 'a', 1]))
    expect(result).toMatchObject({ inserted: 7, refused: 0, stop: null })
    expect(done.size).toBe(3)
    expect([...done.values()].flatMap((b) => (JSON.parse(b) as { items: { id: number }[] }).items.map((i) => i.id)).sort()).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  it('finds results by key', async () => {
    const api = await server((req, res) => {
      const { items } = JSON.parse(req.body) as { items: { id: number }[] }
      json(res, { results: items.map((i) => ({ ref: i.id, ...(i.id === 1 && { error: 'x' }) })).reverse() })
    })
    const { result, refused } = await send(planOf(api.url, { ...action, batch: { ...action.batch, key: { result: 'ref', column: 'id' } } }), [1, 2, 3].map((id) => [id, 'a', 1]))
    expect(result).toMatchObject({ inserted: 2, refused: 1 })
    expect(refused).toMatchObject([{ line: 1 }])
  })
})

describe('apply', () => {
  it('tells first, then sends what is not there yet, and nothing twice', async () => {
    const api = await server(created)
    const plan = planOf(api.url, { path: '/c', idempotency: { header: 'Idempotency-Key' } })
    const { one, streamKey } = await send(plan, [[1, 'a', 1]])
    const again = keep(openAction(database.url, plan, { streamKey }))
    const rows = [[1, 'a', 1], [2, 'b', 2], [1, 'c', 3]]
    const apply = async (dry: boolean) => {
      const [request, path, signal] = await chunkOf(rows, { plan, streamKey, epoch: 0, seq: 0 })
      return again.destination.apply({ plan, rows: request.rows, dry, newest: null, once: null }, path, signal)
    }
    expect(await apply(true)).toMatchObject({ inserted: 1, updated: 2, unchanged: 0, samples: [{ key: { id: '1' }, after: { name: 'c' } }, { key: { id: '2' } }] })
    expect(api.seen).toHaveLength(1)
    expect(await apply(false)).toMatchObject({ inserted: 1, updated: 2 })
    await apply(false)
    expect(api.seen).toHaveLength(3)
    await one.close()
    open.splice(open.indexOf(one), 1)
  })

  it('leaves out what is older than what was delivered, and tries a refused record again', async () => {
    let refuse = true
    const api = await server((req, res) => (refuse && JSON.parse(req.body).id === 3 ? json(res, { error: 'not yet' }, 422) : json(res, {}, 201)))
    const plan = actionPlan(api.url, { path: '/c', idempotency: { header: 'Idempotency-Key' } }, { columns, incremental: { field: 'amount' } })
    const { one } = await send(plan, [[1, 'new', 5], [2, 'old', 5]], { streamKey: 's/older' })
    const apply = async (rows: unknown[][]) => {
      const [request, path, signal] = await chunkOf(rows, { plan, streamKey: 's/older', epoch: 0, seq: 0 })
      return one.destination.apply({ plan, rows: request.rows, dry: false, newest: 'amount', once: null }, path, signal)
    }
    const rows = [[1, 'stale', 4], [2, 'fresh', 6], [3, 'c', 1]]
    expect(await apply(rows)).toMatchObject({ inserted: 0, updated: 1, unchanged: 1, refused: 1, older: [1] })
    refuse = false
    expect(await apply(rows)).toMatchObject({ inserted: 1, refused: 0, older: [1] })
    expect(api.seen.map((s) => JSON.parse(s.body).name).sort()).toEqual(['c', 'c', 'fresh', 'new', 'old'])
    expect(new Set(api.seen.filter((s) => JSON.parse(s.body).id === 3).map((s) => s.headers['idempotency-key'])).size).toBe(2)
  })
})
