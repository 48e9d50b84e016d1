import { describe, expect, it } from 'vitest'
import { sourceSchema } from '../../model/index.ts'
import type { SourceInput } from '../../model/index.ts'
import { resolver } from '../../project/environment.ts'
import { json, testServer } from '../testing/server.ts'
import { openConnection } from './connection.ts'

/** Requests that arrive at a server of this machine when its address comes from here or there. */
describe('addresses of this machine', () => {
  const calls = async (of: (url: string) => Partial<SourceInput>, privateNetwork = false) => {
    const server = await testServer((_req, res) => json(res, { access_token: 'token-of-the-test', expires_in: 60 }))
    const given = of(server.url)
    const resolve = resolver({ API: server.url }, { settings: { url: server.url, host: new URL(server.url).hostname }, credentials: { url: server.url, secret: 'secret-of-the-test' } })
    const source = sourceSchema.parse({ baseUrl: server.url, ...given, privateNetwork })
    const connection = openConnection({ source, resolve })
    const run = connection.authenticator.needsToken
      ? connection.authenticator.fetchToken({ version: 0, accessToken: '', refreshToken: null, expiresAt: null } as never)
      : connection.http.request({ url: connection.baseUrl, sign: (t) => connection.authenticator.apply(t, null) })
    const end = await run.then(() => 'sent', (e: { type: string; message: string }) => e.type)
    const seen = server.seen.length
    await connection.close()
    await server.close()
    return [end, seen]
  }
  const cc = (tokenUrl: unknown): Partial<SourceInput> => ({ auth: { kind: 'oauth2ClientCredentials', tokenUrl, clientId: 'id', clientSecret: { credential: 'secret' } } as never })

  it('may be called where the author or operator wrote them', async () => {
    expect(await calls((url) => ({ baseUrl: url }))).toEqual(['sent', 1])
    expect(await calls(() => ({ baseUrl: { env: 'API' } }))).toEqual(['sent', 1])
    expect(await calls((url) => ({ baseUrl: url.replace('127.0.0.1', 'localhost') }))).toEqual(['sent', 1])
    expect(await calls((url) => ({ baseUrl: 'https://api.example.com', ...cc(url) }))).toEqual(['sent', 1])
  })
  it('are refused where a customer typed them, unless the source says that its system is near', async () => {
    for (const ref of [{ setting: 'url' }, { credential: 'url' }]) {
      expect(await calls(() => ({ baseUrl: ref }))).toEqual(['BlockedAddress', 0])
      expect(await calls(() => ({ baseUrl: ref }), true)).toEqual(['sent', 1])
    }
    expect(await calls((url) => ({ baseUrl: { template: `http://{host}:${new URL(url).port}` } }))).toEqual(['BlockedAddress', 0])
    // The token endpoint: from a setting, and relative to a base address from one.
    expect(await calls((url) => ({ baseUrl: url.replace('127.0.0.1', 'localhost'), ...cc({ setting: 'url' }) }))).toEqual(['BlockedAddress', 0])
    expect(await calls(() => ({ baseUrl: { setting: 'url' }, ...cc('/token') }))).toEqual(['BlockedAddress', 0])
    expect(await calls(() => ({ baseUrl: { setting: 'url' }, ...cc('/token') }), true)).toEqual(['sent', 1])
  })
})
