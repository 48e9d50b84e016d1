import { generate } from 'selfsigned'
import { describe, expect, it } from 'vitest'
import { sourceSchema } from '../../model/source.ts'
import type { Value } from '../../model/index.ts'
import { expiryOf, lapsesOf } from './lapses.ts'

const jwt = (claims: unknown): string => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`

describe('credentials that end', () => {
  it('are client certificates and fixed tokens that are JWTs', async () => {
    const { cert } = await generate([{ name: 'commonName', value: 'x' }])
    const values: Record<string, string> = { CERT: cert.replaceAll('\n', '\\n'), KEY: 'k', T: jwt({ exp: 1_900_000_000 }) }
    const resolve = (value: Value): string => (typeof value === 'string' ? value : values[(value as { env: string }).env]!)
    const source = sourceSchema.parse({ baseUrl: 'https://x.example', auth: { kind: 'bearer', token: { env: 'T' } }, tls: { cert: { env: 'CERT' }, key: { env: 'KEY' } } })
    const [certificate, token] = lapsesOf(source, resolve)
    expect(certificate!.at!.getTime()).toBeGreaterThan(Date.now())
    expect(token).toEqual({ what: 'the token', at: new Date(1_900_000_000_000) })
  })

  it('are nothing that says no end', () => {
    for (const token of ['', 'sk_live_123', 'a.b', 'a.b.c', 'a.!!!.c', jwt({}), jwt({ exp: 'soon' }), jwt(null), `${jwt({ exp: 1 })}.x`]) {
      let at: Date | null = null
      try {
        at = expiryOf(token)
      } catch {
        // `lapsesOf` takes it as unknown
      }
      expect(at, token).toBeNull()
    }
  })
})
