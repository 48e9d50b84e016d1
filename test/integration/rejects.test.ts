import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Isthmus } from '../../client/index.ts'
import { testServer, type TestServer } from '../../protocols/testing/server.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'
import type { Reject } from '../../model/rejects.ts'
import { poisoned, type Row } from '../support/poison.ts'

const RECORDS = 2_200
const PAGE = 300

const STRICT = '(r) => ({ id: r.id, big: r.big, name: r.name, amount: r.amount, ratio: r.ratio, day: r.day, payload: r.payload ?? null })'
const FIXED = `(r) => ({
    id: r.id ?? r.ref, big: r.big, name: r.name === 'forbidden' ? 'allowed' : r.name.replaceAll('\\0', '').toWellFormed(), amount: r.amount === 'many' ? 0 : r.amount,
    ratio: String(r.ratio) === '1e400' ? null : r.ratio, day: r.day === '0000-00-00' ? null : r.day, payload: r.payload ?? null })`

const sync = (name: string, o: { map: string; path?: string; more?: string }): string => `import { defineSync, env, pageNumber, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('URL_OF_SOURCE') }).stream('items', { path: '/${o.path ?? 'poison'}', records: 'data', key: 'id', page: pageNumber({ size: ${PAGE}, sizeParam: 'size' }) }),
  to: postgres.table('${name}'),
  model: z.object({ id: t.int64(), big: t.int64(), name: z.string(), amount: t.decimal({ precision: 18, scale: 2 }), ratio: z.number().nullable(), day: t.date().nullable(), payload: z.string().nullable() }),
  map: ${o.map},
  guard: { rejects: 1, drop: 1 },
  ${o.more ?? ''}
})
`

/** Matrix row R11: poison is set aside exactly, and moves after a fix with no request to the source. Oracle: the generator, the rows, the source's own log. */
describe('rejects', () => {
  const source = poisoned(RECORDS)
  let project: Project
  let dev: Dev
  let server: TestServer
  let isthmus: Isthmus
  const env = () => ({ URL_OF_SOURCE: server.url })

  beforeAll(async () => {
    server = await testServer(({ path, query }, res) => {
      const from = (Number(query.get('page')) - 1) * PAGE
      const records = path === '/poison' ? source.map((r) => r.text) : Array.from({ length: 3_000 }, (_, i) => `{"id":${i + 1},"big":1,"name":"n","amount":${i % 3 === 0 ? 1 : '"many"'},"ratio":1,"day":null}`)
      res.writeHead(200, { 'content-type': 'application/json' })
      res.end(`{"data":[${records.slice(from, from + PAGE).join(',')}]}`)
    })
    project = await makeProject({ 'syncs/poison.ts': sync('poison', { map: STRICT }) })
    dev = await project.dev()
    isthmus = new Isthmus({ projectDir: project.dir })
    await dev.query(`create table poison (id bigint primary key, big bigint not null, name text not null check (name <> 'forbidden'), amount numeric(18,2) not null, ratio double precision, day date, payload text)`)
  })
  afterAll(async () => {
    await isthmus?.close()
    await project?.close()
    await server?.close()
  })

  const rows = async (): Promise<Row[]> =>
    dev.query(`select id::text, big::text, name, amount::text, ratio::text, to_char(day, 'YYYY-MM-DD') as day, length(payload) as payload from poison order by poison.id`)
  const expectedRows = (of: 'strict' | 'fixed'): Row[] => {
    const found = new Map(source.flatMap((r) => (r[of] ? [[r[of].id, r[of]] as const] : [])))
    return [...found.values()].map((r) => ({ ...r, amount: `${Number(r.amount).toFixed(2)}` })).sort((a, b) => Number(a.id) - Number(b.id))
  }

  it('sets aside exactly the poison, and keeps every good row exact', async () => {
    const result = await project.isthmus(['run', 'poison', '--json'], env())
    const rejected = source.filter((r) => !r.strict).length
    expect(rejected).toBe(16)
    expect(result, result.stderr).toMatchObject({ code: 3, json: { outcome: 'completed', total: { read: RECORDS, rejected, updated: 2, inserted: RECORDS - rejected - 2 } } })
    expect(await rows()).toEqual(expectedRows('strict'))

    const { json } = await project.isthmus(['rejects', 'list', 'poison', '--json', '--limit', '100'])
    expect(json.total).toBe(rejected)
    const kinds = (json.rejects as Reject[]).map((r) => `${r.field} ${r.kind} ${r.cut} ${r.state}`).sort()
    const each = (text: string, n = 2): string[] => Array.from({ length: n }, () => text)
    // A missing name is met by the map function, the constraint by PostgreSQL: also that one keeps the source's record.
    expect(kinds).toEqual([...each(' record false open'), ...each('amount record false open'), ...each('amount record true open'), ...each('day record false open'), ...each('id record false open'), ...each('name record false open', 4), ...each('ratio record false open')].sort())
    const byField = await isthmus.rejects.list({ of: json.rejects[0].run, field: 'day' })
    expect(byField.total).toBe(2)
    expect(source.map((r) => r.text)).toContain((await isthmus.rejects.get(byField.rejects[0]!.id)).raw)
  }, 120_000)

  it('delivers all that a fix makes fit, with no request to the source', async () => {
    const requests = server.seen.length
    const fixable = source.filter((r) => !r.strict && r.fixed).length
    expect(await isthmus.rejects.retry('poison', { dry: true })).toMatchObject([{ tried: fixable, delivered: 0, kept: fixable, cut: 2 }])
    await project.write({ 'syncs/poison.ts': sync('poison', { map: FIXED }) })
    const one = (await isthmus.rejects.list({ of: 'poison', field: 'day' })).rejects[0]!.id
    expect(await isthmus.rejects.retry(one)).toMatchObject([{ tried: 1, delivered: 1, inserted: 1 }])
    expect(await isthmus.rejects.retry('poison', { dry: true })).toMatchObject([{ delivered: fixable - 1, inserted: fixable - 1 }])
    expect(await rows()).toHaveLength(expectedRows('strict').length + 1)
    const result = await project.isthmus(['rejects', 'retry', 'poison', '--json'])
    expect(result).toMatchObject({ code: 3, json: { tried: fixable - 1, delivered: fixable - 1, kept: 0, cut: 2, inserted: fixable - 1 } })
    expect(await rows()).toEqual(expectedRows('fixed'))
    expect(server.seen.length).toBe(requests)

    const cut = (await isthmus.rejects.list({ of: 'poison' })).rejects.map((r) => r.id)
    expect(cut).toHaveLength(2)
    await expect(isthmus.rejects.retry(cut)).rejects.toThrow(/4 MiB.*cannot be sent again/)
    expect(await project.isthmus(['rejects', 'drop', ...cut, '--note', 'too large', '--json'])).toMatchObject({ code: 0, json: { dropped: expect.arrayContaining(cut), notOpen: [] } })
    expect((await project.isthmus(['rejects', 'list', 'poison'])).stdout).toContain('no open rejects')
    expect(await isthmus.rejects.get(cut[0]!)).toMatchObject({ state: 'dropped', note: 'too large' })
  }, 120_000)

  it('doubles and loses nothing when the worker dies between delivering and noting it', async () => {
    await project.write({ 'syncs/append.ts': sync('appended', { map: STRICT, path: 'append', more: "mode: 'append'," }) })
    const run = await project.isthmus(['run', 'append', '--json'], env())
    expect(run.json, run.stderr).toMatchObject({ outcome: 'completed', total: { read: 3_000, rejected: 2_000, inserted: 1_000 } })
    await project.write({ 'syncs/append.ts': sync('appended', { map: FIXED, path: 'append', more: "mode: 'append'," }) })
    const count = async () => Number((await dev.query<{ n: string }>('select count(*) as n from appended'))[0]!.n)
    const lock = new pg.Client({ connectionString: dev.databaseUrl })
    lock.on('error', () => {})
    await lock.connect()
    await lock.query('begin; lock table isthmus.rejects in share mode')
    const retry = isthmus.rejects.retry('append')
    for (let i = 0; (await count()) === 1_000 && i < 300; i++) await sleep(100)
    const delivered = await count()
    expect(delivered).toBe(1_500)
    const file = JSON.parse(readFileSync(join(project.dir, '.isthmus/dev.json'), 'utf8')) as { children: { name: string; pid: number }[] }
    process.kill(file.children.find((c) => c.name === 'worker')!.pid, 'SIGKILL')
    // What the dead worker had asked for must not be done in its place.
    await dev.query(`select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and query ilike '%update isthmus.rejects%' and pid <> pg_backend_pid()`)
    expect(await dev.query(`select count(*)::int as n from isthmus.rejects where sync = 'append' and state = 'open'`)).toEqual([{ n: 2_000 }])
    await lock.query('rollback')
    await lock.end()
    expect(await retry).toMatchObject([{ delivered: 2_000, kept: 0, inserted: 1_500, unchanged: 500 }])
    expect(await dev.query('select count(*)::int as n, count(distinct id)::int as ids from appended')).toEqual([{ n: 3_000, ids: 3_000 }])
  }, 120_000)
})
