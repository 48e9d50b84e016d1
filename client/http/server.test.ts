import { randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
import { loadVaultKey, openStore } from '../../store/index.ts'
import type { Store } from '../../model/ports.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { Connections } from '../connections.ts'
import { startHttpApi, type HttpApi } from './server.ts'

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
  let database: TestDatabase
  let projectDir = ''
  let store: Store
  let api: HttpApi
  const sims: Simulator[] = []
  const env: Record<string, string> = { ACME_ID: C.clientId, ACME_SECRET: C.clientSecret }
  const resumed: string[] = []

  beforeAll(async () => {
    sims.push(await startSimulator({ auth: 'oauth', records: { customers: 3 } }), await startSimulator({ auth: 'api-key', records: { customers: 3 } }))
    database = await testDatabase()
    projectDir = await mkdtemp(join(tmpdir(), 'isthmus-http-'))
    await mkdir(join(projectDir, 'connectors'))
    await writeFile(join(projectDir, 'connectors/acme.ts'), CONNECTOR)
    store = await openStore(database.url, { key: await loadVaultKey({ env: { ISTHMUS_KEY: randomBytes(32).toString('hex') }, projectDir }) })
    await store.migrate()
    const connections = new Connections({ projectDir, environment: () => env, store: () => Promise.resolve(store), reconnected: (name) => Promise.resolve([...(resumed.push(name), [])]) })
    api = await startHttpApi({ host: '127.0.0.1', port: 0, token: TOKEN, publicUrl: null, connections })
  })
  afterAll(async () => {
    await api?.close()
    await store?.close()
    await database?.close()
    await Promise.all(sims.map((s) => s.close()))
    await rm(projectDir, { recursive: true, force: true })
  })

  const create = async (body: object, token = TOKEN) => {
    const answer = await fetch(`${api.url}/v1/connect-links`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: JSON.stringify(body) })
    return { status: answer.status, body: (await answer.json()) as { url: string; connection: string; error?: { type: string; field?: string } } }
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
    const refused: [object, number, string | undefined][] = [
      [{ system: 'nope' }, 404, 'system'], [{ system: 'acme', more: 1 }, 400, 'body'], [{ system: 'acme', connection: 'a/b' }, 400, '--as'], [{ system: 'acme', settings: { other: 'x' } }, 400, 'settings'],
      [{ system: 'acme', returnUrl: 'http://app.example' }, 400, 'returnUrl'], [{ system: 'acme', returnUrl: 'javascript:alert(1)' }, 400, 'returnUrl'], [{}, 400, 'system'],
    ]
    for (const [body, status, field] of refused) expect([body, await create(body)]).toEqual([body, expect.objectContaining({ status, body: { error: expect.objectContaining({ field }) as object } })])
    const rebound = new Promise((resolve) => httpRequest(`${api.url}/v1/connections`, { headers: { host: 'evil.example', authorization: `Bearer ${TOKEN}` } }, (r) => resolve(r.statusCode)).end())
    expect(await rebound).toBe(421)
    for (const path of ['/connect/nothing', '/connect/callback', '/connect/callback?state=x&code=y']) expect((await new Browser().send(api.url + path)).status).toBe(410)
    const large = await fetch(`${api.url}/v1/connect-links`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` }, body: JSON.stringify({ system: 'x'.repeat(100_000) }) })
    expect(large.status).toBe(413)
  })
})
