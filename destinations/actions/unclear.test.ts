import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ActionInput } from '../../model/action.ts'
import type { PostResult } from '../../model/run.ts'
import { json, testServer, type Seen, type TestServer } from '../../protocols/testing/server.ts'
import { openActions, type Actions } from './index.ts'
import { actionPlan, migrated, openAction } from '../../test/support/action-destination.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { chunkOf, column } from '../../test/support/stream-plan.ts'
import { deliveryLedger } from '../../store/index.ts'

/** Results that nobody got to know. Oracle: what the API holds. */
let database: TestDatabase
let db: pg.Pool
/** Connections to the database that outlive the deaths: opening them would be most of the test's time. */
let actions: Actions
beforeAll(async () => {
  database = await testDatabase()
  db = new pg.Pool({ connectionString: database.url, max: 2 })
  await migrated(database.url)
  actions = openActions(database.url)
})
afterAll(async () => {
  await actions?.close()
  await db?.end()
  await database?.close()
})

/** An API that creates what it is sent, and knows keys when it is asked to. */
class Api {
  server!: TestServer
  /** Ids of what was created, in order: an id that stands here twice is a duplicate. */
  readonly created: number[] = []
  readonly keys = new Map<string, string>()
  lookups = 0
  /** What happens to the answer of a request that was committed. */
  fate: (res: ServerResponse) => 'answer' | 'gone' = () => 'answer'

  readonly knowsKeys: boolean

  constructor(knowsKeys: boolean) {
    this.knowsKeys = knowsKeys
  }

  async start(): Promise<this> {
    this.server = await testServer((req, res) => this.#handle(req, res))
    return this
  }

  #handle(req: Seen, res: ServerResponse): void {
    if (req.method === 'GET') {
      this.lookups += 1
      const id = Number(req.query.get('external_id'))
      return json(res, { data: this.created.includes(id) ? [{ id: `r${id}`, external_id: id }] : [] })
    }
    const key = String(req.headers['idempotency-key'])
    const body = JSON.parse(req.body) as { id: number } | { items: { id: number }[] }
    const items = 'items' in body ? body.items : [body]
    const known = this.knowsKeys ? this.keys.get(key) : undefined
    if (known !== undefined && known !== req.body) return json(res, { error: 'key with another body' }, 422)
    if (known === undefined) this.created.push(...items.map((i) => i.id))
    this.keys.set(key, req.body)
    if (this.fate(res) === 'gone') return void res.socket?.destroy()
    json(res, { results: items.map((i) => ({ id: `r${i.id}` })) }, 201)
  }

  get duplicates(): number {
    return this.created.length - new Set(this.created).size
  }
}

const columns = [column('id', 'integer'), column('name', 'text')]
const lookup = { path: '/contacts', query: { external_id: '{id}' }, records: 'data', match: { external_id: '{id}' }, settle: '0s', id: 'id' } as const
const ids = (n: number): unknown[][] => Array.from({ length: n }, (_, i) => [i + 1, 'a'])

/** Posts one chunk until it is committed, each attempt as a process of its own that dies as soon as `dies` says so. */
async function untilDone(api: Api, action: Omit<ActionInput, 'name'>, rows: unknown[][], kills: number): Promise<{ result: PostResult; kills: number; notes: string[] }> {
  const plan = actionPlan(api.server.url, action, { columns }, { concurrency: 2 })
  const streamKey = `s/${randomUUID()}`
  const run = randomUUID()
  const first = openAction(database.url, plan, { streamKey, actions })
  const { epoch } = await first.destination.begin(plan, streamKey, run)
  await first.close()
  const [request, path] = await chunkOf(rows, { plan, streamKey, epoch, seq: 1 })
  let left = kills
  const notes: string[] = []
  for (;;) {
    const one = openAction(database.url, plan, { streamKey, actions })
    const death = new AbortController()
    // Committed at the API; the process dies before it can know.
    api.fate = () => {
      if (left <= 0 || death.signal.aborted) return death.signal.aborted ? 'gone' : 'answer'
      left -= 1
      death.abort()
      return 'gone'
    }
    try {
      const result = await one.destination.post(request, path, death.signal)
      if (result.stop === null) return { result, kills: kills - left, notes: [...notes, ...one.notes] }
    } catch (error) {
      if (!death.signal.aborted) throw error
    } finally {
      notes.push(...one.notes)
      await one.close()
    }
  }
}

describe('500 deaths between POST and reply', () => {
  it.each([
    ['idempotency key', true, { path: '/contacts', idempotency: { header: 'Idempotency-Key' } }],
    ['look-up', false, { path: '/contacts', lookup }],
  ] as const)('creates nothing twice with %s', async (_name, knowsKeys, action) => {
    const api = await new Api(knowsKeys).start()
    const rows = 800
    const { result, kills } = await untilDone(api, action, ids(rows), 500)
    await api.server.close()
    expect(kills).toBe(500)
    expect(result).toMatchObject({ inserted: rows, updated: 0, unchanged: 0, refused: 0 })
    expect(new Set(api.created).size).toBe(rows)
    expect(api.duplicates).toBe(0)
    // The fault fired: requests were repeated, or looked up.
    expect(knowsKeys ? api.server.seen.length - rows : api.lookups).toBeGreaterThanOrEqual(490)
  }, 240_000)

  it.each([
    ['idempotency key', true, { idempotency: { header: 'Idempotency-Key' } }],
    ['look-up', false, { lookup }],
  ] as const)('creates nothing twice in batches with %s', async (_name, knowsKeys, action) => {
    const api = await new Api(knowsKeys).start()
    const { result, kills } = await untilDone(api, { path: '/contacts', batch: { size: 7, records: 'items', results: 'results' }, ...action }, ids(300), 30)
    await api.server.close()
    expect(kills).toBe(30)
    expect(result).toMatchObject({ inserted: 300, refused: 0 })
    expect(api.created).toHaveLength(300)
  }, 120_000)

  it('counts what may be doubled where the API offers neither', async () => {
    const api = await new Api(false).start()
    const { result, kills, notes } = await untilDone(api, { path: '/contacts' }, ids(100), 25)
    await api.server.close()
    expect(kills).toBe(25)
    expect(result).toMatchObject({ inserted: 100 })
    expect(api.duplicates).toBeGreaterThan(0)
    const uncertain = Number(/uncertain: (\d+)/.exec(notes.at(-1) ?? '')?.[1])
    expect(uncertain).toBeGreaterThanOrEqual(api.duplicates)
    expect(Number((await db.query('select sum(uncertain) as n from isthmus.deliveries')).rows[0].n)).toBe(uncertain)
  }, 60_000)
})

describe('answers that get lost while the process lives', () => {
  it.each([
    ['cut off', (res: ServerResponse) => (res.socket?.destroy(), 'gone' as const)],
    ['500 after the commit', (res: ServerResponse) => (json(res, {}, 500), 'gone' as const)],
  ])('%s: looked up before it is sent again', async (_name, lose) => {
    const api = await new Api(false).start()
    let nth = 0
    api.fate = (res) => ((nth += 1) % 4 === 0 ? lose(res) : 'answer')
    const plan = actionPlan(api.server.url, { path: '/contacts', lookup }, { columns })
    const one = openAction(database.url, plan, { streamKey: 's/lost' + _name })
    const { epoch } = await one.destination.begin(plan, 's/lost' + _name, 'r')
    const result = await one.destination.post(...(await chunkOf(ids(40), { plan, streamKey: 's/lost' + _name, epoch, seq: 1 })))
    await one.close()
    await api.server.close()
    expect(result).toMatchObject({ inserted: 40, stop: null })
    expect(api.created).toHaveLength(40)
    expect(api.lookups).toBe(10)
  }, 60_000)

  it('waits until a look-up can be trusted: the request may still be under way', async () => {
    const api = await new Api(false).start()
    // The first request takes 600 ms at the API, and its sender dies meanwhile.
    const slow = await testServer((req, res) => {
      if (req.method === 'GET' || api.keys.size > 0) return void forward(api, req, res)
      api.keys.set('begun', '')
      setTimeout(() => forward(api, req, res), 600)
    })
    const plan = actionPlan(slow.url, { path: '/contacts', lookup: { ...lookup, settle: '1s' } }, { columns })
    const [first, second] = [openAction(database.url, plan, { streamKey: 's/slow' }), openAction(database.url, plan, { streamKey: 's/slow' })]
    const { epoch } = await first.destination.begin(plan, 's/slow', 'r')
    const [request, path] = await chunkOf(ids(1), { plan, streamKey: 's/slow', epoch, seq: 1 })
    const death = new AbortController()
    const dying = first.destination.post(request, path, death.signal).catch(() => 'dead')
    while (api.keys.size === 0) await new Promise((r) => setTimeout(r, 10))
    death.abort()
    expect(await dying).toBe('dead')
    const result = await second.destination.post(request, path, new AbortController().signal)
    await Promise.all([first.close(), second.close(), slow.close(), api.server.close()])
    expect(result).toMatchObject({ inserted: 1 })
    expect(api.created).toEqual([1])
  }, 30_000)
})

function forward(api: Api, req: Seen, res: ServerResponse): void {
  if (req.method === 'GET') return json(res, { data: api.created.includes(Number(req.query.get('external_id'))) ? [{ external_id: Number(req.query.get('external_id')) }] : [] })
  api.created.push((JSON.parse(req.body) as { id: number }).id)
  if (!res.destroyed) json(res, {}, 201)
}

describe('an attempt that was replaced', () => {
  it('can begin nothing more, and what it delivered counts', async () => {
    const ledger = deliveryLedger(db)
    const scope = { stream: 's/z', target: 'crm/c' }
    const [zombie, heir] = [{ of: 's/z', attempt: 'zombie' }, { of: 's/z', attempt: 'heir' }]
    const start = { record: '["1"]', turn: 1, version: 'v', key: 'k', place: 0, effect: 'inserted', mark: null, uncertain: false } as const
    await ledger.hold(zombie)
    await ledger.begin(scope, zombie, '1/1', [start])
    await ledger.hold(heir)
    await expect(ledger.begin(scope, zombie, '1/1', [{ ...start, record: '["2"]' }])).rejects.toMatchObject({ type: 'Fenced' })
    await ledger.end(scope, zombie, [{ record: '["1"]', turn: 1, state: 'unsent', remoteId: null, reason: '' }])
    expect((await ledger.latest(scope, ['["1"]', '["2"]'])).get('["1"]')).toMatchObject({ state: 'pending' })
    await ledger.end(scope, zombie, [{ record: '["1"]', turn: 1, state: 'delivered', remoteId: 'x', reason: '' }])
    expect((await ledger.latest(scope, ['["1"]', '["2"]']))).toMatchObject(new Map([['["1"]', expect.objectContaining({ state: 'delivered', remoteId: 'x' })]]))
    await expect(ledger.begin(scope, heir, '1/1', [start])).rejects.toMatchObject({ type: 'Transient' })
  })
})
