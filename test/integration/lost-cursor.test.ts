import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { json, testServer, type TestServer } from '../../protocols/testing/server.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const PAGES = 6
const syncFile = (table: string): string => `import { cursor, defineSync, env, fields, postgres, rest, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('API_URL') }).stream('items', { path: '/items', records: 'data', key: 'id', page: cursor({ send: 'after', next: 'next' }) }),
  to: postgres.table('${table}'),
  model: z.object({ id: z.int() }),
  map: fields({ id: 'id' }),
})
`

/** Cursors belong to a session of the API: a new session refuses those of the last one. */
describe('a cursor that lapsed', () => {
  let project: Project
  let dev: Dev
  let api: TestServer
  const state = { session: 1, lapseAt: 0, goneAt: 0, lapses: 0 }

  beforeAll(async () => {
    project = await makeProject({ 'syncs/within.ts': syncFile('within'), 'syncs/between.ts': syncFile('between') })
    dev = await project.dev()
    api = await testServer(({ query }, res) => {
      const [session, at] = (query.get('after') ?? `${state.session}-0`).split('-').map(Number) as [number, number]
      if (at === state.lapseAt && state.lapses === 0) {
        state.lapses += 1
        state.session += 1
      }
      if (session !== state.session) return json(res, { error: 'cursor expired' }, 400)
      if (at === state.goneAt && at > 0) return json(res, { error: 'nothing here' }, 404)
      const data = Array.from({ length: 10 }, (_, i) => ({ id: at * 10 + i }))
      json(res, { data, next: at + 1 < PAGES ? `${session}-${at + 1}` : null })
    })
  })
  afterAll(async () => {
    await api?.close()
    await project?.close()
  })

  const run = (id: string, ...args: string[]) => project.isthmus(['run', id, '--json', ...args], { API_URL: api.url })
  const ids = async (table: string): Promise<number[]> => (await dev.query<{ id: string }>(`select id from "${table}" order by id`)).map((r) => Number(r.id))
  const all = Array.from({ length: PAGES * 10 }, (_, i) => i)

  it('within a run: the scan begins anew, and nothing is missing or doubled', async () => {
    Object.assign(state, { lapseAt: 3, goneAt: 0, lapses: 0 })
    const result = await run('within')
    expect(state.lapses).toBe(1)
    expect(result).toMatchObject({ code: 0, json: { outcome: 'completed' } })
    expect(await ids('within')).toEqual(all)
  })

  it('between two runs: the next one begins anew by itself, and --from-start does so at will', async () => {
    Object.assign(state, { lapseAt: 0, goneAt: 4, lapses: 1 })
    expect(await run('between')).toMatchObject({ code: 4, json: { outcome: 'parked' } })
    await project.isthmus(['cancel', 'between'])
    Object.assign(state, { goneAt: 0, session: state.session + 1 })
    expect(await run('between')).toMatchObject({ code: 0, json: { outcome: 'completed', total: { read: PAGES * 10, unchanged: 40, inserted: 20 } } })
    expect(await ids('between')).toEqual(all)

    state.goneAt = 2
    expect((await run('between')).json.outcome).toBe('parked')
    await project.isthmus(['cancel', 'between'])
    state.goneAt = 0
    const before = api.seen.length
    expect((await run('between', '--from-start')).json).toMatchObject({ outcome: 'completed', requests: PAGES, total: { read: PAGES * 10 }, streams: { items: { resumed: false } } })
    expect(api.seen.length - before).toBe(PAGES)
  })
})
