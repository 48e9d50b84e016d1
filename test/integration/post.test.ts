import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../simulator/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const ROWS = 1_200

const connector = `import { defineConnector, env, t, z } from 'isthmus'
const create = { path: '/sink/contacts', id: 'id', reason: 'error.message', idempotency: { header: 'Idempotency-Key' } }
export default defineConnector('acme', {
  baseUrl: env('ACME_URL'), auth: { kind: 'none' }, concurrency: 4,
  actions: {
    'contact.create': { ...create, key: 'id' },
    'contact.batch': { ...create, path: '/sink/batched', key: 'id', batch: { size: 7, records: 'items', results: 'results' } },
    'contact.checked': { ...create, path: '/sink/checked', key: 'id', model: z.object({ id: z.string(), email: z.email(), amount: t.decimal() }) },
    'payment.initiate': { ...create, path: '/sink/payments', key: 'id', approval: { above: 2 } },
  },
})
`
const query = `import { defineSync, fields, postgres, t, z } from 'isthmus'
import acme from '../connectors/acme.ts'
export default defineSync({
  from: postgres.query('select id, big, at, amount from dues where id > 0', { key: 'id', incremental: 'at' }),
  to: acme.action('due', { path: '/sink/dues', id: 'id', idempotency: { header: 'Idempotency-Key' } }),
  model: z.object({ id: z.string(), big: t.int64(), at: t.timestamp(), amount: t.decimal() }),
  map: fields({ id: 'id', big: 'big', at: 'at', amount: 'amount' }),
})
`

/** Records of files and rows of queries, sent to an API. Oracle: what the API holds. */
describe('posting', () => {
  let project: Project
  let dev: Dev
  let api: Simulator
  const env = (): Record<string, string> => ({ ACME_URL: api.url })
  const post = (action: string, file: string, ...more: string[]) => project.isthmus(['post', 'acme', action, '--file', file, '--json', ...more], env())
  const lines = (n: number, of: (i: number) => object = (i) => ({ id: `c${i}`, nested: { big: i } })): string => Array.from({ length: n }, (_, i) => `${JSON.stringify(of(i + 1))}\n`).join('')

  beforeAll(async () => {
    api = await startSimulator({ sinkRefuseEvery: 50, sinkCut: 0.02, latencyMs: 5 })
    project = await makeProject({
      'connectors/acme.ts': connector, 'syncs/dues.ts': query,
      'a.jsonl': lines(120).replace('"big":1}', '"big":12345678901234567890}') + '{"id": "half\n',
      'c.csv': 'id,email,amount\n1,a@example.com,1.50\n2,nobody,2\n3,"b@example.com",9007199254740993.10\n',
      'p.jsonl': lines(5),
    })
    dev = await project.dev(env())
  })
  afterAll(async () => {
    await project?.close()
    await api?.close()
  })

  it('checks a file, sends each record once, and nothing when it is posted again', async () => {
    const look = await post('contact.create', 'a.jsonl', '--dry-run')
    expect(look).toMatchObject({ code: 3, json: { outcome: 'checked', records: 121, fits: 120, misfits: 1, samples: [{ record: 121, reason: expect.stringMatching(/^line 121 is no JSON/) }], delivery: expect.stringMatching(/^exactly once/) } })
    expect((await post('contact.create', 'a.jsonl')).json).toMatchObject({ outcome: 'refused', error: { field: '--yes' } })
    expect(api.sink('contacts')).toHaveLength(0)
    const first = await post('contact.create', 'a.jsonl', '--yes')
    const { inserted, rejected } = first.json.total as { inserted: number; rejected: number }
    expect(first).toMatchObject({ code: 3, json: { outcome: 'completed', sync: 'post/acme/contact.create' } })
    expect([inserted + rejected, rejected > 1]).toEqual([121, true])
    const held = api.sink('contacts')
    expect(new Set(held.map((r) => r.business)).size).toBe(inserted)
    expect(held).toHaveLength(inserted)
    if (held.some((r) => r.business === 'c1')) expect(JSON.stringify(await (await fetch(`${api.url}/_sim/sink/contacts`)).text())).toContain('12345678901234567890')
    const before = api.stats().sink.writes
    const again = await post('contact.create', 'a.jsonl', '--yes')
    // What was refused is tried again; what was taken is not.
    expect(again.json).toMatchObject({ outcome: 'completed', total: { unchanged: inserted } })
    expect(api.stats().sink.writes - before).toBeLessThanOrEqual(3 * (121 - inserted))
    const rejects = await project.isthmus(['rejects', 'list', 'post/acme/contact.create', '--json'], env())
    expect((rejects.json.rejects as { reason: string }[]).some((r) => r.reason.startsWith('line 121 is no JSON'))).toBe(true)
  }, 120_000)

  it('sends batches with partial success, and a CSV that a model checks', async () => {
    const batch = await post('contact.batch', 'a.jsonl', '--yes')
    const { inserted } = batch.json.total as { inserted: number }
    expect(batch.json).toMatchObject({ outcome: 'completed', total: { read: 121 } })
    expect(new Set(api.sink('batched').map((r) => r.business)).size).toBe(inserted)
    expect(api.sink('batched')).toHaveLength(inserted)
    const csv = await post('contact.checked', 'c.csv', '--yes')
    expect(csv).toMatchObject({ json: { outcome: 'completed', total: { read: 3 } } })
    expect(csv.json.total.rejected).toBeGreaterThanOrEqual(1)
    expect(csv.stderr).toMatch(/record 2: .*email/)
    expect((await (await fetch(`${api.url}/_sim/sink/checked`)).text())).toMatch(/9007199254740993\.10|1\.50/)
  }, 120_000)

  it('reads a query row by row into an action although the worker is killed, and only what changed the next time', async () => {
    await dev.query(`create table dues (id bigint primary key, big bigint, at timestamptz, amount numeric)`)
    await dev.query(`insert into dues select i, 9007199254740993 + i, timestamptz '2026-01-01 00:00:00.123456Z' + i * interval '1 second', i + 0.10 from generate_series(1, ${ROWS}) i`)
    const run = project.isthmus(['run', 'dues', '--json'], env())
    for (const until = Date.now() + 60_000; api.sink('dues').length < 200 && Date.now() < until; ) await sleep(10)
    const { children } = JSON.parse(readFileSync(join(project.dir, '.isthmus/dev.json'), 'utf8')) as { children: { name: string; pid: number }[] }
    process.kill(children.find((c) => c.name === 'worker')!.pid, 'SIGKILL')
    const { json } = await run
    const { inserted, rejected } = json.total as { inserted: number; rejected: number }
    expect(json).toMatchObject({ outcome: 'completed', total: { read: ROWS } })
    expect(inserted + rejected).toBe(ROWS)
    const held = api.sink('dues')
    expect(held).toHaveLength(inserted)
    expect(new Set(held.map((r) => r.business)).size).toBe(inserted)
    await dev.query(`update dues set amount = 7, at = now() where id = 5`)
    expect((await project.isthmus(['run', 'dues', '--json'], env())).json).toMatchObject({ outcome: 'completed', total: { read: expect.any(Number) } })
    const text = await (await fetch(`${api.url}/_sim/sink/dues`)).text()
    expect(text).toContain('9007199254741')
    expect(text).toMatch(/2026-01-01T?.00:\d\d:\d\d\.123456/)
  }, 120_000)
})
