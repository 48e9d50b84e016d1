import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt, exportJWK } from 'jose'
import { OAuth2Server } from 'oauth2-mock-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authSchema, type AuthInput, type Token, type Value } from '../../../model/index.ts'
import { createHttp } from '../../http/index.ts'
import { createRedactor } from '../../../model/redact/index.ts'
import { json, testServer } from '../../testing/server.ts'
import { TestBrowser } from '../../testing/browser.ts'
import { createAuthenticator } from '../authenticator.ts'
import type { AuthDeps } from '../types.ts'
import { beginAuthorization, beginDevice, finishAuthorization, pollDevice, receiveRedirect, type CodeAuth, type DeviceAuth } from './index.ts'

// Two servers of others: the certified OpenID provider `oidc-provider`, which brings no types, and `oauth2-mock-server`.
const { default: Provider } = (await import('oidc-provider' as string)) as { default: new (issuer: string, options: unknown) => { callback(): () => void } }
const REDIRECT = 'http://127.0.0.1:1/callback'
const keys = { RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }), PS256: generateKeyPairSync('rsa', { modulusLength: 2048 }), ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string
const ENV: Record<string, string> = { SECRET: 'canary-client-secret', RS256: pem(keys.RS256.privateKey), PS256: pem(keys.PS256.privateKey), ES256: pem(keys.ES256.privateKey) }
const none: Token = { version: 0, accessToken: '', expiresAt: null, refreshToken: null }
let server: Server
let issuer: string
let deps: AuthDeps

beforeAll(async () => {
  server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const code = { redirect_uris: [REDIRECT], response_types: ['code'], grant_types: ['authorization_code', 'refresh_token'], client_secret: ENV['SECRET'], scope: 'openid offline_access', application_type: 'native' }
  const device = 'urn:ietf:params:oauth:grant-type:device_code'
  const provider = new Provider(issuer, {
    clients: [
      { ...code, client_id: 'web', token_endpoint_auth_method: 'client_secret_basic' },
      { ...code, client_id: 'native', client_secret: undefined, token_endpoint_auth_method: 'none' },
      { ...code, client_id: 'tv', redirect_uris: [], response_types: [], grant_types: [device, 'refresh_token'], client_secret: undefined, token_endpoint_auth_method: 'none' },
      ...(await Promise.all(Object.entries(keys).map(async ([alg, pair]) => ({
        client_id: alg, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: 'read', token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: alg,
        jwks: { keys: [{ ...(await exportJWK(pair.publicKey)), kid: `key-${alg}`, alg, use: 'sig' }] },
      })))),
    ],
    clientAuthMethods: ['none', 'client_secret_basic', 'private_key_jwt'],
    enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256'] },
    features: { clientCredentials: { enabled: true }, deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
    scopes: ['openid', 'offline_access', 'read'],
    pkce: { required: () => true },
    rotateRefreshToken: true,
  })
  server.on('request', provider.callback())
  const http = createHttp({ origins: [issuer], timeoutMs: 5000, maxBytes: 1 << 20, concurrency: 2, userAgent: 'test' })
  deps = { http, baseUrl: issuer, connection: 'acme', resolve: (v: Value) => (typeof v === 'string' ? v : ENV[(v as { env: string }).env]!) }
})
afterAll(async () => {
  await deps.http.close()
  await new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  })
})

const codeAuth = (more: Partial<AuthInput> = {}): CodeAuth =>
  authSchema.parse({ kind: 'oauth2AuthorizationCode', authorizeUrl: '/auth', tokenUrl: '/token', clientId: 'web', clientSecret: { env: 'SECRET' }, scope: 'openid offline_access', authorizeParams: { prompt: 'consent' }, ...more } as AuthInput) as CodeAuth
const comesBack = (url: URL): boolean => url.href.startsWith(REDIRECT)
const AuthFailed = (part: string): object => ({ type: 'AuthFailed', message: expect.stringContaining(part) as string, cure: expect.stringContaining('isthmus connect acme') as string })

describe('authorization code', () => {
  it('signs in with PKCE, with and without a client secret; the refresh token is renewed once each, and a used code is refused', async () => {
    for (const auth of [codeAuth(), codeAuth({ clientId: 'native', clientSecret: null, issuer } as Partial<AuthInput>)]) {
      const { url, pending } = await beginAuthorization(auth, deps, { redirectUri: REDIRECT })
      const sent = new URL(url).searchParams
      expect([sent.get('code_challenge_method'), sent.get('code_challenge')]).toEqual(['S256', createHash('sha256').update(pending.verifier).digest('base64url')])
      const back = await new TestBrowser().visit(url, comesBack)
      const token = await finishAuthorization(auth, deps, pending, back.url)
      expect(token.refreshToken).toMatch(/.{20}/)
      const live = await fetch(`${issuer}/me`, { headers: { authorization: `Bearer ${token.accessToken}` } })
      expect(await live.json()).toMatchObject({ sub: 'anything' })
      const authenticator = createAuthenticator(auth, deps)
      const next = await authenticator.fetchToken({ ...token, version: 1 })
      expect(next.refreshToken).not.toBe(token.refreshToken)
      expect(authenticator.presents({ ...token, version: 1 })).toContain(token.refreshToken)
      await expect(authenticator.fetchToken({ ...token, version: 1 })).rejects.toMatchObject(AuthFailed('already used'))
      await expect(finishAuthorization(auth, deps, pending, back.url)).rejects.toMatchObject(AuthFailed('did not take the code'))
    }
  })

  it('proves itself with the verifier of RFC 7636 Appendix B where the challenge of that appendix was sent', async () => {
    const { url, pending } = await beginAuthorization(codeAuth(), deps, { redirectUri: REDIRECT })
    const sent = new URL(url)
    sent.searchParams.set('code_challenge', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')
    const back = await new TestBrowser().visit(sent.href, comesBack)
    // Kept elsewhere between two requests, as text; the process that ends it knows its secrets too.
    const kept = JSON.parse(JSON.stringify({ ...pending, verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk' })) as typeof pending
    const http = { ...deps.http, redactor: createRedactor() }
    await expect(finishAuthorization(codeAuth(), { ...deps, http }, kept, back.url)).resolves.toMatchObject({ accessToken: expect.stringMatching(/.{20}/) as string })
    expect(http.redactor.text(`${kept.verifier} ${back.url.searchParams.get('code')}`)).toBe('*** ***')
  })

  it('asks for a person where nobody has signed in', async () => {
    await expect(createAuthenticator(codeAuth(), deps).fetchToken(none)).rejects.toMatchObject(AuthFailed('nobody has signed in yet'))
    await expect(createAuthenticator(codeAuth(), deps).fetchToken({ ...none, version: 3 })).rejects.toMatchObject(AuthFailed('no refresh token'))
  })

  it('takes no answer that is not the one waited for', async () => {
    const { url, pending } = await beginAuthorization(codeAuth(), deps, { redirectUri: REDIRECT })
    const back = (query: string): URL => new URL(`${REDIRECT}?${query}`)
    const cases: [string, string][] = [
      ['code=x&state=other', 'state'], ['code=x', 'state'], [`code=x&state=${pending.state}&state=${pending.state}`, 'twice'], [`state=${pending.state}`, 'without a code'],
      [`error=access_denied&state=${pending.state}`, 'consent was refused'], [`error=server_error&error_description=no&state=${pending.state}`, 'server_error'],
      [`code=invented&state=${pending.state}`, 'did not take the code'],
    ]
    for (const [query, reason] of cases) await expect(finishAuthorization(codeAuth(), deps, pending, back(query)), query).rejects.toMatchObject(AuthFailed(reason))
    const strict = codeAuth({ issuer } as Partial<AuthInput>)
    await expect(finishAuthorization(strict, deps, pending, back(`code=x&state=${pending.state}`))).rejects.toMatchObject(AuthFailed('issuer'))
    await expect(finishAuthorization(strict, deps, pending, back(`code=x&state=${pending.state}&iss=https://evil.example`))).rejects.toMatchObject(AuthFailed('issuer'))
    const { url: other, pending: mine } = await beginAuthorization(codeAuth(), deps, { redirectUri: REDIRECT })
    expect(new URL(other).searchParams.get('state')).not.toBe(new URL(url).searchParams.get('state'))
    // The code of one sign-in with the verifier of another: the server itself refuses it.
    const answer = await new TestBrowser().visit(url, comesBack)
    answer.url.searchParams.set('state', mine.state)
    await expect(finishAuthorization(codeAuth(), deps, mine, answer.url)).rejects.toMatchObject(AuthFailed('did not take the code'))
  })

  it('works at another server, whose answers are odd', async () => {
    const odd = new OAuth2Server()
    await odd.issuer.keys.generate('RS256')
    await odd.start(0, '127.0.0.1')
    const base = `http://127.0.0.1:${odd.address().port}`
    const http = createHttp({ origins: [base], timeoutMs: 5000, maxBytes: 1 << 20, concurrency: 1, userAgent: 'test' })
    try {
      const at: AuthDeps = { ...deps, http, baseUrl: base }
      const auth = codeAuth({ authorizeUrl: '/authorize', clientId: 'x', clientSecret: null } as Partial<AuthInput>)
      const signIn = async () => {
        const { url, pending } = await beginAuthorization(auth, at, { redirectUri: REDIRECT })
        return finishAuthorization(auth, at, pending, (await new TestBrowser().visit(url, comesBack)).url)
      }
      expect((await signIn()).accessToken).toMatch(/^eyJ/)
      const answers: [(r: { body: unknown; statusCode: number }) => void, object][] = [
        [(r) => Object.assign(r.body as object, { expires_in: 'soon' }), { accessToken: expect.stringMatching(/^eyJ/) as string, expiresAt: null }],
        [(r) => { r.body = { access_token: '', token_type: 'Bearer' } }, { type: 'Contract' }],
        [(r) => { r.body = '<html>error</html>' }, { type: 'Contract' }],
        [(r) => { r.statusCode = 400; r.body = '<html>error</html>' }, { type: 'Contract', message: expect.stringContaining('HTTP 400') as string }],
        [(r) => { r.statusCode = 502; r.body = '<html>error</html>' }, { type: 'Transient' }],
        [(r) => Object.assign(r.body as object, { expires_in: -5, refresh_token: '' }), { expiresAt: null, refreshToken: null }],
        [(r) => Object.assign(r.body as object, { expires_in: 1e300 }), { expiresAt: expect.any(Date) as Date }],
        [(r) => { r.statusCode = 503; r.body = { error: 'temporarily_unavailable' } }, { type: 'Transient' }],
        [(r) => { r.statusCode = 200; r.body = { error: 'invalid_grant' } }, { type: 'AuthFailed' }],
      ]
      for (const [change, expected] of answers) {
        odd.service.once('beforeResponse', change as never)
        expect(await signIn().catch((error: unknown) => error)).toMatchObject(expected)
      }
    } finally {
      await http.close()
      await odd.stop()
    }
  })

  it('receives the browser once, at one address, under its own name', async () => {
    const stop = new AbortController()
    const receiver = await receiveRedirect({ path: '/callback', timeoutMs: 60_000, signal: stop.signal })
    const get = (path: string, init: RequestInit = {}) => fetch(new URL(path, receiver.redirectUri), init).then((r) => r.status)
    expect(await get('/other')).toBe(404)
    expect(await get('/callback?code=1', { method: 'POST' })).toBe(404)
    const { request } = await import('node:http')
    const foreign = new Promise((resolve) => request(`${receiver.redirectUri}?code=evil`, { headers: { host: 'evil.example' } }, (r) => resolve(r.statusCode)).end())
    expect(await foreign).toBe(404)
    expect(await get('/callback?code=1&state=2')).toBe(200)
    expect(await get('/callback?code=3')).toBe(200)
    expect((await receiver.callback).search).toBe('?code=1&state=2')
    await receiver.close()
    const late = await receiveRedirect({ path: '/callback', timeoutMs: 30, signal: stop.signal })
    await expect(late.callback).rejects.toMatchObject({ type: 'AuthFailed' })
    await late.close()
    const stopped = await receiveRedirect({ path: '/callback', timeoutMs: 60_000, signal: stop.signal })
    stop.abort(new Error('stopped'))
    await expect(stopped.callback).rejects.toThrow('stopped')
    await stopped.close()
  })
})

describe('device code', () => {
  const auth = (more = {}): DeviceAuth => authSchema.parse({ kind: 'oauth2DeviceCode', deviceUrl: '/device/auth', tokenUrl: '/token', clientId: 'tv', scope: 'openid offline_access', params: { prompt: 'consent' }, ...more } as AuthInput) as DeviceAuth

  it('waits until the code is entered elsewhere', async () => {
    const device = await beginDevice(auth(), deps)
    expect(device.expiresAt.getTime()).toBeGreaterThan(Date.now())
    const waiting = pollDevice(auth(), deps, { ...device.pending, intervalMs: 100 }, AbortSignal.timeout(20_000))
    const page = await new TestBrowser().visit(device.verificationUri, () => false, { user_code: device.userCode })
    expect(page.body).toMatch(/success/i)
    const token = await waiting
    expect(token.refreshToken).toMatch(/.{20}/)
    const next = await createAuthenticator(auth(), deps).fetchToken({ ...token, version: 1 })
    expect(next.refreshToken).not.toBe(token.refreshToken)
  })

  it('tells that the person refused, and that the code is not known any more', async () => {
    const device = await beginDevice(auth(), deps)
    const waiting = pollDevice(auth(), deps, { ...device.pending, intervalMs: 50 }, AbortSignal.timeout(20_000)).catch((error: unknown) => error)
    await new TestBrowser().visit(device.verificationUri, () => false, { user_code: device.userCode }, 'abort')
    expect(await waiting).toMatchObject(AuthFailed('consent was refused'))
    await expect(pollDevice(auth(), deps, { ...device.pending, deviceCode: 'invented', intervalMs: 10 }, AbortSignal.timeout(5000))).rejects.toMatchObject(AuthFailed('lapsed'))
  })

  it('waits as long as it is told, believes no odd number and shows no odd address', async () => {
    let offer: object = {}
    const told: [number, object, Record<string, string>?][] = []
    const server = await testServer((seen, res) => {
      if (seen.path === '/device/auth') return json(res, { device_code: 'canary-device-code', user_code: 'ABCD', verification_uri: 'https://example.com/d', ...offer })
      const [status, body, headers] = told.shift() ?? [400, { error: 'authorization_pending' }]
      json(res, body, status, headers)
    })
    const http = createHttp({ origins: [server.url], timeoutMs: 2000, maxBytes: 1 << 20, concurrency: 1, userAgent: 'test', redactor: createRedactor() })
    try {
      const at: AuthDeps = { ...deps, http, baseUrl: server.url, now: () => 1_800_000_000_000 }
      const timing = async (more: object) => {
        offer = more
        const { pending, expiresAt, verificationUriComplete } = await beginDevice(auth(), at)
        return [(expiresAt.getTime() - at.now!()) / 1000, pending.intervalMs / 1000, verificationUriComplete]
      }
      expect(await timing({})).toEqual([600, 5, ''])
      expect(await timing({ expires_in: '1800', interval: 7, verification_uri_complete: 'https://example.com/d?c=ABCD' })).toEqual([1800, 7, 'https://example.com/d?c=ABCD'])
      expect(await timing({ expires_in: 1e300, interval: 0.001, verification_uri_complete: 'file:///etc/passwd' })).toEqual([86_400, 1, ''])
      expect(await timing({ expires_in: -1, interval: 'soon' })).toEqual([600, 5, ''])
      for (const odd of [{ verification_uri: 'javascript:alert(1)' }, { user_code: 'A\u001b[2J' }, { device_code: '' }]) await expect(timing(odd)).rejects.toMatchObject({ type: 'Contract' })
      await expect(beginDevice(auth({ deviceUrl: 'ftp://example.com/x' }), at)).rejects.toMatchObject({ type: 'InvalidInput', field: 'from.auth.deviceUrl' })

      // Its assertion is for the token endpoint, as that of every other request (RFC 7523 section 3).
      offer = {}
      await beginDevice(auth({ clientAssertion: { algorithm: 'ES256', key: { env: 'ES256' } } }), at)
      const sent = new URLSearchParams(server.seen.at(-1)!.body)
      expect(decodeJwt(sent.get('client_assertion')!)).toMatchObject({ aud: `${server.url}/token`, iss: 'tv', sub: 'tv' })

      const polls = () => server.seen.filter((s) => s.path === '/token').length
      const poll = (lifeMs: number) => pollDevice(auth(), { ...at, now: Date.now }, { deviceCode: 'canary-device-code', intervalMs: 10, expiresAt: Date.now() + lifeMs }, AbortSignal.timeout(400)).catch((error: unknown) => error)
      // After slow_down: five seconds and the interval, neither less (it has lapsed by then) nor much more (it still waits).
      for (const slow of [[400, { error: 'slow_down' }], [503, {}], [429, {}, { 'retry-after': '5' }]] as typeof told) {
        for (const [lifeMs, end] of [[4900, AuthFailed('lapsed')], [6500, { name: 'AbortError' }]] as const) {
          told.push([400, { error: 'authorization_pending' }], slow)
          const before = polls()
          expect([slow, await poll(lifeMs), polls() - before]).toMatchObject([slow, end, 2])
        }
      }
      told.push([428, { error: 'authorization_pending' }], [200, { error: 'authorization_pending' }], [403, { error: 'expired_token' }])
      expect(await poll(60_000)).toMatchObject(AuthFailed('lapsed'))
      told.push([400, { error: 'authorization_declined' }])
      expect(await poll(60_000)).toMatchObject(AuthFailed('consent was refused'))
      told.push([200, { access_token: 'canary-access', refresh_token: 'canary-refresh' }])
      expect(await poll(60_000)).toEqual({ accessToken: 'canary-access', refreshToken: 'canary-refresh', expiresAt: null })
      expect(http.redactor.text('canary-device-code')).toBe('***')
    } finally {
      await http.close()
      await server.close()
    }
  })

  it('says what is wrong: a client that may not, a code that lapsed, a stop', async () => {
    await expect(beginDevice(auth({ clientId: 'web' }), deps)).rejects.toMatchObject({ field: expect.stringContaining('from.auth') as string })
    await expect(beginDevice(auth({ deviceUrl: '/nothing' }), deps)).rejects.toMatchObject({ type: 'Contract', field: 'from.auth.deviceUrl' })
    const device = await beginDevice(auth(), deps)
    await expect(pollDevice(auth(), deps, { ...device.pending, intervalMs: 10, expiresAt: Date.now() + 5 }, AbortSignal.timeout(5000))).rejects.toMatchObject(AuthFailed('lapsed'))
    await expect(pollDevice(auth(), deps, { ...device.pending, intervalMs: 10_000 }, AbortSignal.timeout(50))).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('client assertion', () => {
  it.each(['RS256', 'PS256', 'ES256'] as const)('signs in with %s instead of a secret', async (algorithm) => {
    const auth = authSchema.parse({ kind: 'oauth2ClientCredentials', tokenUrl: '/token', clientId: algorithm, scope: 'read', clientAssertion: { algorithm, key: { env: algorithm }, keyId: `key-${algorithm}` } })
    const token = await createAuthenticator(auth, deps).fetchToken(none)
    expect(token.accessToken).toMatch(/.{20}/)
    const other = authSchema.parse({ ...auth, clientAssertion: { algorithm, key: { env: algorithm === 'ES256' ? 'ES256' : algorithm === 'RS256' ? 'PS256' : 'RS256' }, keyId: `key-${algorithm}`, audience: 'https://elsewhere.example' } } as AuthInput)
    await expect(createAuthenticator(other, deps).fetchToken(none)).rejects.toMatchObject({ type: 'AuthFailed', field: 'from.auth.clientAssertion.key' })
  })
})
