import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { History } from '@temporalio/common/lib/proto-utils.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { json, testServer, type TestServer } from '../../protocols/testing/server.ts'
import { processFacts } from '../../workers/processes.ts'
import { dataConverter } from '../../workers/codec/index.ts'
import { connectClient, TASK_QUEUE, temporalBinary } from '../../workers/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'
import { decoded, historyText, opened, payloads } from '../support/histories.ts'

/** Credentials with characters that URLs and JSON write in other ways. */
const CANARIES = { id: 'cnry-id-7f3a', secret: 'cnry/secret+8b1c=&"x', token: 'cnry-token~4d9e.Zz', header: 'cnry-header-c0ffee77' }
/** What a customer's data and the plan look like; not secret, but nobody's business. */
const TEXTS = { customer: 'Wachtmeister owes 4711', thrown: 'row of Wachtmeister refused', table: 'plan_detail_table', path: '/plan/detail/items' }
const PAGE = 50

const SYNC = (path: string, table: string): string => `import { defineSync, env, fields, oauth2ClientCredentials, pageNumber, postgres, rest, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('S13_URL'), headers: { 'x-tenant-key': env('S13_HEADER') }, auth: oauth2ClientCredentials({ tokenUrl: '/oauth/token', clientId: env('S13_ID'), clientSecret: env('S13_SECRET') }) })
    .stream('items', { path: '${path}', records: 'data', key: 'id', page: pageNumber({ size: ${PAGE} }) }),
  to: postgres.table('${table}'),
  model: z.object({ id: z.int() }),
  map: fields({ id: 'id' }),
})
`

/** A text as it could stand in bytes: as it is, in URLs, hex, JSON, and base64 at each of its three offsets. */
function forms(text: string): Buffer[] {
  const base64 = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]).toString('base64').slice(Math.ceil((shift * 8) / 6)).replace(/=+$/, '').slice(0, -1))
  const all = [text, encodeURIComponent(text), new URLSearchParams({ v: text }).toString().slice(2), JSON.stringify(text).slice(1, -1), Buffer.from(text).toString('hex'), ...base64, ...base64.map((b) => b.replaceAll('+', '-').replaceAll('/', '_'))]
  return [...new Set(all)].map((form) => Buffer.from(form))
}
const found = (bytes: Buffer, texts: Record<string, string>): string[] => Object.entries(texts).filter(([, text]) => forms(text).some((form) => bytes.includes(form))).map(([name]) => name)
const files = (dir: string, only = /./): Buffer => Buffer.concat(readdirSync(dir, { recursive: true, withFileTypes: true }).filter((e) => e.isFile() && only.test(e.name)).map((e) => readFileSync(join(e.parentPath, e.name))))

/** What Temporal and PostgreSQL keep of runs, byte by byte. Oracle: the texts themselves, and their being found where nothing encrypts. */
describe('what is stored of a run', () => {
  let project: Project
  let dev: Dev
  let server: TestServer
  const histories = new Map<string, History>()
  const client = () => connectClient(dev.temporal)

  beforeAll(async () => {
    server = await testServer(({ path, query, headers, body }, res) => {
      if (path === '/oauth/token') return json(res, { access_token: CANARIES.token, token_type: 'bearer', expires_in: 3_600 })
      if (headers.authorization !== `Bearer ${CANARIES.token}` || headers['x-tenant-key'] !== CANARIES.header) return json(res, { error: 'no' }, 401)
      const page = Number(query.get('page'))
      // An API that repeats what it was sent, beside a customer's data.
      if (path === '/broken' && page === 2) return json(res, { error: `${TEXTS.customer}; you sent ${headers.authorization} and ${CANARIES.header} ${body}` }, 422)
      json(res, { data: page > 3 ? [] : Array.from({ length: PAGE }, (_, i) => ({ id: page * PAGE + i })) })
    })
    project = await makeProject({ 'syncs/well.ts': SYNC(TEXTS.path, TEXTS.table), 'syncs/broken.ts': SYNC('/broken', 'broken') })
    dev = await project.dev()
    // A step that throws: the destination fails once, with a text of its own.
    await dev.query(`create table ${TEXTS.table} (id bigint primary key); create sequence tries;
      create function fail() returns trigger language plpgsql as $$ begin if nextval('tries') = 1 then raise exception '${TEXTS.thrown}' using errcode = '53100'; end if; return new; end $$;
      create trigger fail before insert on ${TEXTS.table} for each row execute function fail()`)
    const env = { S13_URL: server.url, S13_HEADER: CANARIES.header, S13_ID: CANARIES.id, S13_SECRET: CANARIES.secret }
    const [well, broken] = await Promise.all([project.isthmus(['run', 'well', '--json'], env), project.isthmus(['run', 'broken', '--json'], env)])
    expect(well).toMatchObject({ code: 0, json: { outcome: 'completed', total: { inserted: 3 * PAGE } } })
    expect(broken).toMatchObject({ code: 4, json: { outcome: 'parked' } })
    expect((await project.isthmus(['skip', 'broken'])).code).toBe(0)
    const temporal = await client()
    try {
      // A client without keys sees that they have ended, and no more.
      for (const id of ['sync/well', 'sync/broken']) await expect(temporal.workflow.getHandle(id).result()).rejects.toThrow('binary/encrypted')
      // The runs, their streams, and the owner of the tokens.
      for await (const { workflowId, runId } of temporal.workflow.list()) histories.set(workflowId, await temporal.workflow.getHandle(workflowId, runId).fetchHistory())
      expect([...histories.keys()].map((id) => id.replace(/(?<=connection\/).*/, '*')).sort()).toEqual(['connection/*', 'sync/broken', 'sync/broken/items', 'sync/well', 'sync/well/items'])
    } finally {
      await temporal.connection.close()
    }
  })
  afterAll(async () => {
    await project?.close()
    await server?.close()
  })

  it('is not to be read in Temporal, neither in histories nor in its database', async () => {
    const all = { ...CANARIES, ...TEXTS }
    for (const history of histories.values()) {
      const raw = Buffer.from([historyText(history), ...payloads(history).map(decoded)].join('\n'))
      expect(found(raw, all)).toEqual([])
      // Search attributes are all that is plain.
      const plain = payloads(history).filter((p) => Buffer.from(p.metadata!['encoding']!).toString() !== 'binary/encrypted')
      expect(plain.filter((p) => !p.metadata!['type'])).toEqual([])
    }
    expect(found(files(join(project.dir, '.isthmus'), /^temporal\.db/), all)).toEqual([])
    expect(found(files(join(project.dir, '.isthmus'), /\.log/), CANARIES)).toEqual([])
  })

  it('was there: decoded histories hold texts and plan, and no credential', async () => {
    const texts = Buffer.from((await Promise.all([...histories.values()].map((h) => opened(h, project, dev.databaseUrl)))).flat().map(decoded).join('\n'))
    expect(found(texts, TEXTS)).toEqual(['customer', 'thrown', 'table'])
    expect(found(texts, CANARIES)).toEqual([])
  })

  it('is found with the codec off, by the same look', async () => {
    const temporal = await client()
    await temporal.workflow.start('plain', { workflowId: 'plain', taskQueue: 'nobody', args: [Object.values(TEXTS), CANARIES.id], staticSummary: CANARIES.token, memo: { header: CANARIES.header } })
    await temporal.workflow.getHandle('plain').terminate(CANARIES.secret)
    const history = await temporal.workflow.getHandle('plain').fetchHistory()
    await temporal.connection.close()
    const all = { ...CANARIES, ...TEXTS }
    expect(found(Buffer.from(historyText(history)), all)).toEqual(Object.keys(all))
    let seen: string[] = []
    for (let i = 0; i < 50 && seen.length < Object.keys(all).length; i++, await sleep(100)) seen = found(files(join(project.dir, '.isthmus'), /^temporal\.db/), all)
    expect(seen).toEqual(Object.keys(all))
  })

  it('stops loudly where the key is that of another database', async () => {
    const keys = { current: { id: 'f0f0f0f0f0f0f0f0', key: randomBytes(32) }, get: () => Promise.resolve(null) }
    const temporal = await connectClient(dev.temporal, { dataConverter: dataConverter(keys) })
    const handle = await temporal.workflow.start('sync', { workflowId: 'sync/foreign', taskQueue: TASK_QUEUE, args: [{}] })
    const log = () => readFileSync(join(project.dir, '.isthmus', 'worker.log'), 'utf8')
    for (let i = 0; i < 100 && !log().includes('sync/foreign cannot go on'); i++) await sleep(100)
    expect(log()).toMatch(/sync\/foreign cannot go on: a payload of Temporal was encrypted with a key that this database does not hold. Cure: use the DATABASE_URL/)
    await handle.terminate()
    await temporal.connection.close()
  })

  it('keeps credentials out of PostgreSQL: its rows, its files, its write-ahead log', async () => {
    await dev.query('checkpoint')
    const tables = await dev.query<{ name: string }>(`select format('%I.%I', table_schema, table_name) as name from information_schema.tables where table_schema in ('isthmus', 'public') and table_type = 'BASE TABLE'`)
    const rows: string[] = []
    for (const { name } of tables) rows.push(...(await dev.query<{ row: string }>(`select t::text as row from ${name} t`)).map((r) => r.row))
    const dump = Buffer.from(rows.join('\n'))
    expect(found(dump, CANARIES)).toEqual([])
    expect(found(dump, { table: TEXTS.table })).toEqual(['table'])
    const { dataDir } = JSON.parse(readFileSync(join(project.dir, '.isthmus', 'postgres.json'), 'utf8')) as { dataDir: string }
    expect(found(files(dataDir), CANARIES)).toEqual([])
  })

  it('opens in the UI and in the CLI of Temporal, through the codec server alone', async () => {
    const settings = (await (await fetch(`${dev.temporal.uiUrl}/api/v1/settings`)).json()) as { Codec: { Endpoint: string } }
    expect(settings.Codec.Endpoint).toBe(dev.codec)
    const body = JSON.parse(historyText(histories.get('sync/broken/items')!)) as unknown
    const sent = (function find(value: unknown): unknown[] {
      if (value === null || typeof value !== 'object') return []
      return 'metadata' in value && 'data' in value ? [value] : Object.values(value).flatMap(find)
    })(body)
    const ask = (headers: Record<string, string>, path = dev.codec) => fetch(`${path}/decode`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-namespace': dev.temporal.namespace, ...headers }, body: JSON.stringify({ payloads: sent }) })
    const shown = await ask({ origin: new URL(dev.temporal.uiUrl).origin })
    expect(shown.status).toBe(200)
    const { payloads: plain } = (await shown.json()) as { payloads: { data: string }[] }
    expect(plain.map((p) => Buffer.from(p.data, 'base64').toString()).join('\n')).toContain(TEXTS.customer)
    expect((await ask({ origin: 'https://evil.example' })).status).toBe(403)
    expect((await ask({}, new URL(dev.codec).origin)).status).toBe(401)

    const show = async (...more: string[]) => (await promisify(execFile)(await temporalBinary(), ['workflow', 'show', '--address', dev.temporal.address, '-w', 'sync/broken/items', '--output', 'json', ...more], { maxBuffer: 1 << 26 })).stdout
    expect(found(Buffer.from(await show('--codec-endpoint', dev.codec)), TEXTS)).toContain('customer')
    expect(found(Buffer.from(await show()), TEXTS)).toEqual([])

    // The token stands in no list of processes.
    const token = dev.codec.split('/').at(-1)!
    const { children } = JSON.parse(readFileSync(join(project.dir, '.isthmus', 'dev.json'), 'utf8')) as { children: { pid: number }[] }
    for (const { pid } of children) expect((await processFacts(pid))!.command).not.toContain(token)
  })
})
