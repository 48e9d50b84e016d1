import { BlockList } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { createHttp } from '../client.ts'
import type { HttpOptions } from '../client.ts'
import { json, testServer } from '../../testing/server.ts'
import { classOfAddress } from './address-class.ts'
import { createGuard } from './guard.ts'
import type { Resolve } from './guard.ts'

const open: { close(): Promise<void> }[] = []
const keep = <T extends { close(): Promise<void> }>(thing: T): T => (open.push(thing), thing)
afterEach(async () => {
  await Promise.all(open.splice(0).map((o) => o.close()))
})
const client = (url: string, more: Partial<HttpOptions> = {}) => keep(createHttp({ origins: [url], timeoutMs: 2000, maxBytes: 1 << 20, concurrency: 2, userAgent: 'test', ...more }))
const policy = (literal: string[] = [], privateNetwork = false) => ({ literal: new Set(literal), privateNetwork })
const failure = async (promise: Promise<unknown>) => (await promise.then(() => null, (e: unknown) => e)) as { type: string; message: string; cure: string } | null

/** IPv6 addresses that carry an IPv4 address, each in the RFC's own layout. */
const carriers = (v4: string): string[] => {
  const [a, b, c, d] = v4.split('.').map(Number) as [number, number, number, number]
  const hex = (x: number, y: number) => ((x << 8) | y).toString(16)
  const flip = (x: number, y: number) => hex(x ^ 0xff, y ^ 0xff)
  return [
    `::ffff:${v4}`, `::ffff:${hex(a, b)}:${hex(c, d)}`, `0:0:0:0:0:ffff:${hex(a, b)}:${hex(c, d)}`, `::ffff:0:${v4}`, `64:ff9b::${v4}`, `64:ff9b:1::${v4}`, `2002:${hex(a, b)}:${hex(c, d)}::1`,
    `2001:0:808:808:0:0:${flip(a, b)}:${flip(c, d)}`, `2001:0:${hex(a, b)}:${hex(c, d)}:0:0:${flip(8, 8)}:${flip(8, 8)}`, `2a00:1450::5efe:${v4}`,
  ]
}

describe('classes of addresses', () => {
  it.each([
    ['loopback', ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1']],
    ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fdff:ffff::1']],
    ['shared', ['100.64.0.1', '100.127.255.255']],
    ['link-local', ['169.254.169.254', '169.254.170.2', 'fe80::1', 'febf::1', 'fe80::1%eth0']],
    ['cloud metadata', ['fd00:ec2::254', 'fd20:ce::254', '100.100.100.200', '192.0.0.192', '168.63.129.16']],
    ['reserved', [
      '0.0.0.0', '0.1.2.3', '224.0.0.1', '239.255.255.255', '255.255.255.255', '240.0.0.1', '192.0.2.1', '198.51.100.7', '203.0.113.9', '198.18.0.1', '192.0.0.1', '::', 'ff02::1', '2001:db8::1', '3fff::1',
      'fec0::1', '100::1', '4000::1', '2001:2::1', 'not an address', '']],
    ['public', ['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1', '169.253.1.1', '2606:4700::1111', '2a00:1450:4001::1', '64:ff9b::8.8.8.8', '2002:808:808::1']],
  ] as const)('%s', (expected, addresses) => {
    for (const address of addresses) expect(classOfAddress(address), address).toBe(expected)
  })

  it('an IPv6 address that carries an IPv4 address is no safer than that one', () => {
    // Oracle: a list of networks kept by Node, independent of ours.
    const inner = new BlockList()
    for (const [net, bits] of [['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], ['127.0.0.0', 8], ['169.254.0.0', 16], ['100.64.0.0', 10], ['0.0.0.0', 8], ['224.0.0.0', 3]] as const) inner.addSubnet(net, bits, 'ipv4')
    const octet = fc.integer({ min: 0, max: 255 })
    const first = fc.oneof(octet, fc.constantFrom(0, 10, 100, 127, 169, 172, 192, 224, 255))
    fc.assert(fc.property(first, fc.oneof(octet, fc.constantFrom(16, 64, 168, 254)), octet, octet, (a, b, c, d) => {
      const v4 = `${a}.${b}.${c}.${d}`
      if (inner.check(v4)) for (const v6 of [v4, ...carriers(v4), `::${v4}`]) expect(classOfAddress(v6), v6).not.toBe('public')
    }), { numRuns: 600 })
  })
})

describe('what may be called', () => {
  const blocked = (url: string, given = policy()): string | null => {
    try {
      createGuard(given).check(new URL(url))
      return null
    } catch (error) {
      expect(error).toMatchObject({ type: 'BlockedAddress' })
      return (error as Error).message
    }
  }
  const LOCAL = ['127.0.0.1', '2130706433', '0x7f000001', '0177.0.0.1', '0x7f.1', '127.1', '017700000001', '１２７.０.０.１', '127。0。0。1', '[::1]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]', 'localhost', 'localhost.', 'LOCALHOST', 'a.localhost']
  const NEVER = ['169.254.169.254', '0xa9fea9fe', '2852039166', '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[fe80::1]', '[fd00:ec2::254]', '100.100.100.200', 'metadata.google.internal', 'METADATA.google.internal.', 'metadata', '0.0.0.0', '0', '255.255.255.255', '224.0.0.1']

  it('refuses own and metadata addresses in every notation', () => {
    for (const host of [...LOCAL, ...NEVER, '10.1.2.3', '192.168.0.1', '[fc00::1]', '100.64.1.1']) expect(blocked(`http://${host}/`), host).not.toBeNull()
    for (const host of ['example.com', '8.8.8.8', '[2606:4700::1111]', 'localhost.example.com', 'notlocalhost']) expect(blocked(`https://${host}/`), host).toBeNull()
  })
  it('allows what was written down, for exactly that origin', () => {
    for (const host of ['127.0.0.1', '10.1.2.3', '[::1]', '[fc00::1]', 'localhost', 'a.localhost', '[::ffff:127.0.0.1]']) {
      const origin = new URL(`http://${host}:8080`).origin
      expect(blocked(`http://${host}:8080/x`, policy([origin])), host).toBeNull()
      expect(blocked(`http://${host}:8081/x`, policy([origin])), host).not.toBeNull()
      expect(blocked(`https://${host}:8080/x`, policy([origin])), host).not.toBeNull()
    }
    // Literally or not: never.
    for (const host of NEVER) expect(blocked(`http://${host}/`, policy([new URL(`http://${host}`).origin], true)), host).not.toBeNull()
    expect(blocked('http://100.64.1.1/', policy(['http://100.64.1.1']))).not.toBeNull()
  })
  it('privateNetwork opens private addresses, not metadata', () => {
    for (const host of ['127.0.0.1', '10.1.2.3', '100.64.1.1', '[fc00::1]', 'localhost', '8.8.8.8']) expect(blocked(`http://${host}/`, policy([], true)), host).toBeNull()
  })
  it('names host, class and cure', () => {
    expect(blocked('http://10.0.0.7/secret-path?key=1')).toBe('10.0.0.7 is a private address; nothing was sent there')
    expect(() => createGuard(policy()).check(new URL('http://10.0.0.7'))).toThrow(expect.objectContaining({ cure: expect.stringContaining('privateNetwork: true') }))
  })
})

/** A name service of our own: the oracle is whether the server saw anything. */
describe('names', () => {
  const names = (answers: Record<string, string[][]>): Resolve => (host, _options, done) => {
    const next = answers[host]!.length > 1 ? answers[host]!.shift()! : answers[host]![0]!
    done(null, next.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })))
  }
  const via = (resolve: Resolve, privateNetwork = false) => createGuard(policy([], privateNetwork), resolve).connector({ timeout: 1000 })
  const connect = (connector: ReturnType<typeof via>, host: string, port: number) =>
    new Promise<{ error: Error | null; address: string | undefined }>((resolve) =>
      connector({ hostname: host, host, protocol: 'http:', port: String(port), httpSocket: undefined } as never, (error, socket) => {
        resolve({ error, address: socket?.remoteAddress })
        socket?.destroy()
      }))

  it('a name that resolves to an address of ours is refused before connecting, also when only one of its addresses is', async () => {
    const server = keep(await testServer((_req, res) => json(res, {})))
    const port = Number(new URL(server.url).port)
    const resolve = names({ 'evil.test': [['127.0.0.1']], 'mixed.test': [['8.8.8.8', '127.0.0.1']], 'mapped.test': [['::ffff:127.0.0.1']], 'meta.test': [['169.254.169.254']] })
    for (const host of ['evil.test', 'mixed.test', 'mapped.test', 'meta.test']) {
      const { error } = await connect(via(resolve), host, port)
      expect(error, host).toMatchObject({ type: 'BlockedAddress', message: expect.stringContaining(host) })
      expect(error!.message).not.toContain('127.0.0.1')
    }
    expect((await connect(via(resolve, true), 'evil.test', port)).address).toBe('127.0.0.1')
    expect((await connect(via(resolve, true), 'meta.test', port)).error).toMatchObject({ type: 'BlockedAddress' })
    expect((await connect(via(resolve), '127.0.0.1', port)).error).toMatchObject({ type: 'BlockedAddress' })
  })

  it('the address that was checked is the one connected to, however the name resolves next', async () => {
    const server = keep(await testServer((_req, res) => json(res, {}), '127.0.0.2'))
    const port = Number(new URL(server.url).port)
    const asked: string[] = []
    const answers = names({ 'rebind.test': [['127.0.0.2'], ['169.254.169.254'], ['127.0.0.2']] })
    const resolve: Resolve = (host, options, done) => (asked.push(host), answers(host, options, done))
    const connector = via(resolve, true)
    expect((await connect(connector, 'rebind.test', port)).address).toBe('127.0.0.2')
    expect(asked).toHaveLength(1)
    expect((await connect(connector, 'rebind.test', port)).error).toMatchObject({ type: 'BlockedAddress' })
    expect(asked).toHaveLength(2)
  })

  it('holds in the client, for fresh connections and requests with origins of their own', async () => {
    const server = keep(await testServer((_req, res) => json(res, {})))
    const { port } = new URL(server.url)
    const signed: string[] = []
    const sign = ({ url }: { url: URL }) => void signed.push(url.href)
    // From a setting of a customer: nothing is literal.
    const http = client(server.url, { addresses: policy() })
    for (const fresh of [true, false]) {
      expect((await failure(http.request({ url: server.url, fresh, sign })))!.type).toBe('BlockedAddress')
      expect((await failure(http.request({ url: `http://localhost:${port}/token`, origins: [`http://localhost:${port}`], fresh, sign })))!.type).toBe('BlockedAddress')
    }
    expect(() => http.allow(server.url)).toThrow(/loopback/)
    expect([server.seen, signed]).toEqual([[], []])
    expect((await client(server.url, { addresses: policy([], true) }).request({ url: server.url })).status).toBe(200)
    expect((await client(server.url, { addresses: policy([server.origin]) }).request({ url: server.url, fresh: true })).status).toBe(200)
    // localhost is a name: it goes through the look-up.
    const named = `http://localhost:${port}`
    expect((await client(named, { addresses: policy([named]) }).request({ url: named })).status).toBe(200)
    expect(server.seen).toHaveLength(3)
  })
})
