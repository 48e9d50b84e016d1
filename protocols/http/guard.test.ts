import dns from 'node:dns'
import { createServer as createSocketServer, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { sourceSchema, type SourceInput } from '../../model/index.ts'
import { openConnection } from '../rest/index.ts'
import { json, testServer } from '../testing/server.ts'
import { createHttp, kindOf } from './index.ts'

// Only the system's look-up is replaced: which name leads where cannot be had otherwise on a machine without a name server.
vi.mock('node:dns', async (original) => {
  const real = await original<{ lookup: typeof dns.lookup }>()
  const lookup = vi.fn(real.lookup)
  return { ...real, lookup, default: { ...real, lookup } }
})
const names = (table: Record<string, string[][]>): void => {
  const turns = new Map<string, number>()
  vi.mocked(dns.lookup).mockImplementation(((name: string, _options: unknown, callback: (e: Error | null, all: unknown) => void) => {
    const answers = table[name]
    if (!answers) return callback(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }), [])
    const turn = turns.get(name) ?? 0
    turns.set(name, turn + 1)
    callback(null, answers[Math.min(turn, answers.length - 1)]!.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })))
  }) as never)
}
afterEach(() => vi.mocked(dns.lookup).mockReset())

const opened = (source: SourceInput, values: Record<string, string> = {}) =>
  openConnection({ source: sourceSchema.parse({ timeout: '2s', ...source }), resolve: (v) => (typeof v === 'string' ? v : (Object.values(values)[0] ?? '')) })
const ask = async (source: SourceInput, url: string, values?: Record<string, string>): Promise<unknown> => {
  const connection = opened(source, values)
  try {
    return (await connection.http.request({ url, sign: (t) => void (t.headers['authorization'] = 'Bearer canary') })).status
  } catch (error) {
    return (error as { type: string }).type
  } finally {
    await connection.close()
  }
}

describe('addresses that may be called', () => {
  it('knows this machine, private networks and metadata services in every notation', () => {
    const host = (text: string): string => new URL(`http://${text}/`).hostname.replace(/^\[|\]$/g, '')
    const kinds: [string, string[]][] = [
      ['loopback', ['127.0.0.1', '127.1', '127.255.255.254', '2130706433', '0x7f000001', '0177.0.0.1', '0x7f.1', '１２７.0.0.1', '127。0。0。1', '[::1]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]']],
      ['private', ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '3232235521', '100.64.0.1', '[fc00::1]', '[fd12:3456::1]', '[::ffff:10.0.0.1]']],
      ['forbidden', [
        '169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[fe80::1]', '[fd00:ec2::254]', '100.100.100.200', '168.63.129.16', '192.0.0.192',
        '0.0.0.0', '0', '0.1.2.3', '[::]', '224.0.0.1', '255.255.255.255', '240.0.0.1', '198.18.0.1', '192.0.2.1', '[ff02::1]', '[2001:db8::1]', '[64:ff9b::7f00:1]', '[64:ff9b::a9fe:a9fe]', '[2002:7f00:1::]', '[2001:0:4136:e378::1]', '[::7f00:1]', '[fec0::1]',
      ]],
      ['public', ['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '[2606:4700::1111]', '[64:ff9b::808:808]', '[::ffff:8.8.8.8]']],
    ]
    for (const [kind, list] of kinds) for (const text of list) expect([text, kindOf(host(text))]).toEqual([text, kind])
  })

  it('calls what the plan names literally on this machine, and nothing else inside', async () => {
    const server = await testServer((_seen, res) => json(res, {}))
    const { port } = new URL(server.url)
    names({ localhost: [['127.0.0.1']], 'inside.example': [['127.0.0.1']], 'cloud.example': [['169.254.169.254']], 'mixed.example': [['93.184.215.14', '10.0.0.1']], 'rebind.example': [['127.0.0.1'], ['93.184.215.14']] })
    const at = (host: string): string => `http://${host}:${port}`
    expect(await ask({ baseUrl: server.url }, server.url)).toBe(200)
    expect(await ask({ baseUrl: at('localhost') }, at('localhost'))).toBe(200)
    expect(await ask({ baseUrl: { env: 'URL' } }, server.url, { URL: server.url })).toBe(200)
    expect(await ask({ baseUrl: at('inside.example') }, at('inside.example'))).toBe('BlockedAddress')
    expect(await ask({ baseUrl: at('inside.example'), privateNetwork: true }, at('inside.example'))).toBe(200)
    expect(await ask({ baseUrl: at('mixed.example') }, at('mixed.example'))).toBe('BlockedAddress')
    // What whoever set up the connection typed is not trusted.
    for (const value of [{ setting: 'url' }, { template: 'http://{host}' }]) expect(await ask({ baseUrl: value }, server.url, { url: server.url })).toBe('BlockedAddress')
    expect(await ask({ baseUrl: { setting: 'url' }, privateNetwork: true }, server.url, { url: server.url })).toBe(200)
    // Link-local and metadata addresses are never called, whoever names them.
    for (const host of ['169.254.169.254', '[fe80::1]', '[::ffff:169.254.169.254]', '0.0.0.0', '2852039166', 'cloud.example']) {
      expect(await ask({ baseUrl: at(host), privateNetwork: true }, at(host)), host).toBe('BlockedAddress')
    }
    expect(server.seen).toHaveLength(5)
    await server.close()
  })

  it('connects to the very address that was checked: a name that changes its mind reaches nothing', async () => {
    const server = await testServer((_seen, res) => json(res, {}))
    const url = `http://rebind.example:${new URL(server.url).port}`
    names({ 'rebind.example': Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? ['203.0.114.7'] : ['127.0.0.1'])) })
    const http = createHttp({ origins: [url], timeoutMs: 40, maxBytes: 1000, concurrency: 1, userAgent: 'test' })
    for (let i = 0; i < 6; i++) await http.request({ url }).catch(() => undefined)
    expect(vi.mocked(dns.lookup).mock.calls.length).toBeGreaterThan(4)
    expect(server.seen).toEqual([])
    await http.close()
    await server.close()
  })
})

describe('headers', () => {
  it('never add a line to a request, and the refusal quotes no value', async () => {
    const lines: string[] = []
    const server = createSocketServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (data) => {
        lines.push(...data.toString('latin1').split('\r\n'))
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}')
      })
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const http = createHttp({ origins: [url], timeoutMs: 2000, maxBytes: 1000, concurrency: 1, userAgent: 'test' })
    let refused = 0
    const send = async (headers: Record<string, string>): Promise<void> => {
      await http.request({ url, headers }).catch((error: { type: string; message: string }) => {
        refused += 1
        expect(error.type).toBe('InvalidInput')
        expect(error.message).not.toContain('canary')
      })
    }
    for (const value of ['canary\r\nx-evil: 1', 'canary\nx-evil: 1', 'canary\rx-evil: 1', 'canary\0', 'canary\u010ax-evil: 1', 'canary\u2028x-evil: 1', 'canary\x7f']) await send({ 'x-test': value })
    for (const name of ['x-test\r\nx-evil', 'x test', 'x-test:', '', 'x\u0131']) await send({ [name]: 'canary' })
    expect(refused).toBe(12)
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 12 }), (value) => send({ 'x-test': `${value}x-evil: 1` })), { numRuns: 300 })
    expect(lines.filter((line) => /^x-evil/i.test(line))).toEqual([])
    expect(lines.length).toBeGreaterThan(50)
    await http.close()
    await new Promise((done) => server.close(done))
  })
})
