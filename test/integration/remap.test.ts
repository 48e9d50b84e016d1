import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Isthmus } from '../../client/index.ts'
import { testServer, json, type TestServer } from '../../protocols/testing/server.ts'
import { connectClient } from '../../workers/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'
import { decoded, opened } from '../support/histories.ts'

const RECORDS = 1_000
const PAGE = 100

const sync = (o: { model?: string; map: string; table?: string; more?: string }): string => `import { defineSync, env, fields, pageNumber, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('URL_OF_SOURCE') }).stream('items', { path: '/items', records: 'data', key: 'id', page: pageNumber({ size: ${PAGE} }) }),
  to: postgres.table('${o.table ?? 'items'}'),
  model: z.object({ id: z.int(), name: z.string(), size: z.int().nullable()${o.model ?? ''} }),
  map: ${o.map},
  guard: { rejects: 1, drop: 1 },
  ${o.more ?? ''}
})
`
const OLD = "fields({ id: 'id', name: 'name', size: 'size' })"
/** Leaves out the gone ones, rejects the large ones, and changes two columns. */
const NEW = "(r) => (r.state === 'gone' ? null : { id: r.id, name: r.name.toUpperCase(), size: r.size > 900 ? 'much' : r.size, state: r.state })"

/** The changed mapping against a plain reference; the source's own log tells that it was not asked. */
describe('remap', () => {
  let project: Project
  let dev: Dev
  let server: TestServer
  let isthmus: Isthmus
  /** The records as the source gives them now. */
  let records = Array.from({ length: RECORDS }, (_, i) => ({ id: i, name: `name ${i}`, size: i, state: i % 10 === 0 ? 'gone' : 'there' }))
  const env = () => ({ URL_OF_SOURCE: server.url })
  const table = (name: string, columns: string) => dev.query(`select ${columns} from ${name} order by id`)

  beforeAll(async () => {
    server = await testServer(({ query }, res) => {
      const from = (Number(query.get('page')) - 1) * PAGE
      json(res, { data: records.slice(from, from + PAGE) })
    })
    project = await makeProject({ 'syncs/items.ts': sync({ map: OLD }), 'syncs/again.ts': sync({ map: OLD, table: 'again', more: "mode: 'replace'," }) })
    dev = await project.dev()
    isthmus = new Isthmus({ projectDir: project.dir, env: { ...process.env, ...env() } })
  })
  afterAll(async () => {
    await isthmus?.close()
    await project?.close()
    await server?.close()
  })

  it('shows the difference, then applies exactly that, to the newest version of each record', async () => {
    expect(await isthmus.syncs.run('items')).toMatchObject({ outcome: 'completed', total: { inserted: RECORDS } })
    // In the second run 5 have changed, one of them to gone: its older version must not come back.
    records = records.map((r) => (r.id > 100 && r.id <= 105 ? { ...r, name: `changed ${r.id}`, state: r.id === 105 ? 'gone' : 'there' } : r))
    expect(await isthmus.syncs.run('items')).toMatchObject({ outcome: 'completed', total: { updated: 5, unchanged: RECORDS - 5 } })
    await dev.query('delete from items where id = 3')
    const before = await table('items', '*')
    const requests = server.seen.length

    await project.write({ 'syncs/items.ts': sync({ model: ', state: z.string().nullable()', map: NEW }) })
    const gone = records.filter((r) => r.state === 'gone').length
    const large = records.filter((r) => r.state !== 'gone' && r.size > 900).length
    const changed = RECORDS - gone - large - 1
    const shown = await project.isthmus(['remap', 'items', '--json'])
    const difference = { inserted: 1, changed, unchanged: 0, filteredStays: gone, rejectedStays: large, columns: { name: changed, state: changed } }
    expect(shown).toMatchObject({ code: 0, json: { applied: false, streams: [{ cover: { runs: 2, records: 2 * RECORDS }, filtered: 2 * gone - 1, rejected: 2 * large, unknownKeys: 0, difference }] } })
    expect(shown.json.streams[0].difference.samples).toHaveLength(20)
    expect(shown.json.streams[0].difference.samples[0]).toEqual({ key: { id: '1' }, before: { id: '1', name: 'name 1', size: '1', state: null }, after: { id: '1', name: 'NAME 1', size: '1', state: 'there' } })
    expect(shown.json.streams[0].examples[0].field).toBe('size')
    expect(await table('items', '*')).toEqual(before)

    const applied = await isthmus.remap('items', { apply: true })
    expect(applied).toMatchObject([{ applied: true, difference }])
    const expected = records.map((r) => ({ id: String(r.id), ...(r.state === 'gone' || r.size > 900 ? { name: r.name, state: null } : { name: r.name.toUpperCase(), state: r.state }) }))
    expect(await table('items', 'id, name, state')).toEqual(expected)
    expect(await isthmus.remap('items', { apply: true })).toMatchObject([{ difference: { inserted: 0, changed: 0, unchanged: changed + 1 } }])
    expect(server.seen.length).toBe(requests)
    // No working files are left, and nothing of the rows is in a history.
    expect(readdirSync(join(project.dir, '.isthmus/stage')).filter((name) => name.startsWith('remap'))).toEqual([])
    const client = await connectClient(dev.temporal)
    const history = await client.workflow.getHandle('remap/items').fetchHistory()
    await client.connection.close()
    const texts = (await opened(history, project, dev.databaseUrl)).map(decoded).join('\n')
    expect(texts).toContain('"filteredStays"')
    expect(texts).not.toMatch(/name 1|NAME 1/)
  }, 180_000)

  it('makes a table of mode replace anew from its newest complete run', async () => {
    expect(await isthmus.syncs.run('again')).toMatchObject({ outcome: 'completed', total: { inserted: RECORDS } })
    const requests = server.seen.length
    await project.write({ 'syncs/again.ts': sync({ model: ', state: z.string().nullable()', map: NEW, table: 'again', more: "mode: 'replace'," }) })
    const kept = records.filter((r) => r.state !== 'gone' && r.size <= 900)
    expect(await isthmus.remap('again')).toMatchObject([{ applied: false, difference: { changed: kept.length, removed: RECORDS - kept.length } }])
    await isthmus.remap('again', { apply: true })
    expect(await table('again', 'id, name')).toEqual(kept.map((r) => ({ id: String(r.id), name: r.name.toUpperCase() })))
    expect(server.seen.length).toBe(requests)
  }, 120_000)

  it('refuses what cannot be remapped, with the cure', async () => {
    await project.write({ 'syncs/added.ts': sync({ map: OLD, table: 'added', more: "mode: 'append'," }) })
    const result = await project.isthmus(['remap', 'added', '--json'])
    expect(result).toMatchObject({ code: 2, json: { outcome: 'refused', error: { type: 'InvalidInput', field: 'mode' } } })
    await project.write({ 'syncs/never.ts': sync({ map: OLD, table: 'never' }) })
    await expect(isthmus.remap('never')).rejects.toMatchObject({ type: 'NotFound' })
  }, 60_000)
})
