import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { showError, type Output } from '../client/cli/output.ts'
import { IsthmusError, sourceSchema, streamSchema } from '../model/index.ts'
import type { SourceInput, Token, Value } from '../model/index.ts'
import { redactor } from '../model/redact/index.ts'
import { openRest, readPages } from '../protocols/rest/index.ts'
import { testServer, type Seen, type TestServer } from '../protocols/testing/server.ts'
import { createLogger } from '../workers/runtime.ts'
import { crashText } from '../workers/crash.ts'
import { shown } from '../store/text.ts'
import { rawOf } from './rows.ts'
import { toFailure } from './step.ts'

/** What an API writes into its answer of what it was sent: as it came, and encoded in all the ways that servers, proxies and clients do. */
const ECHOES: Record<string, (text: string) => string> = {
  raw: (t) => t, uri: (t) => encodeURIComponent(t), form: (t) => new URLSearchParams({ t }).toString(), json: (t) => JSON.stringify({ said: t }), nested: (t) => JSON.stringify(JSON.stringify(t)),
  hex: (t) => Buffer.from(t).toString('hex'), base64: (t) => Buffer.from(t).toString('base64'), base64a: (t) => Buffer.from(`x${t}yz`).toString('base64'), base64b: (t) => Buffer.from(`xx${t}`).toString('base64url'),
}
/** Where it shows. */
type Path = '4xx' | '5xx' | 'parse error' | 'token' | 'crash'

const special = () => `canary ${randomBytes(9).toString('base64')}&é"<${randomBytes(4).toString('hex')}`
const plainly = () => `canary${randomBytes(12).toString('hex')}`
interface Kind {
  source(): { source: Partial<SourceInput>; canary: string; env: Record<string, string>; token?: string }
}
const oauth = (more: object): SourceInput['auth'] => ({ kind: 'oauth2ClientCredentials', tokenUrl: '/token', clientId: 'id', clientSecret: { env: 'K' }, ...more }) as SourceInput['auth']
const KINDS: Record<string, Kind['source']> = {
  'key in a header': () => { const canary = plainly(); return { source: { auth: { kind: 'apiKey', key: { env: 'K' } } }, canary, env: { K: canary } } },
  'key in the query': () => { const canary = special(); return { source: { auth: { kind: 'apiKey', in: 'query', name: 'k', key: { env: 'K' } } }, canary, env: { K: canary } } },
  bearer: () => { const canary = plainly(); return { source: { auth: { kind: 'bearer', token: { env: 'K' } } }, canary, env: { K: canary } } },
  password: () => { const canary = special(); return { source: { auth: { kind: 'basic', username: 'u', password: { env: 'K' } } }, canary, env: { K: canary } } },
  'client secret': () => { const canary = plainly(); return { source: { auth: oauth({}) }, canary, env: { K: canary }, token: 'token-of-no-interest' } },
  'access token': () => { const canary = plainly(); return { source: { auth: oauth({}) }, canary, env: { K: 'client-secret-of-no-interest' }, token: canary } },
  'refresh token': () => { const canary = plainly(); return { source: { auth: { kind: 'oauth2RefreshToken', tokenUrl: '/token', clientId: 'id', refreshToken: { env: 'K' } } as SourceInput['auth'] }, canary, env: { K: canary }, token: 'token-of-no-interest' } },
  cookie: () => { const canary = plainly(); return { source: { headers: { Cookie: { env: 'K' } } }, canary, env: { K: canary } } },
  'other header': () => { const canary = plainly(); return { source: { headers: { 'X-Signature': { env: 'K' } } }, canary, env: { K: canary } } },
  'query value': () => { const canary = special(); return { source: { query: { tenant_key: { env: 'K' } } }, canary, env: { K: canary } } },
}

/** The canary in any form, found without our own code: as text, escaped, in hex, or after decoding every run of base64. */
function holds(text: string, canary: string): boolean {
  const forms = [canary, encodeURIComponent(canary), new URLSearchParams({ canary }).toString().slice(7), JSON.stringify(canary).slice(1, -1), Buffer.from(canary).toString('hex')]
  if (forms.some((form) => text.includes(form) || text.includes(JSON.stringify(form).slice(1, -1)))) return true
  return [...text.matchAll(/[A-Za-z0-9+/_-]{16,}/g)].some(([run]) => [0, 1, 2, 3].some((skip) => Buffer.from(run.slice(skip), 'base64').includes(canary)))
}

let server: TestServer
/** By path. */
const answers = new Map<string, (said: string) => { status: number; body: string; type?: string }>()
beforeAll(async () => {
  server = await testServer((req, res) => {
    const { status, body, type } = answers.get(req.path)!(credentialOf(req))
    res.writeHead(status, { 'content-type': type ?? 'application/json' }).end(body)
  })
})
afterAll(() => server.close())

/** What the server was sent of the credential, decoded as a server would. */
function credentialOf(req: Seen): string {
  const form = new URLSearchParams(req.body)
  const basic = /^Basic (.*)$/.exec(req.headers.authorization ?? '')?.[1]
  const pair = basic === undefined ? undefined : decodeURIComponent(Buffer.from(basic, 'base64').toString().split(':').slice(1).join(':').replaceAll('+', req.path === '/token' ? ' ' : '+').replace(/%(?![0-9A-F]{2})/gi, '%25'))
  return form.get('refresh_token') ?? form.get('client_secret') ?? pair ?? req.query.get('k') ?? req.query.get('tenant_key') ?? req.headers.cookie ?? (req.headers['x-signature'] as string) ?? (req.headers['x-api-key'] as string) ?? (req.headers.authorization ?? '').replace('Bearer ', '')
}

/** Everything that leaves the process when a stream meets this: stop, failure for Temporal, log line, store's line, terminal, reject. */
async function leaves(source: Partial<SourceInput>, env: Record<string, string>, access: string | undefined, path: Path, echo: (text: string) => string): Promise<string[]> {
  const out: string[] = []
  const output = { out: (t: string) => out.push(t), err: (t: string) => out.push(redactor.text(t)), json: (v: unknown) => out.push(JSON.stringify(v)), color: { red: (t: string) => t } } as unknown as Output
  const log = createLogger('info', { write: (line) => void out.push(line) })
  const tell = (error: unknown, said: string): void => {
    const failure = toFailure(error)
    out.push(JSON.stringify([failure.message, failure.details, failure.stack]))
    log.error({ error, seen: { deeply: [{ said }] } }, `failed: ${(error as Error).message}`)
    showError(output, error, true)
  }
  let said = ''
  const at = path === 'token' ? '/token' : `/items/${answers.size}`
  answers.set(at, (credential) => {
    said = echo(credential)
    if (path === '4xx' || path === 'token') return { status: 400, body: path === 'token' ? JSON.stringify({ error: 'invalid_request', error_description: said }) : said }
    if (path === '5xx') return { status: 503, body: `<html><body>upstream failed for ${said}</body></html>`, type: 'text/html' }
    return { status: 200, body: path === 'parse error' ? `{"data": ${said}` : JSON.stringify({ data: [{ id: 1, said }] }) }
  })
  const reader = openRest({
    source: sourceSchema.parse({ baseUrl: server.url, timeout: '2s', ...source }),
    stream: streamSchema.parse({ name: 's', path: at, records: 'data', key: 'id', page: { kind: 'none' } }),
    resolve: (value: Value) => (typeof value === 'string' ? value : env[(value as { env: string }).env]!),
  })
  try {
    const token: Token = { version: 1, accessToken: access ?? '', expiresAt: null, refreshToken: null }
    if (path === 'token' && reader.auth.needsToken) {
      await reader.auth.fetchToken(token).catch((error: unknown) => tell(error, said))
      return out
    }
    const { stop } = await readPages({
      reader, position: null, since: null, token: async () => token, pacer: null, signal: AbortSignal.timeout(20_000),
      budget: { untilMs: Infinity, bytes: Infinity, requests: Infinity },
      onPage: async (page) => {
        out.push(JSON.stringify(rawOf(page.list![0], true)))
        // The user's own function gets the record, and throws with it.
        tell(new TypeError(`cannot map ${JSON.stringify(page.list![0])}`), said)
        out.push(crashText(new Error(`boom ${said}`)))
      },
    })
    if (!('reason' in stop)) return out
    out.push(JSON.stringify(stop), shown(`parked: ${stop.reason}`, 2000))
    tell(new IsthmusError('Contract', stop.reason, { cure: `see ${said}` }), said)
    return out
  } finally {
    await reader.close()
  }
}

/** Canaries that left, of all that were sent. */
async function run(paths: readonly Path[]): Promise<{ sent: number; hits: string[] }> {
  const hits: string[] = []
  const cases: (() => Promise<void>)[] = []
  let sent = 0
  const echoes = Object.entries(ECHOES)
  for (const path of paths) {
    for (const [kind, make] of Object.entries(KINDS)) {
      const [form, echo] = echoes[sent % echoes.length]!
      const { source, canary, env, token } = make()
      if (path === 'token' && !['client secret', 'refresh token'].includes(kind)) continue
      if (path !== 'token' && ['client secret', 'refresh token'].includes(kind)) continue
      sent++
      cases.push(async () => {
        const out = await leaves(source, env, token, path, echo)
        expect(out.length, `${kind} ${path}`).toBeGreaterThan(2)
        if (out.some((text) => holds(text, canary))) hits.push(`${kind}, ${path}, ${form}: ${out.find((text) => holds(text, canary))!.slice(0, 400)}`)
      })
    }
  }
  // Those of the token endpoint share its address.
  if (paths.includes('token')) for (const one of cases) await one()
  else await Promise.all(cases.map((one) => one()))
  return { sent, hits }
}

describe('credentials that an API echoes', () => {
  // The tries of a 5xx and a broken body take seconds, so each comes once.
  const paths = ['4xx', '4xx', '4xx', 'token', 'token', 'token', 'crash', 'crash'] as const
  it('leave the process nowhere, in no form', async () => {
    const { sent, hits } = await run(paths)
    expect(hits).toEqual([])
    expect(sent).toBeGreaterThanOrEqual(40)
  })
  it('would be seen if they did', async () => {
    const off = { text: (t: string) => t, url: (u: string | URL) => String(u), value: (v: unknown) => v, known: (t: string) => t }
    for (const [name, f] of Object.entries(off)) vi.spyOn(redactor, name as 'text').mockImplementation(f as never)
    try {
      const { hits } = await run(paths)
      expect(hits.length).toBeGreaterThanOrEqual(30)
    } finally {
      vi.restoreAllMocks()
    }
  })
  it('an account number from the environment is hidden in messages and left in records', () => {
    const resolve = (value: Value) => (typeof value === 'string' ? value : 'account-4711-0815')
    openRest({ source: sourceSchema.parse({ baseUrl: server.url, query: { account: { env: 'A' } } }), stream: streamSchema.parse({ name: 's', path: '/' }), resolve })
    expect(redactor.text('no account account-4711-0815')).toBe('no account ***')
    expect(rawOf({ account: 'account-4711-0815' }, false)).toEqual({ raw: '{"account":"account-4711-0815"}', cut: false })
  })
  it('nor through failures that are tried again, nor by a key that signs', async () => {
    expect((await run(['5xx', 'parse error'])).hits).toEqual([])
    const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    redactor.add(pem)
    for (const shape of [pem, pem.replaceAll('\n', '\\n'), JSON.stringify({ pem }), pem.split('\n')[1]!, pem.split('\n').join(' ')]) expect(redactor.text(`key: ${shape}`)).not.toContain(pem.split('\n')[1]!.slice(0, 20))
  })
})
