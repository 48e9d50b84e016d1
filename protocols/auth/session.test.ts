import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authSchema, sourceSchema, type AuthInput, type SourceInput, type Token, type Value } from '../../model/index.ts'
import { createHttp } from '../http/index.ts'
import { openConnection } from '../rest/index.ts'
import { json, testServer, type TestServer } from '../testing/server.ts'
import { createAuthenticator } from './authenticator.ts'

const ENV: Record<string, string> = { PASSWORD: 'canary-pass&word' }
const resolve = (v: Value): string => (typeof v === 'string' ? v : ENV[(v as { env: string }).env]!)
const none: Token = { version: 0, accessToken: '', expiresAt: null, refreshToken: null }

describe('session', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await testServer((seen, res) => {
      if (seen.path === '/down') return json(res, { error: 'later' }, 503)
      const given = seen.headers['content-type']?.includes('json') ? (JSON.parse(seen.body) as Record<string, string>)['pass'] : new URLSearchParams(seen.body).get('pass')
      const basic = Buffer.from((seen.headers['authorization'] ?? '').slice(6), 'base64').toString()
      if (given !== ENV['PASSWORD'] && basic !== `ann:${ENV['PASSWORD']}`) return seen.path === '/quiet' ? json(res, { ok: false, message: `wrong ${given}` }) : json(res, {}, 401)
      res.setHeader('set-cookie', ['other=1; Path=/', 'old=; Max-Age=0', 'SID=canary-cookie-1; HttpOnly; Secure'])
      res.setHeader('x-csrf-token', 'canary-header-1')
      return seen.path === '/form' ? (res.writeHead(302, { location: '/home' }), res.end()) : seen.path === '/number' ? res.writeHead(200, { 'content-type': 'application/json' }).end('\ufeff{"data":{"id":12345678901234567890}}') : json(res, { data: { id: 'canary-body-1' } })
    })
  })
  afterAll(() => server.close())

  const logIn = async (more: Partial<Extract<AuthInput, { kind: 'session' }>>, password = 'PASSWORD') => {
    const http = createHttp({ origins: [server.url], timeoutMs: 2000, maxBytes: 1 << 20, concurrency: 1, userAgent: 'test' })
    const auth = authSchema.parse({ kind: 'session', loginUrl: '/login', token: 'data.id', body: { user: 'ann', pass: { env: password } }, ...more })
    const authenticator = createAuthenticator(auth, { resolve: (v) => (resolve(v) as string | undefined) ?? 'canary-wrong', http, baseUrl: server.url })
    try {
      const token = await authenticator.fetchToken(none)
      const target = { url: new URL(`${server.url}/x`), headers: { cookie: 'a=1' } as Record<string, string>, method: 'GET', body: null }
      authenticator.apply(target, { ...token, version: 1 })
      return { token, target }
    } finally {
      await http.close()
    }
  }

  it('takes the session from body, header and cookie, and sends it as header, cookie and query', async () => {
    const body = await logIn({ prefix: 'Token ', ttl: '20m' })
    expect(body.target.headers).toMatchObject({ authorization: 'Token canary-body-1' })
    expect(body.token.expiresAt!.getTime() - Date.now()).toBeGreaterThan(19 * 60_000)
    const header = await logIn({ from: 'header', token: 'X-CSRF-Token', format: 'form', in: 'query', name: 'sid' })
    expect([header.target.url.search, header.token.expiresAt]).toEqual(['?sid=canary-header-1', null])
    const cookie = await logIn({ from: 'cookie', token: 'SID', in: 'cookie', name: 'SID', loginUrl: '/form', format: 'form' })
    expect(cookie.target.headers['cookie']).toBe('a=1; SID=canary-cookie-1')
    const all = await logIn({ from: 'cookie', token: '*', loginUrl: '/form', format: 'form' })
    expect(all.target.headers).toEqual({ cookie: 'a=1; other=1; SID=canary-cookie-1' })
    const basic = await logIn({ body: {}, basic: { username: 'ann', password: { env: 'PASSWORD' } } })
    expect(basic.token.accessToken).toBe('canary-body-1')
    expect((await logIn({ loginUrl: '/number' })).token.accessToken).toBe('12345678901234567890')
  })

  it('tells wrong credentials from a server in trouble, and quotes no password', async () => {
    await expect(logIn({}, 'NONE')).rejects.toMatchObject({ type: 'AuthFailed', field: 'from.auth.body', cure: expect.stringContaining('NONE') as string })
    const quiet = await logIn({ loginUrl: '/quiet' }, 'NONE').catch((e: Error) => e)
    expect(quiet).toMatchObject({ type: 'AuthFailed', message: expect.stringContaining('wrong ***') as string })
    await expect(logIn({ loginHeaders: { 'X-App': 'a\nb' } })).rejects.toMatchObject({ type: 'InvalidInput', field: 'from.auth.loginHeaders.x-app' })
    await expect(logIn({ loginUrl: '/down' })).rejects.toMatchObject({ type: 'Transient' })
  })
})

describe('mutual TLS', () => {
  it('shows its certificate, verifies the server, and names what is wrong with either', async () => {
    const ca = await generate([{ name: 'commonName', value: '127.0.0.1' }], { keySize: 2048, extensions: [{ name: 'basicConstraints', cA: true }, { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }] })
    const client = await generate([{ name: 'commonName', value: 'acme client' }], { keySize: 2048, extensions: [{ name: 'basicConstraints', cA: true }] })
    const server = createServer({ key: ca.private, cert: ca.cert, ca: [client.cert], requestCert: true, rejectUnauthorized: true }, (req, res) => {
      res.end(JSON.stringify({ name: (req.socket as TLSSocket).getPeerCertificate().subject.CN, form: req.url }))
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    Object.assign(ENV, { CERT: client.cert, KEY: client.private.replaceAll('\n', '\\n'), CA: ca.cert, OTHER: ca.private })
    const ask = async (tls: SourceInput['tls']) => {
      const connection = openConnection({ source: sourceSchema.parse({ baseUrl: url, tls }), resolve })
      try {
        return JSON.parse((await connection.http.request({ url })).body.toString()) as unknown
      } finally {
        await connection.close()
      }
    }
    const e = (env: string): { env: string } => ({ env })
    try {
      expect(await ask({ cert: e('CERT'), key: e('KEY'), ca: e('CA') })).toMatchObject({ name: 'acme client' })
      await expect(ask({ ca: e('CA') })).rejects.toMatchObject({ type: expect.stringMatching(/Transient|Unreachable/) as string })
      await expect(ask({ cert: e('CERT'), key: e('KEY') })).rejects.toMatchObject({ message: expect.stringMatching(/certificate/i) as string })
      await expect(ask({ cert: e('CERT'), key: e('OTHER'), ca: e('CA') })).rejects.toMatchObject({ type: 'InvalidInput', field: 'from.tls.key' })
      await expect(ask({ cert: e('CERT'), ca: e('CA') })).rejects.toMatchObject({ field: 'from.tls.key' })
      await expect(ask({ cert: e('PASSWORD'), key: e('KEY') })).rejects.toMatchObject({ field: 'from.tls.cert', message: expect.not.stringContaining('canary') as string })
    } finally {
      await new Promise((done) => {
        server.close(done)
        server.closeAllConnections()
      })
    }
  })
})
