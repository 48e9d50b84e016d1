import { randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApplicationFailure, defaultPayloadConverter, type Payload } from '@temporalio/common'
import { decodeFromPayloadsAtIndex, decodeOptionalFailureToOptionalError, encodeErrorToFailure, encodeToPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js'
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/data-converter-helpers.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { IsthmusError } from '../../model/errors.ts'
import { tellUnopened } from '../unopened.ts'
import { codecPlace, dataConverter, EncryptionCodec, followingKeys, ownUsers, startCodecServer, type CodecServer } from './index.ts'

const old = { id: 'aaaaaaaaaaaaaaaa', key: randomBytes(32) }
const now = { id: 'bbbbbbbbbbbbbbbb', key: randomBytes(32) }
const all = new Map([old, now].map((k) => [k.id, k.key]))
const keysOf = (current: typeof old) => ({ current, get: (id: string) => Promise.resolve(all.get(id) ?? null) })
const payload = (value: unknown): Payload => defaultPayloadConverter.toPayload(value)!
const raw = (p: Payload): string => Buffer.from(p.data!).toString('latin1')

describe('the payload codec', () => {
  it('hides everything, opens what older keys closed, and leaves plain payloads alone', async () => {
    const codec = new EncryptionCodec(keysOf(now))
    const [closed] = await codec.encode([payload({ secret: 'canary' })])
    expect(raw(closed!)).not.toContain('canary')
    expect(Object.keys(closed!.metadata!)).toEqual(['encoding', 'encryption-cipher', 'encryption-key-id'])
    const [before] = await new EncryptionCodec(keysOf(old)).encode([payload('older')])
    const opened = await codec.decode([closed!, before!, payload('plain')])
    expect(opened.map((p) => defaultPayloadConverter.fromPayload(p))).toEqual([{ secret: 'canary' }, 'older', 'plain'])
    const ivs = new Set((await codec.encode(Array.from({ length: 5_000 }, () => payload(1)))).map((p) => raw(p).slice(0, 12)))
    expect(ivs.size).toBe(5_000)
  })

  it('opens nothing that was changed, cut, or closed by a key that is not here', async () => {
    const codec = new EncryptionCodec(keysOf(now))
    const [closed] = await codec.encode([payload('canary')])
    for (let i = 0; i < closed!.data!.length; i++) {
      const data = Buffer.from(closed!.data!)
      data[i]! ^= 1
      await expect(codec.decode([{ ...closed, data }])).rejects.toMatchObject({ type: 'VaultKey' })
    }
    for (const data of [Buffer.alloc(0), Buffer.from(closed!.data!).subarray(0, 20), Buffer.from(closed!.data!).subarray(0, -1)]) await expect(codec.decode([{ ...closed, data }])).rejects.toMatchObject({ type: 'VaultKey' })
    const under = (id: string): Payload => ({ ...closed, metadata: { ...closed!.metadata, 'encryption-key-id': Buffer.from(id) } })
    await expect(codec.decode([under(old.id)])).rejects.toMatchObject({ type: 'VaultKey' })
    await expect(codec.decode([under('cccccccccccccccc')])).rejects.toMatchObject({ message: expect.stringContaining('does not hold') as string })
  })

  it('follows a rotation without waiting for the database, and says whose payload does not open', async () => {
    let current = old
    let down = false
    const keys = await followingKeys(() => (down ? Promise.reject(new Error('down')) : Promise.resolve(keysOf(current))), 0)
    const told: unknown[] = []
    const codec = new EncryptionCodec(keys, (error, workflowId) => told.push([error.type, workflowId]))
    const idOf = async (): Promise<string> => Buffer.from((await codec.encode([payload(1)]))[0]!.metadata!['encryption-key-id']!).toString()
    current = now
    expect(await idOf()).toBe(old.id)
    await new Promise(setImmediate)
    expect(await idOf()).toBe(now.id)
    down = true
    for (let i = 0; i < 3; i++, await new Promise(setImmediate)) expect(await idOf()).toBe(now.id)
    const [foreign] = await new EncryptionCodec({ current: { id: 'cccccccccccccccc', key: randomBytes(32) }, get: () => Promise.resolve(null) }).encode([payload(1)])
    await expect(codec.decode([foreign!], { type: 'workflow', namespace: 'default', workflowId: 'sync/a' })).rejects.toMatchObject({ type: 'VaultKey' })
    expect(told).toEqual([['VaultKey', 'sync/a']])
  })

  it('that does not open stands in the log of the worker and of its run', async () => {
    const lines: unknown[] = []
    const store = { listRuns: ({ sync }: { sync?: string }) => Promise.resolve(sync === 'acme/orders' ? [{ run: 'r1', outcome: 'running' }] : []), log: (line: unknown) => Promise.resolve(void lines.push(line)) }
    const tell = tellUnopened({ error: (...args: unknown[]) => void lines.push(args[1]) } as never, store as never)
    for (let i = 0; i < 3; i++) tell(new IsthmusError('VaultKey', 'it does not open', { cure: 'give the key' }), 'sync/acme/orders/big/items')
    await new Promise(setImmediate)
    expect(lines).toEqual(['sync/acme/orders/big/items cannot go on: it does not open. Cure: give the key', { run: 'r1', stream: 'big/items', level: 'error', message: 'cannot go on: it does not open. Cure: give the key' }])
  })

  it('hides messages and stacks of failures, with their causes', async () => {
    const converter = loadDataConverter(dataConverter(keysOf(now)))
    const error = ApplicationFailure.create({ message: 'canary message', type: 'Contract', details: ['canary detail'], cause: new Error('canary cause') })
    const failure = await encodeErrorToFailure(converter, error)
    const seen = JSON.stringify(failure, (_key, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value))
    expect(seen).not.toMatch(/canary|codec\.test/)
    expect(seen).toContain('Contract')
    const back = await decodeOptionalFailureToOptionalError(converter, failure)
    expect(back).toMatchObject({ message: 'canary message', details: ['canary detail'], cause: { message: 'canary cause' } })
    const [sent] = (await encodeToPayloads(converter, 'canary'))!
    expect(await decodeFromPayloadsAtIndex(converter, 0, [sent!])).toBe('canary')
  })
})

describe('the codec server', () => {
  const UI = 'http://127.0.0.1:8233'
  const token = 'canary-token-0123456789'
  const codec = new EncryptionCodec(keysOf(now))
  let server: CodecServer
  let users = ownUsers({})
  let keys: () => Promise<EncryptionCodec | null> = () => Promise.resolve(codec)
  const said: string[] = []
  beforeAll(async () => {
    server = await startCodecServer({ host: '127.0.0.1', port: 0, token, origins: () => [UI], namespace: 'default', get users() { return users }, codec: () => keys(), say: (line) => said.push(line) })
  })
  afterAll(() => server.close())

  const call = async (path: string, { headers = {}, body, method = 'POST' }: { headers?: Record<string, string>; body?: string; method?: string } = {}) => {
    const json = body ?? JSON.stringify({ payloads: (await codec.encode([payload('shown'), payload(7)])).map((p) => ({ metadata: Object.fromEntries(Object.entries(p.metadata!).map(([k, v]) => [k, Buffer.from(v).toString('base64')])), data: Buffer.from(p.data!).toString('base64') })) })
    return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
      const request = httpRequest(`http://127.0.0.1:${server.port}${path}`, { method, agent: false, headers: { 'content-type': 'application/json', origin: UI, ...(headers['x-namespace'] === '' ? {} : { 'x-namespace': 'default' }), ...Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== '')) } }, (answer) => {
        let text = ''
        answer.on('data', (part) => { text += String(part) })
        answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, body: text }))
      })
      request.on('error', reject)
      request.end(method === 'POST' ? json : undefined)
    })
  }

  it('decodes for the web UI: a token in the path or as a bearer', async () => {
    for (const [path, headers] of [[`/${token}/decode`, {}], ['/decode', { authorization: `Bearer ${token}` }], [`/${token}/decode?x=1`, { 'content-type': 'application/json; charset=utf-8' }]] as const) {
      const answer = await call(path, { headers })
      expect(answer.status).toBe(200)
      expect(answer.headers['access-control-allow-origin']).toBe(UI)
      const { payloads } = JSON.parse(answer.body) as { payloads: { data: string }[] }
      expect(payloads.map((p) => Buffer.from(p.data, 'base64').toString())).toEqual(['"shown"', '7'])
    }
    const before = await call('/anything', { method: 'OPTIONS', headers: { 'access-control-request-headers': 'x-namespace' } })
    expect([before.status, before.headers['access-control-allow-headers']]).toEqual([204, expect.stringContaining('x-namespace')])
  })

  it('is closed to strangers', async () => {
    const cases: [string, Parameters<typeof call>[1], number][] = [
      ['/decode', {}, 401], ['/wrong/decode', {}, 401], ['/decode', { headers: { authorization: 'Bearer wrong' } }, 401], [`/${token.slice(0, -1)}/decode`, {}, 401], ['//decode', {}, 401],
      [`/${token}/decode`, { headers: { origin: 'https://evil.example' } }, 403], [`/${token}/decode`, { headers: { origin: 'null' } }, 403], [`/${token}/decode`, { headers: { host: 'evil.example' } }, 421],
      [`/${token}/decode`, { headers: { 'x-namespace': 'other' } }, 403], [`/${token}/decode`, { headers: { 'x-namespace': '' } }, 403], [`/${token}/encode`, {}, 404], [`/${token}/decode`, { method: 'GET' }, 405],
      [`/${token}/decode`, { headers: { 'content-type': 'text/plain' } }, 415], [`/${token}/decode`, { body: 'nonsense' }, 400], [`/${token}/decode`, { body: '{"payloads":1}' }, 400],
    ]
    for (const [path, options, status] of cases) {
      const answer = await call(path, options)
      expect([path, options, answer.status]).toEqual([path, options, status])
      expect(answer.body).not.toMatch(/shown|canary/)
      if (options?.headers?.['origin']) expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    }
    const large = await call(`/${token}/decode`, { body: JSON.stringify({ payloads: [{ data: 'A'.repeat(5 * 1024 * 1024) }] }) }).catch(() => ({ status: 413 }))
    expect(large.status).toBe(413)
    // One line a reason and minute, with neither token nor payload; what a stranger sent is quoted.
    expect(said.filter((line) => line.includes('this page may not ask'))).toEqual(['codec server: a request was refused, this page may not ask (Origin: "https://evil.example")'])
    expect(said.join()).not.toMatch(/canary|shown/)
  })

  it.runIf(process.platform === 'linux')('answers processes of this user and of root only', async () => {
    users = [4_000_000_000]
    expect((await call(`/${token}/decode`)).status).toBe(403)
    expect(said.at(-1)).toContain(`another user of this machine asks (user ${process.getuid!()})`)
    users = ownUsers({})
    expect((await call(`/${token}/decode`)).status).toBe(200)
  })

  it('says that the keys cannot be had, and shows what it can', async () => {
    keys = () => Promise.resolve(null)
    expect((await call(`/${token}/decode`)).status).toBe(503)
    keys = () => Promise.reject(new IsthmusError('Unreachable', 'no database'))
    expect((await call(`/${token}/decode`)).status).toBe(503)
    keys = () => Promise.resolve(codec)
    const [closed] = await codec.encode([payload('shown')])
    const json = (p: Payload, change = 0) => ({ metadata: Object.fromEntries(Object.entries(p.metadata!).map(([k, v]) => [k, Buffer.from(v).toString('base64')])), data: Buffer.from(p.data!).map((b, i) => (i === 20 ? b ^ change : b)) })
    const encoded = [json(closed!), json(closed!, 1)].map((p) => ({ ...p, data: Buffer.from(p.data).toString('base64') }))
    const answer = await call(`/${token}/decode`, { body: JSON.stringify({ payloads: encoded }) })
    const shown = (JSON.parse(answer.body) as { payloads: { data: string }[] }).payloads
    expect(Buffer.from(shown[0]!.data, 'base64').toString()).toBe('"shown"')
    expect(shown[1]).toEqual(encoded[1])
    expect(said.at(-1)).toContain('does not open')
  })

  it('keeps port and token of a project', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'isthmus-codec-'))
    const first = await codecPlace(dir)
    expect(await codecPlace(dir)).toEqual(first)
    expect((await stat(join(dir, 'codec.json'))).mode & 0o777).toBe(0o600)
    await rm(dir, { recursive: true })
  })
})
