import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { reading, token } from '../testing/reading.ts'
import { json, testServer, type Seen, type TestServer } from '../testing/server.ts'

const open: { close(): Promise<void> }[] = []
const keep = <T extends { close(): Promise<void> }>(thing: T): T => (open.push(thing), thing)
afterEach(async () => {
  await Promise.all(open.splice(0).reverse().map((o) => o.close()))
})

/** Checks the signature of a request as a server does (RFC 5849 section 3.2): from what arrived, and the two secrets. */
function isSigned(seen: Seen, origin: string): boolean {
  const e = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const fields = [...(seen.headers['authorization'] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name!, decodeURIComponent(value!)] as const)
  const signature = fields.find(([name]) => name === 'oauth_signature')?.[1]
  const signed = [...fields.filter(([name]) => name !== 'oauth_signature' && name !== 'realm'), ...seen.query]
  const parameters = signed.map(([name, value]) => `${e(name)}=${e(value)}`).sort().join('&')
  const base = [seen.method, origin + seen.path, parameters].map(e).join('&')
  return signature === createHmac('sha256', 'consumer-secret&token-secret').update(base).digest('base64')
}
const nonce = (seen: Seen): string => /oauth_nonce="([^"]*)"/.exec(seen.headers['authorization'] ?? '')?.[1] ?? ''

describe('OAuth 1.0a while reading', () => {
  it('signs every attempt, page and redirect hop anew, for the address it goes to', async () => {
    let faults = 1
    const server: TestServer = keep(await testServer((seen, res) => {
      if (!isSigned(seen, server.origin)) return json(res, { error: 'signature' }, 401)
      if (seen.path === '/items' && seen.query.get('page') === '2' && faults-- > 0) return json(res, {}, 503)
      if (seen.path === '/items') return res.writeHead(307, { location: `/v2/items?${seen.query.toString()}&filter=a%20b%2Bc*` }).end()
      return json(res, { data: [{ id: Number(seen.query.get('page')) }], total: 3 })
    }))
    const one = keep(reading(server.url, { page: { kind: 'page', total: 'total' } }, {
      concurrency: 1, auth: { kind: 'oauth1', consumerKey: 'ck', consumerSecret: { env: 'CS' }, token: 'tk', tokenSecret: { env: 'TS' }, realm: '1234567_SB1' },
    }, { CS: 'consumer-secret', TS: 'token-secret' }))
    expect((await one.read()).stop).toEqual({ kind: 'done' })
    expect(one.ids).toEqual([1, 2, 3])
    // Three pages of two hops, and one attempt that failed.
    expect(server.seen.map((s) => s.path)).toEqual(['/items', '/v2/items', '/items', '/items', '/v2/items', '/items', '/v2/items'])
    expect(new Set(server.seen.map(nonce)).size).toBe(7)
  })

  it('says which credentials to correct when the signature is refused', async () => {
    const server: TestServer = keep(await testServer((seen, res) => json(res, { error: 'signature' }, isSigned(seen, server.origin) ? 200 : 401)))
    const one = keep(reading(server.url, {}, { auth: { kind: 'oauth1', consumerKey: 'ck', consumerSecret: { env: 'CS' }, token: 'tk', tokenSecret: { env: 'TS' } } }, { CS: 'consumer-secret', TS: 'another' }))
    expect((await one.read()).stop).toMatchObject({ kind: 'refused', type: 'AuthFailed', field: 'from.auth.tokenSecret', cure: 'correct the value of the environment variable TS (and check CS)' })
  })
})

describe('a session while reading', () => {
  it('that is refused later asks for the next one by its version, and goes on at the page it was refused at', async () => {
    let current = ''
    let logins = 0
    const server = keep(await testServer((seen, res) => {
      if (seen.path === '/login') return json(res, { session: (current = `canary-session-${++logins}`) })
      if (seen.headers['x-session'] !== current) return json(res, {}, 401)
      const page = Number(seen.query.get('page'))
      // The server forgets the first session after its second page.
      if (page === 2 && logins === 1) current = 'forgotten'
      return json(res, { data: [{ id: page }], total: 4 })
    }))
    const one = keep(reading(server.url, { page: { kind: 'page', total: 'total' } }, {
      concurrency: 1, auth: { kind: 'session', loginUrl: '/login', body: { user: 'ann', password: { env: 'PASSWORD' } }, token: 'session', name: 'X-Session' },
    }, { PASSWORD: 'canary-password' }))
    const { auth } = one.reader
    expect((await one.read()).stop).toMatchObject({ kind: 'authRequired', version: 0 })
    const first = { ...(await auth.fetchToken(token(0))), version: 1 }
    const refused = await one.read({ token: async () => first })
    expect(refused).toMatchObject({ stop: { kind: 'authRequired', version: 1 }, position: { kind: 'page', page: 3 } })
    // Nothing of a login can be used up: it may simply be repeated.
    expect(auth.presents(first)).toBeNull()
    const second = { ...(await auth.fetchToken(first)), version: 2 }
    expect((await one.read({ position: refused.position, token: async () => second })).stop).toEqual({ kind: 'done' })
    expect([one.ids, logins]).toEqual([[1, 2, 3, 4], 2])
  })
})
