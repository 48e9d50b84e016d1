import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sourceSchema, type SourceInput, type Token, type Value } from '../../model/index.ts'
import { openConnection } from './index.ts'

// A server of others: `oidc-provider`, which brings no types, behind TLS.
const { default: Provider } = (await import('oidc-provider' as string)) as { default: new (issuer: string, options: unknown) => { callback(): () => void } }
const none: Token = { version: 0, accessToken: '', expiresAt: null, refreshToken: null }
const ENV: Record<string, string> = {}
const resolve = (v: Value): string => (typeof v === 'string' ? v : ENV['env' in v ? v.env : (v as { credential: string }).credential]!)
let server: Server
let issuer: string

beforeAll(async () => {
  const names = (name: string) => [{ name: 'commonName', value: name }]
  const [own, client, stranger] = await Promise.all([
    generate(names('127.0.0.1'), { keySize: 2048, extensions: [{ name: 'basicConstraints', cA: true }, { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }] }),
    generate(names('acme client'), { keySize: 2048 }),
    generate(names('somebody else'), { keySize: 2048 }),
  ])
  Object.assign(ENV, { CERT: client.cert, KEY: client.private, CA: own.cert, OTHER_CERT: stranger.cert, OTHER_KEY: stranger.private, BROKEN: 'canary-no-pem' })
  ENV['LOCKED'] = createPrivateKey(client.private).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' }) as string
  server = createServer({ key: own.private, cert: own.cert, requestCert: true, rejectUnauthorized: false })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const raw = new X509Certificate(client.cert)
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'acme', grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: 'read', token_endpoint_auth_method: 'self_signed_tls_client_auth', tls_client_certificate_bound_access_tokens: true,
      jwks: { keys: [{ ...raw.publicKey.export({ format: 'jwk' }), x5c: [raw.raw.toString('base64')] }] },
    }],
    clientAuthMethods: ['self_signed_tls_client_auth', 'none'],
    features: {
      clientCredentials: { enabled: true }, devInteractions: { enabled: false }, introspection: { enabled: true, allowedPolicy: () => true },
      mTLS: { enabled: true, selfSignedTlsClientAuth: true, certificateBoundAccessTokens: true, getCertificate: (ctx: { socket: TLSSocket }) => ctx.socket.getPeerX509Certificate()?.toString() },
    },
    scopes: ['read'],
  })
  server.on('request', provider.callback())
})
afterAll(() => new Promise((done) => {
  server.close(done)
  server.closeAllConnections()
}))

const signIn = async (tls: SourceInput['tls']) => {
  const source = sourceSchema.parse({ baseUrl: issuer, connection: 'acme', tls, auth: { kind: 'oauth2ClientCredentials', tokenUrl: '/token', clientId: 'acme', scope: 'read' } })
  const connection = openConnection({ source, resolve })
  try {
    const token = await connection.authenticator.fetchToken(none)
    const told = await connection.http.request({ method: 'POST', url: `${issuer}/token/introspection`, body: new URLSearchParams({ token: token.accessToken, client_id: 'acme' }).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } })
    return JSON.parse(told.body.toString()) as unknown
  } finally {
    await connection.close()
  }
}

describe('a client certificate in place of a secret (RFC 8705)', () => {
  it('signs in at the token endpoint, and the token is bound to the certificate', async () => {
    const digest = Buffer.from(new X509Certificate(ENV['CERT']!).fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')
    expect(await signIn({ cert: { env: 'CERT' }, key: { env: 'KEY' }, ca: { env: 'CA' } })).toMatchObject({ active: true, client_id: 'acme', cnf: { 'x5t#S256': digest } })
  })

  it('is refused with another certificate and with none', async () => {
    await expect(signIn({ cert: { env: 'OTHER_CERT' }, key: { env: 'OTHER_KEY' }, ca: { env: 'CA' } })).rejects.toMatchObject({ type: 'AuthFailed' })
    await expect(signIn({ ca: { env: 'CA' } })).rejects.toMatchObject({ type: 'AuthFailed' })
  })

  it('names what to correct: the variable, or the credential of the connection', async () => {
    await expect(signIn({ cert: { env: 'BROKEN' }, key: { env: 'KEY' } })).rejects.toMatchObject({ type: 'InvalidInput', field: 'from.tls.cert', cure: 'correct the value of the environment variable BROKEN' })
    await expect(signIn({ cert: { env: 'CERT' }, key: { credential: 'BROKEN' } })).rejects.toMatchObject({ field: 'from.tls.key', cure: 'give new BROKEN with `isthmus connections rotate acme`', message: expect.not.stringContaining('canary') as string })
    await expect(signIn({ cert: { env: 'CERT' }, key: { env: 'LOCKED' } })).rejects.toMatchObject({ type: 'InvalidInput', field: 'from.tls.key', message: expect.stringContaining('passphrase') as string })
    await expect(signIn({ cert: { env: 'CERT' } })).rejects.toMatchObject({ field: 'from.tls.key', message: expect.stringContaining('go together') as string })
  })

  it('never trusts a server that nobody vouches for, whatever the environment says', async () => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      await expect(signIn({ cert: { env: 'CERT' }, key: { env: 'KEY' } })).rejects.toMatchObject({ type: expect.stringMatching(/Unreachable|Transient/) as string, message: expect.stringMatching(/certificate/i) as string })
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    }
  })
})
