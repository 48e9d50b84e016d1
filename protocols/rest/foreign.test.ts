import { afterEach, describe, expect, it } from 'vitest'
import type { SourceInput } from '../../model/index.ts'
import { json, testServer } from '../testing/server.ts'
import type { TestServer } from '../testing/server.ts'
import { reading, token } from '../testing/reading.ts'

const open: { close(): Promise<void> }[] = []
const keep = <T extends { close(): Promise<void> }>(thing: T): T => (open.push(thing), thing)
afterEach(async () => {
  await Promise.all(open.splice(0).reverse().map((o) => o.close()))
})

/** Everything a server saw, so that a canary shows wherever it came along. */
const saw = (server: TestServer): string => JSON.stringify(server.seen.map((r) => [r.method, r.path, [...r.query], r.headers, r.body]))
const oauth = { kind: 'oauth2ClientCredentials', tokenUrl: '/token', clientId: 'id', clientSecret: { env: 'K' } } as const
const KINDS: Record<string, Partial<SourceInput>> = {
  'key in a header': { auth: { kind: 'apiKey', key: { env: 'K' } } },
  'key in the query': { auth: { kind: 'apiKey', in: 'query', name: 'sig', key: { env: 'K' } } },
  basic: { auth: { kind: 'basic', username: 'u', password: { env: 'K' } } },
  bearer: { auth: { kind: 'bearer', token: { env: 'K' } } },
  token: { auth: oauth },
  cookie: { headers: { cookie: { env: 'K' } } },
}
const ENV = { K: 'canary-key-of-the-test', S: 'x' }
const read = { token: async () => token(1, 'canary-token-of-the-test') }

describe.each(Object.entries(KINDS))('%s', (_name, source) => {
  it('goes to no other origin, however an answer names it', async () => {
    const far = keep(await testServer((_req, res) => json(res, { data: [{ id: 99 }] }), '127.0.0.2'))
    const near = keep(await testServer((_req, res) => json(res, { data: [{ id: 98 }] })))
    let target = ''
    let status = 0
    const server = keep(await testServer((req, res) => {
      if (req.path === '/away') return void res.writeHead(status, { location: target }).end()
      json(res, { data: [{ id: 1 }], next: target }, 200, /^[\x20-\x7e]*$/.test(target) ? { link: `<${target}>; rel="next"` } : {})
    }))
    const { port } = new URL(far.url)
    const own = server.url.slice('http://'.length)
    const shapes: [string, string][] = [
      [`${far.url}/next`, far.origin], [`${near.url}/next`, near.origin], [`https://${own}/next`, `https://${own}`], [`http://${own}@127.0.0.2:${port}/`, far.origin], [`//127.0.0.2:${port}/x`, far.origin],
      [`\\\\127.0.0.2:${port}\\x`, far.origin], [`/\\127.0.0.2:${port}/x`, far.origin], [`http:\\\\127.0.0.2:${port}/`, far.origin], [`http://2130706434:${port}/`, far.origin], [`http://0x7f.2:${port}/`, far.origin],
      [`http://[::ffff:127.0.0.2]:${port}/`, `http://[::ffff:7f00:2]:${port}`], [`http://localhost:${new URL(near.url).port}/`, `http://localhost:${new URL(near.url).port}`], [`ht\ttp://127.0.0.2:${port}/`, far.origin],
    ]
    const one = keep(reading(server.url, { page: { kind: 'nextUrl', next: 'next' } }, source, ENV))
    const linked = keep(reading(server.url, { page: { kind: 'link' } }, source, ENV))
    const away = keep(reading(server.url, { path: '/away' }, source, ENV))
    for (const [i, [shape, origin]] of shapes.entries()) {
      target = shape
      status = [301, 302, 303, 307, 308][i % 5]!
      for (const stream of [one, away, ...(shape.includes('\t') ? [] : [linked])]) {
        const { stop } = await stream.read(read)
        expect(stop, shape).toMatchObject({ kind: 'refused', type: 'ForeignOrigin', cure: expect.stringContaining(origin) })
        expect((stop as { reason: string }).reason, shape).toContain(server.origin)
        expect(JSON.stringify(stop)).not.toContain('canary')
      }
    }
    expect([far.seen, near.seen]).toEqual([[], []])
    // The own server was signed in to each time; and the foreign one is too, once it is listed.
    const canary = /canary|Basic dTpjYW5hcnkta2V5/
    expect(server.seen.every((r) => canary.test(JSON.stringify([r.headers, [...r.query]])))).toBe(true)
    target = `${far.url}/next`
    const trusting = keep(reading(server.url, { page: { kind: 'nextUrl', next: 'next' } }, { ...source, origins: [far.url] }, ENV))
    expect((await trusting.read(read)).stop).toEqual({ kind: 'done' })
    expect(saw(far)).toMatch(canary)
  })
})

it('a redirect to an address of a cloud or of this machine is refused; a long chain ends after five', async () => {
  let at = 0
  let target = ''
  const server = keep(await testServer((req, res) => {
    if (req.path.startsWith('/chain')) return void res.writeHead(302, { location: `/chain${++at}` }).end()
    res.writeHead(307, { location: target }).end()
  }))
  const one = keep(reading(server.url, { path: '/away', method: 'POST', body: { canary: true } }, KINDS['bearer'], ENV))
  for (target of ['http://169.254.169.254/latest/meta-data/', 'http://[::1]/', 'http://2852039166/', 'http://[::ffff:169.254.169.254]/', 'http://metadata.google.internal/', 'file:///etc/passwd', 'gopher://127.0.0.1/']) {
    expect((await one.read(read)).stop, target).toMatchObject({ kind: 'refused', type: 'ForeignOrigin' })
  }
  // Listed by mistake, still refused, and nothing signed is under way.
  const listed = keep(reading(server.url, { path: '/away' }, { ...KINDS['bearer'], origins: ['http://169.254.169.254', 'http://metadata.google.internal'] }, ENV))
  for (target of ['http://169.254.169.254/latest', 'http://metadata.google.internal/computeMetadata/v1/']) {
    expect((await listed.read(read)).stop, target).toMatchObject({ kind: 'refused', type: 'BlockedAddress', reason: expect.stringContaining(new URL(target).hostname) })
  }
  const before = server.seen.length
  const chain = keep(reading(server.url, { path: '/chain' }, KINDS['bearer'], ENV))
  expect((await chain.read(read)).stop).toMatchObject({ kind: 'refused', type: 'Contract', reason: expect.stringContaining('more than 5 times') })
  expect(server.seen.length - before).toBe(6)
})
