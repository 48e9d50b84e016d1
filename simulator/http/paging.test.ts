import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Simulator } from '../server.ts'
import { startSimulator } from '../server.ts'
import { get, postJson } from '../testing/client.ts'

type Row = { id: string; updated_at: string }
let sim: Simulator
const N = 1037
beforeAll(async () => void (sim = await startSimulator({ records: { customers: N, invoices: N, transactions: N } })))
afterAll(() => sim.close())

const json = async (path: string) => JSON.parse((await get(sim, path)).text)
/** Reads a collection to its end in one style. */
const readers: Record<string, (collection: string, more?: string) => Promise<Row[]>> = {
  async page(c, more = '') {
    const rows: Row[] = []
    for (let page = 1, pages = 1; page <= pages; page++) {
      const body = await json(`/page/${c}?page=${page}&per_page=100${more}`)
      rows.push(...body.data)
      pages = body.total_pages
      expect(body).toMatchObject({ page, per_page: 100 })
    }
    return rows
  },
  async offset(c, more = '') {
    const rows: Row[] = []
    for (let total = 1; rows.length < total; ) {
      const body = await json(`/offset/${c}?offset=${rows.length}&limit=100${more}`)
      total = body.total
      if (body.items.length === 0) break
      rows.push(...body.items)
    }
    return rows
  },
  async cursor(c, more = '') {
    const rows: Row[] = []
    for (let after: string | null = ''; after !== null; ) {
      const body: any = await json(`/cursor/${c}?limit=100${more}${after ? `&after=${after}` : ''}`)
      rows.push(...body.result.records)
      after = body.meta.next_cursor
      expect(body.meta.has_more).toBe(after !== null)
    }
    return rows
  },
  async link(c, more = '') {
    const rows: Row[] = []
    for (let url: string | undefined = `/link/${c}?per_page=100${more}`; url; ) {
      const answer = await get(sim, url)
      rows.push(...JSON.parse(answer.text))
      url = /<([^>]+)>; rel="next"/.exec(answer.headers['link'] ?? '')?.[1]
    }
    return rows
  },
  async nexturl(c, more = '') {
    const rows: Row[] = []
    for (let url: string | null = `/nexturl/${c}?limit=100${more}`; url !== null; ) {
      const body: any = await json(url)
      rows.push(...body.value)
      url = body.next
    }
    return rows
  },
}

describe.each(Object.keys(readers))('paging by %s', (style) => {
  it.each(['customers', 'invoices', 'transactions'] as const)('gives every one of the %s once, in order', async (c) => {
    const rows = await readers[style]!(c)
    expect(rows).toEqual(Array.from({ length: N }, (_, i) => JSON.parse(sim.record(c, i)!)))
  })

  it('filters by updated_since and updated_before', async () => {
    const all = await readers[style]!('transactions')
    const since = all[500]!.updated_at
    const before = all[800]!.updated_at
    expect(await readers[style]!('transactions', `&updated_since=${since}`)).toEqual(all.filter((r) => r.updated_at >= since))
    expect(await readers[style]!('transactions', `&updated_since=${since}&updated_before=${before}`)).toEqual(all.filter((r) => r.updated_at >= since && r.updated_at < before))
    expect(await readers[style]!('transactions', '&updated_since=2031-01-01')).toEqual([])
  })
})

describe('parameters', () => {
  it('cut the page down to the largest, and default', async () => {
    expect((await json('/page/invoices?per_page=5000')).data).toHaveLength(1000)
    expect((await json('/page/invoices')).data).toHaveLength(100)
    expect((await json('/page/invoices?page=99')).data).toEqual([])
    expect((await json('/page/invoices?what=ever')).page).toBe(1)
  })

  it.each(['/page/invoices?page=0', '/page/invoices?page=x', '/offset/invoices?offset=-1', '/cursor/invoices?after=zzz', '/cursor/invoices?limit=0', '/page/invoices?updated_since=soon'])('are refused: %s', async (path) => {
    const answer = await get(sim, path)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text).error.message).toBeTruthy()
  })

  it('refuse the cursor of another collection', async () => {
    const { meta } = await json('/cursor/customers')
    expect((await get(sim, `/cursor/invoices?after=${meta.next_cursor}`)).status).toBe(400)
  })

  it('/v1 takes the style from the parameters; single records are there', async () => {
    expect((await json('/v1/invoices?page=2')).page).toBe(2)
    expect((await json('/v1/invoices?offset=2')).offset).toBe(2)
    expect((await json(`/v1/invoices?after=${(await json('/cursor/invoices')).meta.next_cursor}`)).meta.has_more).toBe(true)
    expect((await get(sim, '/v1/transactions/txn_00000003')).text).toBe(sim.record('transactions', 3))
    expect((await json('/v1/customers/1000004')).id).toBe(1000004)
    expect((await get(sim, '/v1/transactions/txn_99999999')).status).toBe(404)
    expect((await get(sim, '/v1/nothing')).status).toBe(404)
  })

  it('keep the key out of links, and other parameters in', async () => {
    const answer = await get(sim, '/link/invoices?per_page=10&api_key=secret&updated_since=2024-01-01')
    expect(answer.headers['link']).toContain('updated_since=2024-01-01')
    expect(answer.headers['link']).not.toContain('secret')
  })

  it('name the address the client used', async () => {
    expect((await json('/nexturl/invoices')).next).toMatch(new RegExp(`^${sim.url}/nexturl/invoices\\?cursor=`))
  })
})

it('gives gzip to those who take it, when it is on', async () => {
  const packed = await startSimulator({ gzip: true })
  expect((await get(packed, '/page/invoices', { 'accept-encoding': 'br, gzip' })).headers['content-encoding']).toBe('gzip')
  expect((await get(packed, '/page/invoices')).headers['content-encoding']).toBeUndefined()
  expect((await get(packed, '/page/invoices', { 'accept-encoding': 'gzip;q=0' })).headers['content-encoding']).toBeUndefined()
  const body = await fetch(`${packed.url}/page/invoices?per_page=50`)
  expect(((await body.json()) as { data: unknown[] }).data).toHaveLength(50)
  await packed.close()
})

it('moves the data while it is read', async () => {
  const moving = await startSimulator({ records: { transactions: 30 } })
  const ids = async (path: string) => (JSON.parse((await get(moving, path)).text).data as Row[]).map((r) => Number(r.id.slice(4)))
  const first = JSON.parse((await get(moving, '/cursor/transactions?limit=10')).text)
  expect(JSON.parse((await postJson(moving, '/_sim/mutate', { collection: 'transactions', insertAtFront: 2 })).text)).toEqual({ total: 32 })
  expect(await ids('/page/transactions?per_page=4')).toEqual([30, 31, 0, 1])
  // A page number now repeats two records; a cursor does not.
  expect(await ids('/page/transactions?page=2&per_page=10')).toEqual([8, 9, 10, 11, 12, 13, 14, 15, 16, 17])
  const second = JSON.parse((await get(moving, `/cursor/transactions?limit=10&after=${first.meta.next_cursor}`)).text)
  expect(second.result.records[0].id).toBe('txn_00000010')
  expect(moving.mutate({ collection: 'transactions', deleteFirst: 4 })).toBe(28)
  const before = JSON.parse(moving.record('transactions', 2)!)
  const latest = JSON.parse(moving.record('transactions', 29)!).updated_at as string
  expect(moving.record('transactions', 1)).toBeNull()
  expect(moving.mutate({ collection: 'transactions', touch: 1 })).toBe(28)
  const after = JSON.parse(moving.record('transactions', 2)!)
  expect([after.id, after.customer]).toEqual([before.id, before.customer])
  expect(after.amount).not.toBe(before.amount)
  expect(after.updated_at >= latest).toBe(true)
  expect((await ids('/page/transactions')).at(-1)).toBe(2)
  expect((await postJson(moving, '/_sim/mutate', { collection: 'transactions', explode: 1 })).status).toBe(400)
  await moving.close()
})
