import { importPKCS8, SignJWT } from 'jose'
import { createHash } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import { afterEach, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS as C } from '../credentials.ts'
import type { Simulator } from '../server.ts'
import { startSimulator } from '../server.ts'
import { basic, bearer, clientToken, get, postForm, postJson, sleep } from '../testing/client.ts'

let sim: Simulator
const start = async (options: Parameters<typeof startSimulator>[0]) => (sim = await startSimulator({ records: { transactions: 50 }, ...options }))
afterEach(() => sim.close())
const data = (headers = {}, query = '') => get(sim, `/page/transactions${query}`, headers)
const client = { client_id: C.clientId, client_secret: C.clientSecret }
const sign = async (alg: string, key: string, claims: Record<string, unknown>, expires = '2m') =>
  new SignJWT(claims).setProtectedHeader({ alg }).setIssuedAt().setExpirationTime(expires).sign(alg === 'HS256' ? new TextEncoder().encode(key) : await importPKCS8(key, alg))

describe('sign-in', () => {
  it('api-key: header or query', async () => {
    await start({ auth: 'api-key' })
    expect((await data({ 'x-api-key': C.apiKey })).status).toBe(200)
    expect((await data({}, `?api_key=${C.apiKey}`)).status).toBe(200)
    for (const headers of [{}, { 'x-api-key': 'no' }]) {
      const answer = await data(headers)
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'ApiKey realm="simulator"'])
    }
    expect(sim.stats().unauthorized).toBe(2)
  })

  it('basic', async () => {
    await start({ auth: 'basic', credentials: { password: 'a:b' } })
    expect((await data(basic(C.username, 'a:b'))).status).toBe(200)
    expect((await data(basic(C.username, 'a'))).status).toBe(401)
    expect((await data()).headers['www-authenticate']).toMatch(/^Basic /)
  })

  it('bearer', async () => {
    await start({ auth: 'bearer' })
    expect((await data(bearer(C.bearerToken))).status).toBe(200)
    expect((await data(bearer('x'))).headers['www-authenticate']).toContain('error="invalid_token"')
    expect((await data()).headers['www-authenticate']).not.toContain('error')
  })

  it('jwt: each algorithm; not expired, unsigned, foreign or endless ones', async () => {
    await start({ auth: 'jwt' })
    for (const [alg, key] of [['HS256', C.jwtSecret], ['ES256', C.ecPrivateKey], ['RS256', C.rsaPrivateKey], ['PS256', C.rsaPrivateKey]] as const) expect((await data(bearer(await sign(alg, key, { iss: 'me' })))).status).toBe(200)
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"exp":9999999999}').toString('base64url')}.`
    const endless = await new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(C.jwtSecret))
    for (const token of ['rubbish', none, endless, await sign('HS256', C.jwtSecret, {}, '-1m'), await sign('HS256', 'another secret of 32 bytes or so..', {})]) expect((await data(bearer(token))).status).toBe(401)
  })

  it('can be changed while it runs', async () => {
    await start({})
    expect((await data()).status).toBe(200)
    sim.configure({ auth: 'api-key' })
    expect((await data()).status).toBe(401)
    expect((await postJson(sim, '/_sim/config', { auth: 'none' })).status).toBe(200)
    expect((await data()).status).toBe(200)
  })
})

describe('token endpoint', () => {
  it('client credentials by Basic or form; wrong clients are refused', async () => {
    await start({ auth: 'oauth', tokenTtl: 60 })
    const answer = await postForm(sim, '/oauth/token', { grant_type: 'client_credentials' }, basic(C.clientId, C.clientSecret))
    expect(JSON.parse(answer.text)).toMatchObject({ token_type: 'Bearer', expires_in: 60 })
    expect(answer.headers['cache-control']).toBe('no-store')
    expect((await data(bearer(await clientToken(sim)))).status).toBe(200)
    const wrong = await postForm(sim, '/oauth/token', { grant_type: 'client_credentials', ...client, client_secret: 'x' })
    expect([wrong.status, JSON.parse(wrong.text).error]).toEqual([401, 'invalid_client'])
    expect((await postForm(sim, '/oauth/token', { grant_type: 'client_credentials', client_id: C.clientId })).status).toBe(401)
    expect(JSON.parse((await postForm(sim, '/oauth/token', { grant_type: 'password', ...client })).text).error).toBe('unsupported_grant_type')
    expect(JSON.parse((await postJson(sim, '/oauth/token', {})).text).error).toBe('invalid_request')
    expect(sim.stats().tokensIssued).toBe(2)
  })

  it('private_key_jwt and jwt-bearer assertions, with the right audience only', async () => {
    await start({ auth: 'oauth' })
    const aud = `${sim.url}/oauth/token`
    const post = async (form: Record<string, string>) => (await postForm(sim, '/oauth/token', form)).status
    const own = { iss: C.clientId, sub: C.clientId, aud }
    const asClient = (jwt: string) => post({ grant_type: 'client_credentials', client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: jwt })
    const asGrant = (assertion: string) => post({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion })
    expect(await asClient(await sign('ES256', C.ecPrivateKey, own))).toBe(200)
    expect(await asClient(await sign('RS256', C.rsaPrivateKey, { ...own, aud: 'https://elsewhere' }))).toBe(401)
    expect(await asClient(await sign('RS256', C.rsaPrivateKey, { ...own, sub: 'me' }))).toBe(401)
    expect(await asGrant(await sign('RS256', C.rsaPrivateKey, { ...own, sub: 'someone' }))).toBe(200)
    expect(await asGrant(await sign('RS256', C.rsaPrivateKey, { ...own, aud: 'https://elsewhere' }))).toBe(400)
    expect(await asGrant(await sign('RS256', C.rsaPrivateKey, own, '-1m'))).toBe(400)
  })

  it('refresh tokens rotate; using one twice revokes the family and is counted', async () => {
    await start({ auth: 'oauth' })
    const refresh = async (refresh_token: string) => JSON.parse((await postForm(sim, '/oauth/token', { grant_type: 'refresh_token', refresh_token, ...client })).text)
    const one = await refresh(C.refreshToken)
    const two = await refresh(one.refresh_token)
    expect((await data(bearer(two.access_token))).status).toBe(200)
    expect(await refresh(one.refresh_token)).toMatchObject({ error: 'invalid_grant' })
    expect((await data(bearer(two.access_token))).status).toBe(401)
    expect(await refresh(two.refresh_token)).toMatchObject({ error: 'invalid_grant' })
    expect(sim.stats()).toMatchObject({ refreshTokensUsedTwice: 1, tokensIssued: 2, refreshTokensIssued: 2 })
    // Also one that was refused the first time.
    expect(await refresh(two.refresh_token)).toMatchObject({ error: 'invalid_grant' })
    expect(sim.stats().refreshTokensUsedTwice).toBe(2)
  })

  it('refresh tokens stay good without rotation', async () => {
    await start({ auth: 'oauth', refreshRotation: false })
    for (let i = 0; i < 3; i++) {
      const answer = JSON.parse((await postForm(sim, '/oauth/token', { grant_type: 'refresh_token', refresh_token: C.refreshToken, ...client })).text)
      expect(answer.refresh_token).toBeUndefined()
      expect((await data(bearer(answer.access_token))).status).toBe(200)
    }
    expect(sim.stats().refreshTokensUsedTwice).toBe(0)
  })

  it('a lost answer has used the refresh token up', async () => {
    await start({ auth: 'oauth', tokenFaultAt: { 1: 'reset' } })
    const form = { grant_type: 'refresh_token', refresh_token: C.refreshToken, ...client }
    await expect(postForm(sim, '/oauth/token', form)).rejects.toThrow()
    expect((await postForm(sim, '/oauth/token', form)).status).toBe(400)
    expect(sim.stats()).toMatchObject({ refreshTokensUsedTwice: 1, faults: { reset: 1 } })
  })

  it('tokens die by time, by count and by revocation', async () => {
    await start({ auth: 'oauth', tokenTtl: 0.15 })
    const token = await clientToken(sim)
    expect((await data(bearer(token))).status).toBe(200)
    await sleep(170)
    expect((await data(bearer(token))).headers['www-authenticate']).toContain('expired')
    sim.configure({ tokenTtl: 60, expireTokenAfterRequests: 2 })
    const counted = bearer(await clientToken(sim))
    expect([(await data(counted)).status, (await data(counted)).status, (await data(counted)).status]).toEqual([200, 200, 401])
    sim.configure({ expireTokenAfterRequests: 0 })
    const gone = await clientToken(sim)
    expect((await postForm(sim, '/oauth/revoke', { token: gone, ...client })).status).toBe(200)
    expect((await data(bearer(gone))).status).toBe(401)
  })
})

it('authorization code with PKCE, through a client nobody here wrote', async () => {
  await start({ auth: 'oauth' })
  const http = { [oauth.allowInsecureRequests]: true }
  const as = await oauth.processDiscoveryResponse(new URL(sim.url), await oauth.discoveryRequest(new URL(sim.url), { algorithm: 'oauth2', ...http }))
  const app: oauth.Client = { client_id: C.clientId }
  const verifier = oauth.generateRandomCodeVerifier()
  const redirect = 'http://127.0.0.1:9/callback'
  const ask = async (more: Record<string, string>) => {
    const query = new URLSearchParams({ response_type: 'code', client_id: C.clientId, redirect_uri: redirect, state: 's1', code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256', ...more })
    return get(sim, `/oauth/authorize?${query.toString()}`)
  }
  const trade = async (code: string, secret = verifier, auth = oauth.ClientSecretPost(C.clientSecret)) => {
    const params = oauth.validateAuthResponse(as, app, new URL(`${redirect}?code=${code}&state=s1`), 's1')
    return oauth.processAuthorizationCodeResponse(as, app, await oauth.authorizationCodeGrantRequest(as, app, auth, params, redirect, secret, http))
  }
  const codeOf = async () => new URL((await ask({})).headers['location']!).searchParams.get('code')!
  const code = await codeOf()
  const tokens = await trade(code)
  expect((await data(bearer(tokens.access_token))).status).toBe(200)
  await expect(trade(code)).rejects.toThrow()
  await expect(codeOf().then((c) => trade(c, oauth.generateRandomCodeVerifier()))).rejects.toThrow()
  const open = await trade(await codeOf(), verifier, oauth.None())
  const next = await oauth.processRefreshTokenResponse(as, app, await oauth.refreshTokenGrantRequest(as, app, oauth.None(), open.refresh_token!, http))
  expect((await data(bearer(next.access_token))).status).toBe(200)
  expect((await ask({ redirect_uri: 'https://example.com/' })).status).toBe(400)
  expect((await ask({ client_id: 'x' })).status).toBe(400)
  expect((await ask({ code_challenge_method: 'plain' })).headers['location']).toContain('error=invalid_request')
})
