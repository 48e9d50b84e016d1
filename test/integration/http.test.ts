import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { readdir, rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const CONNECTOR = `import { apiKey, credential, defineConnector, setting, z } from 'isthmus'
export default defineConnector('acme', {
  title: 'Acme', baseUrl: setting('url'), privateNetwork: true, check: { path: '/cursor/customers', query: { limit: '1' } }, settings: z.object({ url: z.url() }),
  auth: { key: { credentials: z.object({ apiKey: z.string().min(5) }), auth: apiKey({ key: credential('apiKey') }) } },
})
`
const SYNC = `import { cursor, defineSync, fields, postgres, z } from 'isthmus'
import acme from '../../connectors/acme.ts'
export default defineSync({
  from: acme.stream('customers', { path: '/cursor/customers', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 100, sizeParam: 'limit' }) }),
  to: postgres.table('customers'), model: z.object({ id: z.int(), name: z.string().refine((name) => !name.startsWith('A'), 'no A') }), map: fields({ id: 'id', name: 'name' }), guard: { rejects: 1 },
})
`
const TOKEN = 'canary-api-token-0123456789'

/** The HTTP API over the command line's own server, with a worker behind it. Oracle: rows of the database, requests that the API got. */
describe('the HTTP API with runs', () => {
  let project: Project
  let dev: Dev
  let sim: Simulator
  let serve: ChildProcess
  let url = ''
  let key = ''

  beforeAll(async () => {
    sim = await startSimulator({ auth: 'api-key', records: { customers: 1_500 }, latencyMs: 60 })
    project = await makeProject({ 'connectors/acme.ts': CONNECTOR, 'syncs/crm/customers.ts': SYNC, 'syncs/broken.ts': 'export default 1\n' })
    dev = await project.dev()
    serve = project.spawn(['serve', '--port', '0', '--json'], { ISTHMUS_API_TOKEN: TOKEN })
    const [line] = (await once(serve.stdout!, 'data')) as [Buffer]
    url = (JSON.parse(line.toString()) as { url: string }).url
    const made = await project.isthmus(['keys', 'create', 'app', '--scope', 'syncs:read', 'runs:write', 'rejects:write', 'connections:write', '--expires', '1d', '--json'])
    key = (made.json as { key: string }).key
  })
  afterAll(async () => {
    serve?.kill('SIGINT')
    await project?.close()
    await sim?.close()
  })

  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/v1${path}`, { method, headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers }, ...(body !== undefined && { body: JSON.stringify(body) }) })
    const text = await answer.text()
    return { status: answer.status, location: answer.headers.get('location'), body: (text ? JSON.parse(text) : null) as Record<string, any> }
  }
  const CUSTOMERS = '/syncs/crm%2Fcustomers'

  it('sets up a customer, starts its sync once for a key, and follows it as server-sent events', async () => {
    expect((await call('GET', '/syncs')).body['syncs']).toMatchObject([{ id: 'broken', error: { type: 'InvalidInput' } }, { id: 'crm/customers', streams: [{ name: 'customers', to: 'public.customers', mode: 'upsert' }], error: null }])
    const connection = { connector: 'acme', tenant: 'north', settings: { url: sim.url }, credentials: { apiKey: C.apiKey } }
    expect(await call('POST', '/connections', connection)).toMatchObject({ status: 201, location: '/v1/connections/acme%40north', body: { connection: 'acme@north', tenant: 'north', state: 'ok', credentials: ['apiKey'] } })
    expect(await call('POST', '/connections', connection)).toMatchObject({ status: 200 })
    expect(await call('POST', '/connections/acme%40north/check')).toMatchObject({ status: 200, body: { status: 200 } })
    expect(await call('GET', `${CUSTOMERS}/plan?tenant=north`)).toMatchObject({ status: 200, body: { id: 'crm/customers@north', streams: [{ connection: 'acme@north', destination: { schema: 'public__north' } }] } })
    expect(await call('GET', `${CUSTOMERS}/estimate?tenant=north`)).toMatchObject({ status: 200, body: { streams: [{ stream: 'customers', basis: 'unknown' }] } })
    expect(await call('POST', `${CUSTOMERS}/runs`, { tenant: 'south' })).toMatchObject({ status: 404, body: { code: 'NotFound', field: 'tenant' } })
    expect(await call('POST', `${CUSTOMERS}/runs`, { tenant: 'north', stream: 'x' })).toMatchObject({ status: 422 })

    const start = () => call('POST', `${CUSTOMERS}/runs`, { tenant: 'north' }, { 'idempotency-key': 'click-1' })
    const [first, second] = await Promise.all([start(), start()])
    expect(first).toMatchObject({ status: 201, body: { sync: 'crm/customers@north', tenant: 'north', outcome: 'running' } })
    const run = first!.body['run'] as string
    expect([second!.status, second!.body['run'], second!.location]).toEqual([201, run, `/v1/runs/${run}`])
    expect(await call('POST', `${CUSTOMERS}/runs`, { tenant: 'north' })).toMatchObject({ status: 409, body: { code: 'AlreadyRunning' } })
    expect(await call('POST', `${CUSTOMERS}/runs`, { tenant: 'north', fromStart: true }, { 'idempotency-key': 'click-1' })).toMatchObject({ status: 422 })

    const stream = await fetch(`${url}/v1/runs/${run}/progress`, { headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' } })
    expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const events = (await stream.text()).split('\n\n').filter(Boolean).map((e) => ({ event: /^event: (.*)/.exec(e)?.[1], data: JSON.parse(/^data: (.*)/m.exec(e)?.[1] ?? 'null') as Record<string, any> }))
    expect(events.filter((e) => e.event === 'progress').length).toBeGreaterThan(2)
    expect(events.at(-1)).toMatchObject({ event: 'end', data: { run, outcome: 'completed', receipt: { total: { read: 1_500 } } } })
    expect((await start()).body['run']).toBe(run)
    expect((await call('GET', `/runs/${run}/progress`)).body).toMatchObject({ outcome: 'completed', streams: [{ stream: 'customers', phase: 'done' }], receipt: { total: { read: 1_500 } } })
    expect((await call('GET', '/runs?tenant=north')).body['runs']).toMatchObject([{ run, outcome: 'completed' }])
    expect((await call('GET', '/runs?tenant=south')).body['runs']).toEqual([])
    const { lines } = (await call('GET', `/runs/${run}/logs`)).body as { lines: { id: number; message: string }[] }
    expect(lines.map((l) => l.message).join('\n')).toContain('records read')
    expect((await call('GET', `/runs/${run}/logs?after=${lines.at(-1)!.id}`)).body['lines']).toEqual([])

    const { rejects, total } = (await call('GET', `/rejects?of=crm%2Fcustomers@north`)).body as { rejects: { id: string }[]; total: number }
    const inserted = Number((await dev.query<{ n: string }>('select count(*) n from public__north.customers'))[0]!.n)
    expect([inserted + total, total > 0]).toEqual([1_500, true])
    expect(JSON.parse((await call('GET', `/rejects/${rejects[0]!.id}`)).body['raw'] as string)).toMatchObject({ name: expect.stringMatching(/^A/) as string })
    expect((await call('POST', '/rejects/drop', { ids: [rejects[0]!.id] })).body).toEqual({ dropped: [rejects[0]!.id] })
    expect((await call('POST', '/rejects/retry', { ids: [rejects[1]!.id], dry: true })).status).toBe(200)
  })

  it('a stream of events goes on where its reader was, ends with its key, and leaves nothing behind', async () => {
    const { run } = (await call('POST', `${CUSTOMERS}/runs`, { tenant: 'north', fromStart: true })).body as { run: string }
    expect((await call('POST', `/runs/${run}/pause`)).status).toBe(200)
    await expect.poll(async () => (await call('GET', `/runs/${run}/progress`)).body['streams'], { timeout: 20_000 }).toMatchObject([{ phase: 'paused' }])
    const made = (await project.isthmus(['keys', 'create', 'reader', '--scope', 'runs:read', '--json'])).json as { key: string; id: string }
    const stop = new AbortController()
    const follow = (headers: Record<string, string> = {}, method = 'GET') => fetch(`${url}/v1/runs/${run}/progress`, { method, signal: stop.signal, headers: { authorization: `Bearer ${made.key}`, accept: 'text/event-stream', ...headers } })

    // Readers that vanish.
    const before = (await readdir(`/proc/${serve.pid}/fd`)).length
    for (let round = 0; round < 4; round++) {
      const open = await Promise.all(Array.from({ length: 50 }, () => new Promise<IncomingMessage>((resolve) => get(`${url}/v1/runs/${run}/progress`, { agent: false, headers: { authorization: `Bearer ${made.key}`, accept: 'text/event-stream' } }, resolve))))
      expect(open.every((o) => o.statusCode === 200)).toBe(true)
      for (const one of open) one.destroy()
      // Also before they have an answer. A timer that one of them left behind would keep the server from ending, below.
      const early = Array.from({ length: 20 }, () => get(`${url}/v1/runs/${run}/progress`, { agent: false, headers: { authorization: `Bearer ${made.key}`, accept: 'text/event-stream' } }).on('error', () => undefined))
      for (const [n, one] of early.entries()) setTimeout(() => one.destroy(), n)
    }
    // Connections to PostgreSQL, and to Temporal, stay.
    await expect.poll(async () => (await readdir(`/proc/${serve.pid}/fd`)).length, { timeout: 5_000 }).toBeLessThan(before + 30)
    expect(await follow({}, 'HEAD').then((r) => [r.status, r.headers.get('content-type')])).toEqual([200, 'application/json; charset=utf-8'])

    // Its key is revoked while it reads: nobody else's.
    const other = await fetch(`${url}/v1/runs/${run}/progress`, { headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' } })
    const open = await follow()
    expect((await project.isthmus(['keys', 'revoke', made.id])).code).toBe(0)
    const told = await open.text()
    expect(told).toMatch(/^event: progress\n[^]*\n\nevent: error\ndata: \{"type":"AuthFailed","message":"the key was revoked, or is over"\}\n\n$/)
    expect((await follow()).status).toBe(401)

    // The reader comes back: the state that it has seen is not told again, and behind the end there is nothing.
    const seen = /^id: (\S+)$/m.exec(told)![1]!
    const authorization = { authorization: `Bearer ${key}` }
    const again = follow({ ...authorization, 'last-event-id': seen })
    const odd = await follow({ ...authorization, 'last-event-id': 'garbage '.repeat(500) })
    expect((await call('POST', `/runs/${run}/resume`)).status).toBe(200)
    const states = (text: string) => [...text.matchAll(/^event: progress\ndata: (.*)\nid: (\S+)$/gm)].map(([, data, id]) => ({ id, phase: (JSON.parse(data!) as { streams: { phase: string }[] }).streams[0]!.phase }))
    const [rest, whole] = [await (await again).text(), await odd.text()]
    expect([states(rest).some((s) => s.id === seen), states(whole)[0]]).toEqual([false, { id: seen, phase: 'paused' }])
    expect(states(rest).at(-1)).toMatchObject({ phase: 'done' })
    const last = [...rest.matchAll(/^id: (\S+)$/gm)].at(-1)![1]!
    expect(last).toMatch(/\.end$/)
    expect((await follow({ ...authorization, 'last-event-id': last })).status).toBe(204)
    expect(await other.text()).toContain('event: end\n')
    stop.abort()
  })

  it('pauses, resumes, decides and cancels; what cannot be done now is a conflict', async () => {
    const { run } = (await call('POST', `${CUSTOMERS}/runs`, { tenant: 'north', fromStart: true })).body as { run: string }
    expect(await call('POST', `/runs/${run}/pause`, { note: 'the customer asked' })).toMatchObject({ status: 200, body: { run } })
    await expect.poll(async () => (await call('GET', `/runs/${run}/progress`)).body['streams'], { timeout: 20_000 }).toMatchObject([{ phase: 'paused', wait: { reason: expect.stringContaining('the customer asked') as string } }])
    for (const verb of ['retry', 'skip', 'approve']) expect(await call('POST', `/runs/${run}/${verb}`)).toMatchObject({ status: 409 })
    expect(await call('POST', `/runs/${run}/resume`)).toMatchObject({ status: 200 })
    expect(await call('POST', `/runs/${run}/resume`)).toMatchObject({ status: 409 })
    expect(await call('POST', `/runs/${run}/cancel`)).toMatchObject({ status: 202 })
    await expect.poll(async () => (await call('GET', `/runs/${run}`)).body['outcome'], { timeout: 30_000 }).toBe('cancelled')
    expect(await call('POST', '/runs/none/cancel')).toMatchObject({ status: 404 })
    expect(await call('DELETE', '/connections/acme%40north')).toMatchObject({ status: 204, body: null })
    expect(await call('GET', '/connections/acme%40north')).toMatchObject({ status: 404 })

    await project.write({ 'syncs/crm/customers.ts': SYNC.replace("guard:", "every: '6h', guard:"), 'syncs/broken.ts': '' })
    await rm(`${project.dir}/syncs/broken.ts`)
    expect(await call('GET', '/schedules')).toMatchObject({ status: 403 })
    const admin = { authorization: `Bearer ${TOKEN}` }
    expect((await call('POST', '/schedules/deploy', { dryRun: true }, admin)).body).toMatchObject({ applied: false, changes: [{ sync: 'crm/customers', change: 'added' }] })
    expect((await call('POST', '/schedules/deploy', undefined, admin)).body).toMatchObject({ applied: true })
    expect(await call('POST', '/schedules/crm%2Fcustomers/pause', { note: 'holidays' }, admin)).toMatchObject({ status: 200, body: { paused: true, note: 'holidays' } })
    expect((await call('GET', '/schedules', undefined, admin)).body['schedules']).toMatchObject([{ sync: 'crm/customers', paused: true, next: [] }])
    expect(await call('POST', '/schedules/crm%2Fcustomers/resume', undefined, admin)).toMatchObject({ status: 200, body: { paused: false, next: expect.arrayContaining([expect.any(String)]) as string[] } })
    expect(await call('GET', '/schedules/none', undefined, admin)).toMatchObject({ status: 404 })
    expect((await call('GET', '/backfills')).body).toEqual({ backfills: [] })
    expect(await call('GET', '/backfills/none')).toMatchObject({ status: 404 })
    expect(await call('POST', `${CUSTOMERS}/backfills`, { from: '2024-01-01', to: '2024-02-01' })).toMatchObject({ status: 422, body: { code: 'InvalidInput', field: expect.stringContaining('incremental') as string } })
    expect(await call('GET', '/health')).toMatchObject({ status: 200, body: { checks: { temporal: true, database: true, worker: true } } })
    const listed = await project.isthmus(['keys', 'list', '--json'])
    expect(listed.json).toMatchObject({ keys: [{ name: 'reader' }, { name: 'app', lastUsedAt: expect.any(String) as string }] })
    expect(listed.stdout).not.toContain(key.slice(17))
    expect((await project.isthmus(['keys', 'revoke', (listed.json as { keys: { id: string }[] }).keys[1]!.id])).code).toBe(0)
    expect(await call('GET', '/runs')).toMatchObject({ status: 401 })
    // Ctrl-C ends it, also while somebody follows a run.
    const open = await fetch(`${url}/v1/runs/${run}/progress`, { headers: { authorization: `Bearer ${TOKEN}`, accept: 'text/event-stream' } })
    expect(open.status).toBe(200)
    serve.kill('SIGINT')
    expect((await once(serve, 'exit'))[0]).toBe(0)
  })
})
