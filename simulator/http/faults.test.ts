import { gunzipSync } from 'node:zlib'
import { request } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import type { Simulator } from '../server.ts'
import { startSimulator } from '../server.ts'
import { agent, get, postForm, postJson, sleep } from '../testing/client.ts'
import type { FaultKind } from './fault-kinds.ts'
import { BODY_FAULTS } from './fault-kinds.ts'

let sim: Simulator
const start = async (options: Parameters<typeof startSimulator>[0]) => (sim = await startSimulator({ records: { transactions: 500 }, ...options }))
afterEach(() => sim.close())
const PATH = '/page/transactions?per_page=50'

describe('each fault fires', () => {
  const one = async (kind: FaultKind, more = {}) => {
    await start({ faultAt: { 2: kind }, ...more })
    const good = await get(sim, PATH)
    const answer = await get(sim, PATH).catch((error: Error & { code?: string }) => error)
    expect(sim.stats().faults).toEqual({ [kind]: 1 })
    expect((await get(sim, PATH)).text).toBe(good.text)
    return { good, answer: answer as { status: number; text: string; headers: Record<string, string> } & Error & { code?: string } }
  }

  it('status, with and without Retry-After', async () => {
    expect((await one('status:500')).answer.status).toBe(500)
    await sim.close()
    const { answer } = await one('status:503:retry-after', { faultRetryAfterSeconds: 7 })
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '7'])
  })

  it('slow', async () => {
    const before = performance.now()
    const { answer, good } = await one('slow', { slowMs: 400 })
    expect(answer.text).toBe(good.text)
    expect(performance.now() - before).toBeGreaterThan(350)
  })

  it('hang', async () => {
    await start({ faultAt: { 1: 'hang' } })
    await expect(request(`${sim.url}${PATH}`, { headersTimeout: 300, dispatcher: agent, signal: AbortSignal.timeout(300) })).rejects.toThrow()
    expect(sim.stats().faults).toEqual({ hang: 1 })
  })

  it.each(['reset', 'reset-after-head'] as const)('%s', async (kind) => {
    const { answer } = await one(kind)
    expect(answer).toBeInstanceOf(Error)
    expect(answer.code).toMatch(/ECONNRESET|UND_ERR_SOCKET/)
  })

  it.each(['cut', 'cut-chunked'] as const)('%s', async (kind) => {
    const { answer } = await one(kind)
    expect(answer).toBeInstanceOf(Error)
  })

  it('truncated-gzip', async () => {
    await start({ faultAt: { 1: 'truncated-gzip' } })
    const answer = await request(`${sim.url}${PATH}`, { dispatcher: agent })
    const body = Buffer.from(await answer.body.arrayBuffer())
    expect([answer.statusCode, answer.headers['content-encoding'], Number(answer.headers['content-length'])]).toEqual([200, 'gzip', body.length])
    expect(() => gunzipSync(body)).toThrow(/unexpected end/)
  })

  it('garbage-html', async () => {
    const { answer } = await one('garbage-html')
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(answer.text).toContain('<html>')
  })

  it('garbage-json', async () => {
    const { answer, good } = await one('garbage-json')
    expect(good.text.startsWith(answer.text.slice(0, 100))).toBe(true)
    expect(() => JSON.parse(answer.text)).toThrow()
  })

  it('wrong-length: less is announced than sent', async () => {
    const { answer, good } = await one('wrong-length')
    // A client may see the surplus as an error or may never look at it.
    if (answer.headers) expect(Number(answer.headers['content-length'])).toBeLessThan(Buffer.byteLength(good.text))
    else expect(answer.message).toBeTruthy()
  })

  it('empty-body', async () => {
    const { answer } = await one('empty-body')
    expect([answer.status, answer.text]).toEqual([200, ''])
  })
})

describe('chances', () => {
  const run = async (seed: number, faults: Partial<Record<FaultKind, number>>) => {
    await start({ seed, faults })
    const seen: number[] = []
    for (let i = 0; i < 150; i++) seen.push((await get(sim, '/page/transactions?per_page=1')).status)
    return seen
  }

  it('are the same for the same seed and number, also after a reset, and about as high as asked for', async () => {
    const faults = { 'status:503': 0.2, 'status:500': 0.1 } as const
    const one = await run(5, faults)
    sim.resetStats()
    const again: number[] = []
    for (let i = 0; i < 150; i++) again.push((await get(sim, '/page/transactions?per_page=1')).status)
    expect(again).toEqual(one)
    await sim.close()
    expect(await run(6, faults)).not.toEqual(one)
    const bad = one.filter((s) => s !== 200).length
    expect(bad).toBeGreaterThan(25)
    expect(bad).toBeLessThan(70)
  })

  it('are refused above 1, for unknown kinds, and name the field', async () => {
    await start({})
    await expect(startSimulator({ faults: { cut: 0.7, slow: 0.7 } })).rejects.toThrow(/more than 1/)
    await expect(startSimulator({ faults: { nonsense: 0.1 } as never })).rejects.toMatchObject({ type: 'InvalidInput', message: expect.stringContaining('nonsense') })
    await expect(startSimulator({ pageSize: { max: -1 } })).rejects.toMatchObject({ field: 'pageSize.max' })
    const answer = await postJson(sim, '/_sim/config', { latencyMs: 'x' })
    expect([answer.status, answer.text.includes('latencyMs')]).toEqual([400, true])
    expect((await postForm(sim, '/_sim/config', {})).status).toBe(415)
  })

  it('can be switched on while it runs, with latency', async () => {
    await start({})
    sim.configure({ faults: { 'status:502': 1 }, latencyMs: 80 })
    const before = performance.now()
    expect((await get(sim, PATH)).status).toBe(502)
    expect(performance.now() - before).toBeGreaterThanOrEqual(75)
  })
})

it('expires cursors once', async () => {
  await start({ expireCursors: { atRequest: 2, status: 410 } })
  const next = async (after?: string) => get(sim, `/cursor/transactions?limit=10${after ? `&after=${after}` : ''}`)
  const cursorOf = (text: string) => (JSON.parse(text) as { meta: { next_cursor: string } }).meta.next_cursor
  const old = cursorOf((await next()).text)
  expect(await next(old)).toMatchObject({ status: 410, text: expect.stringContaining('cursor_expired') })
  const fresh = cursorOf((await next()).text)
  expect((await next(fresh)).status).toBe(200)
  expect((await next(old)).status).toBe(410)
  expect(sim.stats().faults).toEqual({ 'expired-cursors': 1 })
})

it('has every fault under test', () => expect([...BODY_FAULTS]).toHaveLength(11))

it('closes while requests hang', async () => {
  await start({ faults: { hang: 1 } })
  const hanging = get(sim, PATH).catch((error: Error) => error)
  await sleep(50)
  await sim.close()
  expect(await hanging).toBeInstanceOf(Error)
})
