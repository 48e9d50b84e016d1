import { request as httpRequest } from 'node:http'
import { Validator } from '@seriousme/openapi-schema-validator'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
import type { Store } from '../../model/ports.ts'
import { httpProject, type HttpProject } from '../../test/support/http-api.ts'
import { ApiKeys } from '../api-keys.ts'
import { startHttpApi, type HttpApi } from './index.ts'

const TOKEN = 'canary-api-token-0123456789'
const CONNECTOR = `import { apiKey, credential, defineConnector, env, oauth2AuthorizationCode, z } from 'isthmus'
export default defineConnector('acme', {
  title: 'Acme <Books>', baseUrl: env('SIM_URL'), check: { path: '/cursor/customers', query: { limit: '1' } },
  settings: z.object({ region: z.enum(['eu', 'us']).default('eu').describe('Region') }),
  auth: {
    oauth: { auth: oauth2AuthorizationCode({ authorizeUrl: '/oauth/authorize', tokenUrl: '/oauth/token', clientId: env('ACME_ID'), clientSecret: env('ACME_SECRET') }) },
    key: { credentials: z.object({ apiKey: z.string().min(5).describe('API key') }), auth: apiKey({ key: credential('apiKey') }) },
  },
})
`

/** A browser: keeps its cookie, follows nothing by itself. */
class Browser {
  cookie = ''
  async send(url: string, init: RequestInit = {}): Promise<{ status: number; location: string; body: string; headers: Headers }> {
    const answer = await fetch(url, { ...init, redirect: 'manual', headers: { ...(init.headers as Record<string, string>), ...(this.cookie && { cookie: this.cookie }) } })
    const set = answer.headers.getSetCookie()[0]
    if (set) this.cookie = set.split(';')[0]!
    return { status: answer.status, location: answer.headers.get('location') ?? '', body: await answer.text(), headers: answer.headers }
  }
  post(url: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
    return this.send(url, { method: 'POST', body: new URLSearchParams(fields).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } })
  }
}

describe('the HTTP API', () => {
  let project: HttpProject
  let store: Store
  let api: HttpApi
  let limited: HttpApi
  const sims: Simulator[] = []
  const env: Record<string, string> = { ACME_ID: C.clientId, ACME_SECRET: C.clientSecret }
  const resumed: string[] = []

  beforeAll(async () => {
    sims.push(await startSimulator({ auth: 'oauth', records: { customers: 3 } }), await startSimulator({ auth: 'api-key', records: { customers: 3 } }))
    project = await httpProject({ connector: CONNECTOR, env, token: TOKEN, reconnected: (name) => resumed.push(name) })
    const { options } = project
    store = project.store
    api = await startHttpApi(options)
    limited = await startHttpApi({ ...options, perMinute: 3, corsOrigins: ['https://app.example'] })
  })
  afterAll(async () => {
    await api?.close()
    await limited?.close()
    await project?.close()
    await Promise.all(sims.map((s) => s.close()))
  })

  const rows = async (sql: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: project.databaseUrl })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  const create = async (body: object, token = TOKEN) => {
    const answer = await fetch(`${api.url}/v1/connect-links`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: JSON.stringify(body) })
    return { status: answer.status, body: (await answer.json()) as { url: string; connection: string; code?: string; field?: string } }
  }

  it('connects an account by a browser that consents, once, in the browser that opened the link', async () => {
    env['SIM_URL'] = sims[0]!.url
    const { status, body } = await create({ system: 'acme', connection: 'acme-17', method: 'oauth', settings: { region: 'us' }, returnUrl: 'https://app.example/done?x=1' })
    expect(status).toBe(201)
    const person = new Browser()
    const first = await person.send(body.url)
    expect(first).toMatchObject({ status: 303, location: expect.stringContaining('/oauth/authorize?') as string })
    expect(first.headers.getSetCookie()[0]).toMatch(/HttpOnly; SameSite=Lax/)
    expect(await new Browser().send(body.url)).toMatchObject({ status: 410 })
    const back = await person.send(first.location)
    expect(back.location).toContain(`${api.redirectUri}?`)
    expect(await new Browser().send(back.location)).toMatchObject({ status: 410 })
    expect(await person.send(back.location.replace(/state=[^&]+/, 'state=other'))).toMatchObject({ status: 410 })
    expect(await person.send(back.location)).toMatchObject({ status: 303, location: 'https://app.example/done?x=1&connection=acme-17&status=connected' })
    for (const again of [back.location, body.url]) expect(await person.send(again)).toMatchObject({ status: 410 })
    expect(await store.getConnection('acme-17')).toMatchObject({ method: 'oauth', settings: { region: 'us' } })
    expect(resumed).toEqual(['acme-17'])
    expect(sims[0]!.stats().perPath['/cursor/customers']).toBe(1)
  })

  it('asks for what is missing in a form, says what does not work, and keeps nothing of it', async () => {
    env['SIM_URL'] = sims[1]!.url
    const { body } = await create({ system: 'acme', method: 'key' })
    const person = new Browser()
    const form = await person.send(body.url)
    expect(form.status).toBe(200)
    expect(form.body).toMatch(/Acme &#60;Books&#62;[\s\S]*<select id="region"[\s\S]*<option selected>eu[\s\S]*type="password"/)
    expect(await person.post(body.url, { region: 'eu', apiKey: C.apiKey }, { origin: 'https://evil.example' })).toMatchObject({ status: 403 })
    expect((await person.post(body.url, { region: 'eu' })).body).toContain('API key: needed')
    const wrong = await person.post(body.url, { region: 'eu', apiKey: 'canary-"><script>' })
    expect(wrong.status).toBe(422)
    expect(wrong.body).toContain('HTTP 401')
    expect(wrong.body).not.toMatch(/canary|<script/)
    expect(await store.getConnection('acme')).toBeNull()
    expect(await person.post(body.url, { region: 'us', apiKey: C.apiKey })).toMatchObject({ status: 200, body: expect.stringContaining('acme is set up') as string })
    expect(await person.post(body.url, { region: 'us', apiKey: C.apiKey })).toMatchObject({ status: 410 })
    expect(await store.connectionValues('acme')).toEqual({ settings: { region: 'us' }, credentials: { apiKey: C.apiKey } })
  })

  it('is closed to strangers, and refuses what cannot be meant', async () => {
    for (const path of ['/v1/connections', '/v1/connections/acme']) {
      expect((await fetch(api.url + path)).status).toBe(401)
      expect((await fetch(`${api.url + path}?token=${TOKEN}`)).status).toBe(401)
      const answer = await fetch(api.url + path, { headers: { authorization: `Bearer ${TOKEN}` } })
      expect(answer.status).toBe(200)
      expect(await answer.text()).not.toContain(C.apiKey)
    }
    expect((await create({ system: 'acme' }, 'wrong')).status).toBe(401)
    const refused: [object, number, string][] = [
      [{ system: 'nope' }, 404, 'system'], [{ system: 'acme', more: 1 }, 422, 'body'], [{ system: 'acme', connection: 'a/b' }, 422, 'name'], [{ system: 'acme', settings: { other: 'x' } }, 422, 'settings'],
      [{ system: 'acme', returnUrl: 'http://app.example' }, 422, 'returnUrl'], [{ system: 'acme', returnUrl: 'javascript:alert(1)' }, 422, 'returnUrl'], [{}, 422, 'system'], [{ system: 'acme', tenant: 'Bad Name' }, 422, 'tenant'],
    ]
    for (const [body, status, field] of refused) expect([body, await create(body)]).toEqual([body, { status, body: expect.objectContaining({ status, field, instance: '/v1/connect-links' }) as object }])
    const rebound = new Promise((resolve) => httpRequest(`${api.url}/v1/connections`, { headers: { host: 'evil.example', authorization: `Bearer ${TOKEN}` } }, (r) => resolve(r.statusCode)).end())
    expect(await rebound).toBe(421)
    for (const path of ['/connect/nothing', '/connect/callback', '/connect/callback?state=x&code=y']) expect((await new Browser().send(api.url + path)).status).toBe(410)
    const large = await fetch(`${api.url}/v1/connect-links`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` }, body: JSON.stringify({ system: 'x'.repeat(100_000) }) })
    expect(large.status).toBe(413)
  })

  const call = async (path: string, key: string, init: RequestInit = {}, base = api.url) => {
    const answer = await fetch(base + path, { ...init, headers: { ...(key && { authorization: `Bearer ${key}` }), ...(init.body !== undefined && { 'content-type': 'application/json' }), ...(init.headers as Record<string, string>) } })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, body: (text ? JSON.parse(text) : null) as Record<string, any> }
  }

  it('lets keys do what their scopes say, until they are revoked or over; their hash alone is stored', async () => {
    const keys = new ApiKeys(() => Promise.resolve(store))
    const reader = await keys.create({ name: 'reader', scopes: ['connections:read'] })
    const writer = await keys.create({ name: 'writer', scopes: ['connections:write'] })
    const over = await keys.create({ name: 'over', scopes: ['admin'], expiresAt: new Date(Date.now() + 50) })
    expect((await call('/v1/connections', reader.key)).status).toBe(200)
    expect((await call('/v1/connections', writer.key)).status).toBe(200)
    const forbidden = await call('/v1/connect-links', reader.key, { method: 'POST', body: '{"system":"acme"}' })
    expect(forbidden.body).toMatchObject({ type: 'urn:isthmus:error:PermissionDenied', status: 403, cure: expect.stringContaining('connections:write') as string })
    expect(forbidden.headers.get('www-authenticate')).toContain('insufficient_scope')
    expect((await call('/v1/connect-links', writer.key, { method: 'POST', body: '{"system":"acme"}' })).status).toBe(201)
    expect((await call('/v1/runs', writer.key)).status).toBe(403)
    await expect.poll(async () => (await call('/v1/connections', over.key)).status).toBe(401)
    const other = reader.key.slice(0, -4) + (reader.key.endsWith('AAAA') ? 'BBBB' : 'AAAA')
    for (const wrong of [other, `${reader.key}x`, reader.key.slice(4), `isk_${'0'.repeat(12)}_${'A'.repeat(43)}`, '', TOKEN.slice(1)]) expect((await call('/v1/connections', wrong)).status).toBe(401)
    await keys.revoke(`isk_${writer.id}`)
    expect((await call('/v1/connections', writer.key)).status).toBe(401)
    await expect(keys.revoke(writer.id)).rejects.toMatchObject({ type: 'NotFound' })
    await expect(keys.create({ name: 'x', scopes: ['runs:rite'] })).rejects.toMatchObject({ type: 'InvalidInput', field: 'scopes', cure: expect.stringContaining('did you mean runs:write') as string })
    const listed = await keys.list()
    expect(listed.find((k) => k.id === reader.id)).toMatchObject({ name: 'reader', lastUsedAt: expect.any(Date) as Date, revokedAt: null })
    const stored = JSON.stringify(await rows('select * from isthmus.api_keys'))
    for (const { key } of [reader, writer, over]) expect(stored).not.toContain(key.slice(17))
  })

  it('says what is wrong as RFC 9457 does, with the right status', async () => {
    const json = (status: number, more: object) => ({ status, body: expect.objectContaining({ status, title: expect.any(String) as string, type: expect.stringMatching(/^urn:isthmus:error:/) as string, ...more }) as object })
    const cases: [string, RequestInit, number, object][] = [
      ['/v1/nothing', {}, 404, { code: 'NotFound' }], ['/v1/connections/nobody', {}, 404, { cure: expect.any(String) as string }], ['/v1/syncs/a%2Fb', {}, 404, { field: 'sync', instance: '/v1/syncs/a%2Fb' }],
      ['/v1/connect-links', { method: 'POST', body: '{"system":' }, 400, {}], ['/v1/connect-links', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } }, 415, {}],
      ['/v1/runs?limit=0', {}, 422, { field: 'limit' }], ['/v1/rejects/retry', { method: 'POST', body: '{"ids":["x"]}' }, 422, {}],
      ['/v1/connections', { method: 'POST', body: JSON.stringify({ connector: 'acme', method: 'key', credentials: { apiKey: 'canary-wrong-key' } }) }, 422, { code: 'AuthFailed' }],
      // No Temporal runs here.
      ['/v1/runs', {}, 503, { code: 'Unreachable', cure: expect.stringContaining('isthmus dev') as string }],
    ]
    for (const [path, init, status, more] of cases) {
      const { headers, ...answer } = await call(path, TOKEN, init)
      expect([path, answer]).toEqual([path, json(status, more)])
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/)
      expect(JSON.stringify(answer)).not.toContain('canary')
    }
    expect(await call('/healthz', '')).toMatchObject({ status: 200, body: { status: 'ok' } })
    const statuses = []
    for (let i = 0; i < 5; i++) statuses.push((await call('/v1/connections', TOKEN, {}, limited.url)).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
    const late = await call('/v1/connections', TOKEN, {}, limited.url)
    expect(late).toMatchObject({ status: 429, body: { code: 'RateLimited' } })
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0)
    // Pages of other origins may call where that is allowed, and nowhere else.
    const asks = { method: 'OPTIONS', headers: { origin: 'https://app.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' } }
    expect((await fetch(`${limited.url}/v1/runs`, asks)).headers.get('access-control-allow-origin')).toBe('https://app.example')
    expect((await fetch(`${limited.url}/v1/runs`, { ...asks, headers: { ...asks.headers, origin: 'https://evil.example' } })).headers.get('access-control-allow-origin')).not.toBe('https://evil.example')
    expect((await fetch(`${api.url}/v1/runs`, asks)).headers.get('access-control-allow-origin')).toBeNull()
  })

  it('describes itself as OpenAPI 3.1: valid, and each route in it is guarded', async () => {
    const { body: document } = await call('/v1/openapi.json', '')
    const { valid, errors } = await new Validator().validate(document)
    expect([valid, errors]).toEqual([true, undefined])
    expect(document).toMatchObject({ openapi: '3.1.0', components: { securitySchemes: { key: { scheme: 'bearer' } } } })
    const operations = Object.entries(document['paths'] as Record<string, Record<string, { operationId: string; responses: Record<string, unknown>; security?: unknown }>>).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })))
    expect(new Set(operations.map((o) => o.operationId)).size).toBe(operations.length)
    expect(operations.map((o) => `${o.method} ${o.path}`)).toEqual(expect.arrayContaining(['post /v1/syncs/{sync}/runs', 'get /v1/runs/{run}/progress', 'post /v1/runs/{run}/pause', 'post /v1/rejects/retry', 'post /v1/connections', 'post /v1/connect-links']))
    expect([document['paths']['/v1/syncs/{sync}/runs'].post.requestBody.required, document['paths']['/v1/connections'].post.requestBody.required]).toEqual([false, true])
    for (const { path, method, responses, security } of operations.filter((o) => o.path.startsWith('/v1/'))) {
      expect([path, responses, security]).toEqual([path, expect.objectContaining({ '4XX': expect.objectContaining({ content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } }) as object }), [{ key: [] }]])
      const stranger = await call(path.replace(/\{\w+\}/g, 'x'), '', { method: method.toUpperCase() })
      expect([path, stranger.status, stranger.headers.get('www-authenticate')]).toEqual([path, 401, 'Bearer realm="isthmus"'])
    }
  })
})
