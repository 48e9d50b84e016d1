import { generateKeyPairSync } from 'node:crypto'
import { jwtVerify } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import { authSchema, IsthmusError } from '../../model/index.ts'
import type { AuthInput, Token, Value } from '../../model/index.ts'
import { createHttp } from '../http/index.ts'
import { json, testServer } from '../testing/server.ts'
import type { Seen, TestServer } from '../testing/server.ts'
import { createAuthenticator } from './authenticator.ts'

const open: { close(): Promise<void> }[] = []
const keep = <T extends { close(): Promise<void> }>(thing: T): T => (open.push(thing), thing)
afterEach(async () => {
  await Promise.all(open.splice(0).map((o) => o.close()))
})

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ENV: Record<string, string> = {
  ID: 'client-1',
  SECRET: 'canary_secret.1',
  ODD: 'canary:s+c/r=t é',
  REFRESH: 'canary-refresh-0',
  RSA: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  RSA1: (rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }) as string).replaceAll('\n', '\\n'),
  LOCKED: rsa.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' }) as string,
  LOCKED1: (rsa.privateKey.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' }) as string).replaceAll('\n', '\\n'),
  EC: ec.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  SHARED: 'canary-shared-key-of-32-characters',
}
const resolve = (v: Value) => (typeof v === 'string' ? v : ENV[(v as { env: string }).env]!)
const none: Token = { version: 0, accessToken: '', expiresAt: null, refreshToken: null }
const HEADERS: Record<number, Record<string, string>> = { 302: { location: 'http://127.0.0.2/' }, 503: {}, 429: { 'retry-after': '7' } }
const NOW = 1_800_000_000_000

function authenticator(input: AuthInput, baseUrl: string) {
  const http = keep(createHttp({ origins: [baseUrl], timeoutMs: 1000, maxBytes: 1 << 20, concurrency: 2, userAgent: 'test' }))
  return createAuthenticator(authSchema.parse(input), { resolve, http, baseUrl, now: () => NOW })
}
const target = (url = 'https://h/x?page=1') => ({ url: new URL(url), headers: {} as Record<string, string>, method: 'GET', body: null })
const failure = async (promise: Promise<unknown>): Promise<IsthmusError> => {
  const error = await promise.then(() => null, (e: unknown) => e)
  expect(error).toBeInstanceOf(IsthmusError)
  expect(JSON.stringify([String(error), (error as IsthmusError).format(), (error as Error).stack])).not.toMatch(/canary/)
  return error as IsthmusError
}

describe('static credentials', () => {
  it('puts them where the plan says', () => {
    const put = (input: AuthInput) => {
      const t = target()
      authenticator(input, 'https://h').apply(t, null)
      return [t.url.search, t.headers]
    }
    expect(put({ kind: 'none' })).toEqual(['?page=1', {}])
    expect(put({ kind: 'apiKey', key: { env: 'SECRET' } })).toEqual(['?page=1', { 'x-api-key': 'canary_secret.1' }])
    expect(put({ kind: 'apiKey', name: 'Authorization', prefix: 'Token ', key: { env: 'SECRET' } })[1]).toEqual({ authorization: 'Token canary_secret.1' })
    expect(put({ kind: 'apiKey', in: 'query', name: 'key', key: { env: 'ODD' } })[0]).toBe('?page=1&key=canary%3As%2Bc%2Fr%3Dt%20%C3%A9')
    expect(put({ kind: 'bearer', token: { env: 'SECRET' } })[1]).toEqual({ authorization: 'Bearer canary_secret.1' })
    expect(put({ kind: 'basic', username: 'me', password: { env: 'ODD' } })[1]).toEqual({ authorization: `Basic ${Buffer.from(`me:${ENV['ODD']}`).toString('base64')}` })
  })

  it('names field and variables to correct', () => {
    expect(authenticator({ kind: 'basic', username: { env: 'ID' }, password: { env: 'ODD' } }, 'https://h').blame).toEqual({ field: 'from.auth.password', variables: ['ODD', 'ID'], credentials: [], connection: '' })
    expect(authenticator({ kind: 'apiKey', in: 'query', name: 'k', key: { env: 'SECRET' } }, 'https://h').secretParams).toEqual(['k'])
  })
})

describe('signed tokens', () => {
  it('signs locally and says when it runs out', async () => {
    const shared = authenticator({ kind: 'signedJwt', key: { env: 'SHARED' }, claims: { iss: { env: 'ID' }, aud: 'api' }, ttl: '2m', keyId: 'k1' }, 'https://h')
    const token = await shared.fetchToken(none)
    expect(token.expiresAt!.getTime()).toBe(NOW + 120_000)
    const { payload, protectedHeader } = await jwtVerify(token.accessToken, new TextEncoder().encode(ENV['SHARED']), { currentDate: new Date(NOW) })
    expect(payload).toEqual({ iss: 'client-1', aud: 'api', iat: NOW / 1000, exp: NOW / 1000 + 120 })
    expect(protectedHeader).toEqual({ alg: 'HS256', typ: 'JWT', kid: 'k1' })
    for (const [algorithm, key, pub] of [['RS256', 'RSA', rsa.publicKey], ['PS256', 'RSA1', rsa.publicKey], ['ES256', 'EC', ec.publicKey]] as const) {
      const one = await authenticator({ kind: 'signedJwt', algorithm, key: { env: key } }, 'https://h').fetchToken(none)
      await jwtVerify(one.accessToken, pub, { currentDate: new Date(NOW) })
    }
  })

  it('refuses a key that cannot sign, naming its variable only', async () => {
    const wrong = await failure(authenticator({ kind: 'signedJwt', algorithm: 'RS256', key: { env: 'SHARED' } }, 'https://h').fetchToken(none))
    expect([wrong.type, wrong.field, wrong.cure]).toEqual(['InvalidInput', 'from.auth.key', 'correct the value of the environment variable SHARED'])
    expect((await failure(authenticator({ kind: 'signedJwt', algorithm: 'ES256', key: { env: 'RSA' } }, 'https://h').fetchToken(none))).message).toContain('another kind of key')
    for (const key of ['LOCKED', 'LOCKED1']) expect(await failure(authenticator({ kind: 'signedJwt', algorithm: 'RS256', key: { env: key } }, 'https://h').fetchToken(none))).toMatchObject({ message: expect.stringContaining('passphrase') as string, cure: expect.stringContaining(`${key}: take the passphrase off`) as string })
  })
})

describe('token endpoint', () => {
  const serve = async (handle: (req: Seen, form: URLSearchParams) => [number, unknown, Record<string, string>?]): Promise<TestServer> =>
    keep(await testServer((req, res) => {
      const [status, body, headers] = handle(req, new URLSearchParams(req.body))
      if (typeof body === 'string') return void res.writeHead(status, headers).end(body)
      json(res, body, status, headers)
    }))
  const clientCredentials = { kind: 'oauth2ClientCredentials', tokenUrl: '/oauth/token', clientId: { env: 'ID' }, clientSecret: { env: 'SECRET' } } as const

  it('gets a token with basic, scope, audience, params and headers', async () => {
    const server = await serve(() => [200, { access_token: 'canary-access', token_type: 'Bearer', expires_in: 3600, id_token: 'not ours' }])
    const auth = authenticator({ ...clientCredentials, scope: 'a b', audience: 'api', params: { tenant: { env: 'ID' } }, tokenHeaders: { 'X-T': '1' } }, `${server.url}/base`)
    expect(await auth.fetchToken(none)).toEqual({ accessToken: 'canary-access', expiresAt: new Date(NOW + 3_600_000), refreshToken: null })
    const [req] = server.seen
    expect([req!.path, req!.headers['authorization'], req!.headers['x-t']]).toEqual(['/base/oauth/token', `Basic ${Buffer.from('client-1:canary_secret.1').toString('base64')}`, '1'])
    expect(Object.fromEntries(new URLSearchParams(req!.body))).toEqual({ grant_type: 'client_credentials', scope: 'a b', audience: 'api', tenant: 'client-1' })
    const t = target()
    auth.apply(t, { version: 1, accessToken: 'canary-access', expiresAt: null, refreshToken: null })
    expect(t.headers['authorization']).toBe('Bearer canary-access')
  })

  it('understands answers without expires_in or token_type, and 201', async () => {
    let answer: [number, unknown] = [201, { access_token: 'x1234' }]
    const server = await serve(() => answer)
    const auth = authenticator(clientCredentials, server.url)
    expect(await auth.fetchToken(none)).toEqual({ accessToken: 'x1234', expiresAt: null, refreshToken: null })
    answer = [200, { access_token: 'x1234', token_type: 'BearerToken', expires_in: '60' }]
    expect((await auth.fetchToken(none)).expiresAt).toEqual(new Date(NOW + 60_000))
    for (const lie of ['soon', '', ' ', true, [60], { s: 60 }, -60, '-60', '1e999', 0]) {
      answer = [200, { access_token: 'x1234', expires_in: lie, scope: ['a', 'b'] }]
      expect([lie, (await auth.fetchToken(none)).expiresAt]).toEqual([lie, null])
    }
    answer = [200, { access_token: 'x1234', expires_in: 1e300 }]
    expect((await auth.fetchToken(none)).expiresAt!.getTime()).toBe(NOW + 3650 * 86_400_000)
  })

  it('finds the place where the server looks for the client', async () => {
    const pair = `client-1:${ENV['ODD']}`
    const raw = await serve((req) => (Buffer.from((req.headers['authorization'] ?? '').slice(6), 'base64').toString() === pair ? [200, { access_token: 'raw1' }] : [401, { error: 'invalid_client' }]))
    const odd = { ...clientCredentials, clientSecret: { env: 'ODD' } }
    expect((await authenticator(odd, raw.url).fetchToken(none)).accessToken).toBe('raw1')
    const post = await serve((_req, form) => (form.get('client_secret') === ENV['ODD'] ? [200, { access_token: 'post' }] : [401, '']))
    expect((await authenticator(odd, post.url).fetchToken(none)).accessToken).toBe('post')
    expect(post.seen).toHaveLength(3)
    expect((await authenticator({ ...odd, clientAuth: 'post' }, post.url).fetchToken(none)).accessToken).toBe('post')
    expect(post.seen).toHaveLength(4)
  })

  it.each([
    [401, { error: 'invalid_client', error_description: 'no canary_secret.1' }, 'AuthFailed', 'from.auth.clientSecret'],
    [400, { error: 'invalid_client' }, 'AuthFailed', 'from.auth.clientSecret'],
    [403, 'go away', 'AuthFailed', 'from.auth.clientSecret'],
    [400, { error: 'invalid_scope' }, 'AuthFailed', 'from.auth.scope'],
    [200, { error: 'invalid_client' }, 'AuthFailed', 'from.auth.clientSecret'],
    [200, { ok: true }, 'Contract', 'from.auth.tokenUrl'],
    [200, { access_token: '' }, 'Contract', 'from.auth.tokenUrl'],
    [200, '<html>', 'Contract', 'from.auth.tokenUrl'],
    [404, 'nothing canary_secret.1 here', 'Contract', 'from.auth.tokenUrl'],
    [302, '', 'Contract', 'from.auth.tokenUrl'],
    [503, '', 'Transient', 'from.auth.tokenUrl'],
    [429, '', 'RateLimited', 'from.auth'],
  ] as const)('%i %o is %s', async (status, body, type, field) => {
    const server = await serve(() => [status, body, HEADERS[status]])
    const error = await failure(authenticator(clientCredentials, server.url).fetchToken(none))
    expect([error.type, error.field]).toEqual([type, field])
    if (type === 'AuthFailed' && field.endsWith('clientSecret')) expect(error.cure).toBe('correct the value of the environment variable SECRET (and check ID)')
    if (type === 'RateLimited') expect(error.until).toEqual(new Date(NOW + 7000))
  })

  it('rotates refresh tokens, keeps the old one when none comes, and presents each once', async () => {
    let nth = 0
    const server = await serve((_req, form) => {
      nth++
      if (form.get('refresh_token') === 'canary-refresh-2') return [400, { error: 'invalid_grant', error_description: 'used: canary-refresh-2' }]
      return [200, { access_token: `access-${nth}`, expires_in: 60, ...(nth === 2 ? {} : { refresh_token: nth === 4 ? '' : `canary-refresh-${nth}` }) }]
    })
    const auth = authenticator({ kind: 'oauth2RefreshToken', tokenUrl: `${server.url}/t`, clientId: 'c', refreshToken: { env: 'REFRESH' } }, 'http://127.0.0.1:1')
    let token = { version: 1, ...(await auth.fetchToken(none)) }
    expect(token.refreshToken).toBe('canary-refresh-1')
    token = { version: 2, ...(await auth.fetchToken(token)) }
    expect(token.refreshToken).toBe('canary-refresh-1')
    expect((await auth.fetchToken(none)).refreshToken).toBe('canary-refresh-3')
    // An empty one is none: the old one may still work, and an error would count it as lost.
    expect((await auth.fetchToken({ ...token, refreshToken: 'canary-refresh-3' })).refreshToken).toBe('canary-refresh-3')
    const error = await failure(auth.fetchToken({ ...token, refreshToken: 'canary-refresh-2' }))
    expect([error.type, error.field, error.cure]).toEqual(['AuthFailed', 'from.auth.refreshToken', 'sign in again and put the new refresh token into the environment variable REFRESH'])
    expect(server.seen.map((r) => new URLSearchParams(r.body).get('refresh_token'))).toEqual(['canary-refresh-0', 'canary-refresh-1', 'canary-refresh-0', 'canary-refresh-3', 'canary-refresh-2'])
    expect(new URLSearchParams(server.seen[0]!.body).get('client_id')).toBe('c')
  })

  it('says where else a secret may belong, since a refresh token is not presented twice to find out', async () => {
    const server = await serve(() => [401, { error: 'invalid_client' }])
    for (const [clientAuth, other] of [['basic', 'post'], ['post', 'basic']] as const) {
      const auth = authenticator({ kind: 'oauth2RefreshToken', tokenUrl: '/t', clientId: 'c', clientSecret: { env: 'SECRET' }, clientAuth, refreshToken: { env: 'REFRESH' } }, server.url)
      expect((await failure(auth.fetchToken(none))).cure).toMatch(new RegExp(`^correct the value of the environment variable SECRET; .*clientAuth: '${other}'`))
    }
    expect(server.seen).toHaveLength(2)
  })

  it('tells what became of the refresh token of a request that failed', async () => {
    let answer: [number, unknown] | 'reset' = 'reset'
    const ports = new Set<number>()
    const server = keep(await testServer((_req, res) => {
      ports.add(res.socket!.remotePort!)
      if (answer === 'reset') return void res.socket!.resetAndDestroy()
      if (typeof answer[1] === 'string') return void res.writeHead(answer[0]).end(answer[1])
      json(res, answer[1], answer[0])
    }))
    const auth = authenticator({ kind: 'oauth2RefreshToken', tokenUrl: '/t', clientId: 'c', refreshToken: { env: 'REFRESH' } }, server.url)
    const verdict = async (use = auth, signal?: AbortSignal) => use.verdict(await use.fetchToken(none, signal).then(() => null, (e: unknown) => e))
    expect(await verdict()).toBe('unclear')
    for (answer of [[500, { error: 'server_error' }], [502, ''], [503, ''], [504, ''], [408, ''], [200, '<html>'], [200, { ok: true }], [200, { access_token: '' }], [204, '']] as [number, unknown][]) expect([answer, await verdict()]).toEqual([answer, 'unclear'])
    for (answer of [[400, { error: 'invalid_grant' }], [200, { error: 'invalid_grant' }]] as [number, unknown][]) expect(await verdict()).toBe('refused')
    for (answer of [[401, { error: 'invalid_client' }], [400, { error: 'invalid_scope' }], [429, ''], [404, 'no'], [302, '']] as [number, unknown][]) expect([answer, await verdict()]).toEqual([answer, 'unused'])
    const presented = server.seen.length
    // Refused connections, a missing variable, and a signal before anything left.
    expect(await verdict(authenticator({ kind: 'oauth2RefreshToken', tokenUrl: 'http://127.0.0.1:1/t', clientId: 'c', refreshToken: { env: 'REFRESH' } }, server.url))).toBe('unused')
    expect(await verdict(auth, AbortSignal.abort())).toBe('unused')
    expect(server.seen).toHaveLength(presented)
    // No request goes into a connection that was kept alive: it might just be closing.
    expect(ports.size).toBe(presented)
    expect(auth.verdict(new Error('of somebody else'))).toBe('unclear')
  })

  it('names what is presented once, and whom to ask for another', async () => {
    const auth = authenticator({ kind: 'oauth2RefreshToken', tokenUrl: '/t', clientId: { env: 'ID' }, refreshToken: { env: 'REFRESH' } }, 'https://h/b')
    expect(auth.presents(none)).toBe(JSON.stringify(['https://h/b/t', 'client-1', ENV['REFRESH']]))
    expect(auth.presents({ ...none, version: 1, refreshToken: 'next' })).toContain('next')
    expect(auth.reconnect('why')).toMatchObject({ type: 'AuthFailed', message: 'why', field: 'from.auth.refreshToken', cure: 'sign in again and put the new refresh token into the environment variable REFRESH' })
    expect(authenticator(clientCredentials, 'https://h').presents(none)).toBeNull()
  })

  it('exchanges a signed assertion (RFC 7523)', async () => {
    const server = await serve(() => [200, { access_token: 'from-assertion', token_type: 'Bearer' }])
    const auth = authenticator({ kind: 'jwtBearer', tokenUrl: `${server.url}/t`, clientId: { env: 'ID' }, key: { env: 'RSA' }, subject: 'user@x', scope: 's1' }, server.url)
    expect((await auth.fetchToken(none)).accessToken).toBe('from-assertion')
    await auth.fetchToken(none)
    const [a, b] = await Promise.all(server.seen.map(async (r) => {
      const form = new URLSearchParams(r.body)
      expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
      return (await jwtVerify(form.get('assertion')!, rsa.publicKey, { currentDate: new Date(NOW), audience: `${server.url}/t` })).payload
    }))
    expect(a).toMatchObject({ iss: 'client-1', sub: 'user@x', scope: 's1', exp: NOW / 1000 + 180 })
    expect(a!.jti).not.toBe(b!.jti)
  })

  it('puts further claims into assertions; those it makes itself cannot be set', async () => {
    const server = await serve(() => [200, { access_token: 'x1234' }])
    const claims = { scope: 'rest_webservices', tenant: { env: 'ID' }, iss: 'evil', aud: 'evil', exp: '9999999999' }
    const key = { env: 'RSA' }
    await authenticator({ ...clientCredentials, tokenUrl: `${server.url}/t`, clientSecret: null, clientAssertion: { algorithm: 'PS256', key, keyId: 'cert-1', claims } }, server.url).fetchToken(none)
    await authenticator({ kind: 'jwtBearer', tokenUrl: `${server.url}/t`, clientId: { env: 'ID' }, key, scope: 'beside', claims }, server.url).fetchToken(none)
    for (const [seen, name] of [[server.seen[0]!, 'client_assertion'], [server.seen[1]!, 'assertion']] as const) {
      const { payload } = await jwtVerify(new URLSearchParams(seen.body).get(name)!, rsa.publicKey, { currentDate: new Date(NOW), audience: `${server.url}/t`, issuer: 'client-1' })
      expect(payload).toMatchObject({ scope: 'rest_webservices', tenant: 'client-1', exp: NOW / 1000 + 180 })
    }
  })

  it('says Unreachable, and refuses plain http beside https', async () => {
    const gone = authenticator({ ...clientCredentials, tokenUrl: 'http://127.0.0.1:1/t' }, 'http://127.0.0.1:1')
    expect(await failure(gone.fetchToken(none))).toMatchObject({ type: 'Unreachable', field: 'from.auth.tokenUrl' })
    const plain = authenticator({ ...clientCredentials, tokenUrl: 'http://login.example.com/t' }, 'https://api.example.com')
    expect(await failure(plain.fetchToken(none))).toMatchObject({ type: 'InvalidInput', field: 'from.auth.tokenUrl' })
  })
})
