import { connect } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
import { CHROMIUM } from '../../test/support/chromium.ts'
import { httpProject, type HttpProject } from '../../test/support/http-api.ts'
import { ApiKeys } from '../api-keys.ts'
import { startHttpApi, type HttpApi } from './index.ts'

const TOKEN = 'canary-api-token-0123456789'
const CONNECTOR = `import { apiKey, credential, defineConnector, env, z } from 'isthmus'
export default defineConnector('acme', {
  title: 'Acme', baseUrl: env('SIM_URL'), check: { path: '/cursor/customers', query: { limit: '1' } },
  auth: { key: { credentials: z.object({ apiKey: z.string().min(5) }), auth: apiKey({ key: credential('apiKey') }) } },
})
`

/** What strangers, broken clients and browsers send, over sockets: the answers are what HTTP says. */
describe('the HTTP API at its edges', () => {
  let project: HttpProject
  let sim: Simulator
  const apis: HttpApi[] = []
  let url = ''

  beforeAll(async () => {
    sim = await startSimulator({ auth: 'api-key', records: { customers: 3 } })
    project = await httpProject({ connector: CONNECTOR, env: { SIM_URL: sim.url }, token: TOKEN })
    const { options } = project
    apis.push(await startHttpApi(options), await startHttpApi({ ...options, corsOrigins: ['https://app.example'] }), await startHttpApi({ ...options, perMinute: 2 }))
    url = apis[0]!.url
  })
  afterAll(async () => {
    for (const api of apis) await api.close()
    await project?.close()
    await sim?.close()
  })

  /** One request as it is written here, not as a client would mend it. */
  const raw = async (head: string, body = '', base = url) => {
    const { host, hostname, port } = new URL(base)
    const socket = connect(Number(port), hostname)
    socket.write(`${head.replace('\n', `\r\nhost: ${host}\r\nconnection: close\r\nauthorization: Bearer ${TOKEN}\r\n`).replaceAll(/(?<!\r)\n/g, '\r\n')}${body && `content-length: ${Buffer.byteLength(body)}\r\n`}\r\n${body}`)
    const answer = await textOf(socket)
    const [top, rest] = [answer.slice(0, answer.indexOf('\r\n\r\n')), answer.slice(answer.indexOf('\r\n\r\n') + 4)]
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(top)?.[1]), header: (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(top)?.[1]?.trim(), body: rest, problem: (rest.startsWith('{') ? JSON.parse(rest) : null) as Record<string, unknown> | null }
  }
  const JSON_TYPE = 'content-type: application/json\n'

  it('methods that a path does not have are 405 with Allow, whatever the body is; OPTIONS tells them, HEAD is a GET without its body', async () => {
    const cases: [string, string, string][] = [
      ['PUT', '/v1/connections', 'GET, HEAD, OPTIONS, POST'], ['PATCH', '/v1/connections/acme', 'DELETE, GET, HEAD, OPTIONS'], ['TRACE', '/v1/runs', 'GET, HEAD, OPTIONS'], ['QUERY', '/v1/runs', 'GET, HEAD, OPTIONS'],
      ['GET', '/v1/rejects/drop', 'OPTIONS, POST'], ['HEAD', '/v1/connect-links', 'OPTIONS, POST'], ['POST', '/healthz', 'GET, HEAD, OPTIONS'], ['DELETE', '/v1/openapi.json', 'GET, HEAD, OPTIONS'],
      // Programs that look at links must not open one in a person's place.
      ['HEAD', '/connect/some', 'GET, OPTIONS, POST'], ['GET', '/hooks/some', 'OPTIONS, POST'],
    ]
    for (const [method, path, allow] of cases) {
      const answer = await raw(`${method} ${path} HTTP/1.1\ncontent-type: text/xml\n`, method === 'PUT' ? '<a/>' : '')
      expect([method, path, answer.status, answer.header('allow'), answer.header('content-type')]).toEqual([method, path, 405, allow, 'application/problem+json'])
      if (method !== 'HEAD') expect(answer.problem).toMatchObject({ status: 405, instance: path, cure: expect.stringContaining('use ') as string })
      expect(await raw(`OPTIONS ${path} HTTP/1.1\n`).then((a) => [a.status, a.header('allow'), a.body])).toEqual([204, allow, ''])
    }
    expect((await raw('PUT /v1/nothing HTTP/1.1\n')).status).toBe(404)
    expect((await raw('PROPFIND /v1/runs HTTP/1.1\n')).status).toBe(501)
    const [get, head] = [await raw('GET /v1/connections HTTP/1.1\n'), await raw('HEAD /v1/connections HTTP/1.1\n')]
    expect([head.status, head.body, head.header('content-length')]).toEqual([200, '', get.header('content-length')])
    expect((await fetch(`${url}/v1/connections`, { method: 'HEAD' })).status).toBe(401)
  })

  it('answers a preflight for the origins that may call, and OPTIONS of others without leave', async () => {
    const base = apis[1]!.url
    const asks = 'access-control-request-method: POST\n'
    const known = await raw(`OPTIONS /v1/connections HTTP/1.1\norigin: https://app.example\n${asks}`, '', base)
    expect([known.status, known.header('access-control-allow-origin'), known.header('access-control-allow-methods'), known.header('vary')]).toEqual([204, 'https://app.example', 'GET, POST, DELETE', 'Origin'])
    for (const from of [`origin: https://evil.example\n${asks}`, `origin: null\n${asks}`, '']) {
      const other = await raw(`OPTIONS /v1/connections HTTP/1.1\n${from}`, '', base)
      expect([from, other.status, other.header('access-control-allow-origin'), other.header('allow')]).toEqual([from, 204, undefined, 'GET, HEAD, OPTIONS, POST'])
    }
    // A page that may call reads what is wrong, too.
    const refused = await raw('GET /v1/connections/none HTTP/1.1\norigin: https://app.example\n', '', base)
    expect([refused.status, refused.header('access-control-allow-origin')]).toEqual([404, 'https://app.example'])
  })

  it('what cannot be read is a problem with the right status, and no text is 500', async () => {
    const cases: [string, string, number][] = [
      ['GET /v1/connections/%zz HTTP/1.1\n', '', 400], ['GET /v1/connections/%C3%28 HTTP/1.1\n', '', 400], [`GET /v1/syncs/${'a'.repeat(1_400)} HTTP/1.1\n`, '', 414], [`GET /v1/syncs/${'a'.repeat(20_000)} HTTP/1.1\n`, '', 431],
      [`GET /v1/runs HTTP/1.1\nx-long: ${'a'.repeat(20_000)}\n`, '', 431], ['NONSENSE\n', '', 400], [`POST /v1/rejects/drop HTTP/1.1\n${JSON_TYPE}`, '{"ids":', 400], ['POST /v1/rejects/drop HTTP/1.1\ncontent-type: text/xml\n', '<a/>', 415],
      [`POST /v1/rejects/drop HTTP/1.1\n${JSON_TYPE}`, JSON.stringify({ ids: ['r1'], note: 'x'.repeat(70_000) }), 413], [`POST /v1/rejects/drop HTTP/1.1\n${JSON_TYPE}`, '['.repeat(30_000) + ']'.repeat(30_000), 422],
      [`POST /v1/rejects/drop HTTP/1.1\n${JSON_TYPE}`, '{"__proto__":{"admin":true},"ids":["r1"]}', 400],
      ...['/v1/runs/a%00b', '/v1/runs/a%00b/progress', '/v1/backfills/%00', '/v1/connections/%00', '/v1/rejects/r%00', '/v1/schedules/%00', '/v1/runs?sync=%00', '/v1/rejects?of=%00', '/v1/rejects?stream=%00', '/v1/backfills?sync=%00', '/v1/syncs/%00/plan'].map((path): [string, string, number] => [`GET ${path} HTTP/1.1\n`, '', 422]),
      ...[['rejects/drop', '{"ids":["r1"],"note":"\\u0000"}'], ['rejects/drop', '{"ids":["r1"],"note":"\\ud800"}'], ['connections', '{"connector":"acme","credentials":{"apiKey":"k\\u0000kkkkkk"}}'], ['connections', '{"connector":"acme","settings":{"a\\u0000":""}}'], ['schedules/a/pause', '{"note":"\\u0000"}'], ['syncs/a/backfills', '{"from":""}'], ['syncs/a/backfills', '{"from":"2024-13-01"}'], ['syncs/a/backfills', '{"from":"2024-02-30"}']].map(([path, body]): [string, string, number] => [`POST /v1/${path} HTTP/1.1\n${JSON_TYPE}`, body!, path === 'syncs/a/backfills' && body!.includes('02-30') ? 404 : 422]),
      [`POST /v1/syncs/a/runs HTTP/1.1\nidempotency-key: ${'a'.repeat(201)}\n`, '', 422], ['POST /v1/syncs/a/runs HTTP/1.1\nidempotency-key:\n', '', 422],
    ]
    for (const [head, body, status] of cases) {
      const answer = await raw(head, body)
      const name = `${head.slice(0, 60)} ${body.slice(0, 60)}`
      expect([name, answer.status, answer.header('content-type'), answer.header('cache-control')]).toEqual([name, status, 'application/problem+json', 'no-store'])
      expect([name, answer.problem]).toEqual([name, expect.objectContaining({ status, type: expect.stringMatching(/^urn:isthmus:error:/) as string, title: expect.any(String) as string, detail: expect.any(String) as string })])
    }
    expect((await raw('GET /v1/connections?nope=1&nope=2 HTTP/1.1\n')).status).toBe(200)
  })

  it('refuses a key in an address, also beside a valid one, and says so without it', async () => {
    const { key } = await new ApiKeys(() => Promise.resolve(project.store)).create({ name: 'reader', scopes: ['connections:read'] })
    // Made by another process, so that this one does not know it.
    const elsewhere = `isk_${'k'.repeat(12)}_${'S'.repeat(43)}`
    for (const path of [`/v1/connections?access_token=${key}`, `/v1/connections/${key}`, `/v1/connections?x=isk%5F${key.slice(4)}`, `/v1/connections/${elsewhere}`]) {
      const answer = await raw(`GET ${path} HTTP/1.1\n`)
      expect([answer.status, answer.problem]).toEqual([400, expect.objectContaining({ field: 'authorization', cure: expect.stringContaining('header') as string })])
      expect(answer.body).not.toContain(key.slice(17))
      expect(answer.body).not.toContain('SSSS')
    }
    const missing = (await (await fetch(`${url}/v1/connections`)).json()) as { cure: string }
    expect(missing.cure).toBe('send one in the header authorization, behind the word Bearer; `isthmus keys create` makes one')
  })

  it('limits each key by itself, and says when to come back', async () => {
    const keys = new ApiKeys(() => Promise.resolve(project.store))
    const made = await Promise.all(['one', 'two'].map((name) => keys.create({ name, scopes: ['connections:read'] })))
    const ask = (key: string) => fetch(`${apis[2]!.url}/v1/connections`, { method: 'HEAD', headers: { authorization: `Bearer ${key}` } })
    for (const { key } of made) {
      const answers = [await ask(key), await ask(key), await ask(key)]
      expect(answers.map((a) => a.status)).toEqual([200, 200, 429])
      expect(Number(answers[2]!.headers.get('retry-after'))).toBeGreaterThan(0)
    }
  })

  it('a form of a connect link can be sent by a browser, which tells other sites nothing of the link', async (context) => {
    const made = await fetch(`${url}/v1/connect-links`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }, body: '{"system":"acme"}' })
    const link = ((await made.json()) as { url: string }).url
    if (!CHROMIUM) {
      const { headers } = await fetch(link)
      expect([headers.get('referrer-policy'), headers.get('cache-control'), headers.get('content-security-policy')]).toEqual(['same-origin', 'no-store', expect.stringContaining("default-src 'none'")])
      return context.skip('no browser has opened it: no chromium here (apt-get install chromium, or CHROMIUM=path)')
    }
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
    try {
      const tab = await browser.newPage()
      const page = await tab.goto(link)
      expect(await page!.allHeaders()).toMatchObject({ 'referrer-policy': 'same-origin', 'cache-control': 'no-store', 'content-security-policy': expect.stringContaining("default-src 'none'") as string, 'x-frame-options': 'DENY' })
      await tab.fill('[name=apiKey]', C.apiKey)
      const sent = tab.waitForRequest((r) => r.method() === 'POST')
      await tab.click('button')
      expect((await (await sent).allHeaders())['origin']).toBe(url)
      await tab.waitForSelector('text=acme is set up')
    } finally {
      await browser.close()
    }
  })
})
