import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authSchema } from '../../model/index.ts'
import type { AuthInput, Token, Value } from '../../model/index.ts'
import { createHttp } from '../http/index.ts'
import { createAuthenticator } from './authenticator.ts'

// A server of others: the certified OpenID provider `oidc-provider`.
// It brings no types.
const { default: Provider } = (await import('oidc-provider' as string)) as { default: new (issuer: string, options: unknown) => { callback(): () => void } }
const SECRET = 'canary-secret:+/%&=with odd characters'
const ENV: Record<string, string> = { SECRET, WRONG: 'canary-wrong' }
const none: Token = { version: 0, accessToken: '', expiresAt: null, refreshToken: null }
let server: Server
let issuer: string

beforeAll(async () => {
  server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [], client_secret: SECRET, scope: 'read' }
  const provider = new Provider(issuer, {
    clients: [
      { ...client, client_id: 'by basic', token_endpoint_auth_method: 'client_secret_basic' },
      { ...client, client_id: 'by-post', token_endpoint_auth_method: 'client_secret_post' },
    ],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false }, introspection: { enabled: true, allowedPolicy: () => true } },
    scopes: ['read', 'write'],
    ttl: { ClientCredentials: 600 },
  })
  server.on('request', provider.callback())
})
afterAll(() => new Promise((resolve) => {
  server.close(resolve)
  server.closeAllConnections()
}))

const signIn = async (more: Partial<Extract<AuthInput, { kind: 'oauth2ClientCredentials' }>>) => {
  const http = createHttp({ origins: [issuer], timeoutMs: 5000, maxBytes: 1 << 20, concurrency: 1, userAgent: 'test' })
  const auth = authSchema.parse({ kind: 'oauth2ClientCredentials', tokenUrl: '/token', clientId: 'by basic', clientSecret: { env: 'SECRET' }, ...more })
  const resolve = (v: Value) => (typeof v === 'string' ? v : ENV[(v as { env: string }).env]!)
  try {
    return await createAuthenticator(auth, { resolve, http, baseUrl: issuer }).fetchToken(none)
  } finally {
    await http.close()
  }
}

describe('against oidc-provider', () => {
  it('signs in with basic and post, and the token is a live one', async () => {
    for (const more of [{}, { clientId: 'by-post', clientAuth: 'post' as const }, { clientId: 'by-post' }]) {
      const token = await signIn({ scope: 'read', ...more })
      expect(token.expiresAt!.getTime() - Date.now()).toBeGreaterThan(590_000)
      const form = (s: string) => encodeURIComponent(s).replaceAll('%20', '+')
      const answer = await fetch(`${issuer}/token/introspection`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${form('by basic')}:${form(SECRET)}`).toString('base64')}` },
        body: new URLSearchParams({ token: token.accessToken }),
      })
      expect(await answer.json()).toMatchObject({ active: true, scope: 'read' })
    }
  })

  it('names field and variable for wrong credentials, and the scope for a wrong scope', async () => {
    await expect(signIn({ clientSecret: { env: 'WRONG' } })).rejects.toMatchObject({ type: 'AuthFailed', field: 'from.auth.clientSecret', cure: 'correct the value of the environment variable WRONG' })
    await expect(signIn({ clientId: 'nobody' })).rejects.toMatchObject({ type: 'AuthFailed' })
    await expect(signIn({ scope: 'write' })).rejects.toMatchObject({ type: 'AuthFailed', field: 'from.auth.scope' })
  })
})
