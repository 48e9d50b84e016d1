import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { json, testServer, type TestServer } from '../../protocols/testing/server.ts'
import { makeProject, type CliResult, type Dev, type Project } from '../support/cli.ts'

interface Item {
  id: number
  name: string | null
  at: string
}

const items = (n: number): Item[] => Array.from({ length: n }, (_, i) => ({ id: i + 1, name: `n${i + 1}`, at: `2024-01-01T00:00:${String(i % 60).padStart(2, '0')}Z` }))
const without = (...ids: number[]): Item[] => items(50).filter((r) => !ids.includes(r.id))

interface StreamOptions {
  map?: string
  more?: string
  stream?: string
  size?: number
}

/** A sync whose streams each read a set of the same name into a table of the same name; soft deletes unless told otherwise. */
const FILE = (streams: Record<string, StreamOptions>): string => `import { defineSync, env, fields, flow, pageNumber, postgres, rest, z } from 'isthmus'
const api = rest({ baseUrl: env('API_URL'), concurrency: 2 })
const model = z.object({ id: z.int(), name: z.string() })
export default defineSync({ streams: [
${Object.entries(streams).map(([name, o]) => `  flow({
    from: api.stream('${name}', { path: '/${name}', records: 'data', key: 'id', page: pageNumber({ size: ${o.size ?? 10}, sizeParam: 'size' })${o.stream ?? ''} }),
    to: postgres.table('${name}'), model, map: ${o.map ?? "fields({ id: 'id', name: 'name' })"}, ${o.more ?? "deletes: 'soft'"},
  }),`).join('\n')}
] })
`

/** Rows that are no longer at the source, through the real command line. Oracle: the rows, and what the source was asked. */
describe('deletes by complete generation', () => {
  let project: Project
  let dev: Dev
  let api: TestServer
  const sets: Record<string, Item[]> = {}
  /** Status with which page 3 of a set fails, and how often it did. */
  const broken: Record<string, number> = {}
  const failures: Record<string, number> = {}

  beforeAll(async () => {
    api = await testServer((req, res) => {
      const name = req.path.slice(1)
      const page = Number(req.query.get('page'))
      const size = Number(req.query.get('size'))
      const since = req.query.get('since') ?? ''
      if (page === 3 && broken[name]) {
        failures[name] = (failures[name] ?? 0) + 1
        return json(res, { error: 'no' }, broken[name])
      }
      json(res, { data: (sets[name] ?? []).filter((r) => r.at >= since).slice((page - 1) * size, page * size) })
    })
    project = await makeProject({ 'syncs/placeholder.ts': FILE({ placeholder: {} }) })
    dev = await project.dev()
  })
  afterAll(async () => {
    await project?.close()
    await api?.close()
  })

  const run = (id: string, args: string[] = []): Promise<CliResult> => project.isthmus(['run', id, '--json', ...args], { API_URL: api.url })
  const write = (id: string, streams: Record<string, StreamOptions>): Promise<void> => project.write({ [`syncs/${id}.ts`]: FILE(streams) })
  const fill = (names: string[], rows: Item[]): void => names.forEach((name) => (sets[name] = rows))
  const gone = async (table: string): Promise<number[]> => (await dev.query<{ id: string }>(`select id from ${table} where _deleted_at is not null order by 1`)).map((r) => Number(r.id))
  /** How the sync's last run ended, or that it has not. */
  const outcome = async (id: string): Promise<string> => (await project.isthmus(['list', '--json'])).json.runs.find((r: { sync: string }) => r.sync === id).outcome
  const count = async (table: string): Promise<number> => (await dev.query<{ n: number }>(`select count(*)::int n from ${table}`))[0]!.n

  it('removes what is gone and nothing else; rejected records keep their rows, incremental runs delete nothing', async () => {
    await write('steady', {
      soft: {}, data: {}, code: { map: "(r) => (r.name === 'out' ? null : { id: r.id, name: r.name.trim() })" },
      increments: { stream: ", incremental: { field: 'at', send: 'since' }" }, many: { size: 2_500, more: "deletes: 'hard'" },
    })
    fill(['soft', 'data', 'code', 'increments'], items(50))
    fill(['many'], items(10_000))
    expect((await run('steady')).json).toMatchObject({ outcome: 'completed', total: { inserted: 10_200, removed: 0 } })

    sets.soft = without(1, 17, 50)
    sets.data = sets.code = without(5, 6).map((r) => (r.id === 20 ? { ...r, name: null } : r.id === 30 ? { ...r, name: 'out' } : r))
    sets.increments = items(50).slice(10)
    sets.many = sets.many!.filter((r) => r.id % 200 !== 7)
    const second = await run('steady')
    expect(second.json).toMatchObject({
      outcome: 'completed', total: { removed: 3 + 2 + 3 + 50 },
      streams: {
        soft: { read: 47, unchanged: 47, removed: 3 }, data: { rejected: 1, removed: 2 }, code: { rejected: 1, filtered: 1, removed: 3 }, increments: { removed: 0 },
        many: { read: 9_950, unchanged: 9_950, removed: 50 },
      },
    })
    expect(second.json.streams.increments.read).toBeLessThan(40)
    expect([await gone('soft'), await gone('data'), await gone('code'), await gone('increments')]).toEqual([[1, 17, 50], [5, 6], [5, 6, 30], []])
    expect(await dev.query('select count(*)::int n, count(*) filter (where id % 200 = 7)::int gone from many')).toEqual([{ n: 9_950, gone: 0 }])

    // 17 comes back; the rejected record has no key any more, so no row may go.
    sets.soft = without(1, 50)
    sets.data = sets.code = without(5, 6, 7).map((r) => (r.id === 20 ? { ...r, id: null as never } : r))
    expect((await run('steady')).json.streams).toMatchObject({ soft: { updated: 1, unchanged: 47, removed: 0 }, data: { rejected: 1, removed: 0 }, code: { rejected: 1, removed: 0 } })
    expect([await gone('soft'), await gone('data'), await gone('code')]).toEqual([[1, 50], [5, 6], [5, 6]])
    expect((await project.isthmus(['logs', 'steady'])).stdout.match(/nothing was deleted: the key of 1 rejected record could not be read/g)).toHaveLength(2)
  }, 240_000)

  it('page 3 of 5 fails for good: 0 deletes, and afterwards only what is really gone', async () => {
    await write('failing', { page404: {}, page500: {} })
    fill(['page404', 'page500'], items(50))
    await run('failing')
    fill(['page404', 'page500'], without(2, 45))
    Object.assign(broken, { page404: 404, page500: 500 })
    expect((await run('failing', ['--detach'])).json.outcome).toBe('running')
    // 5xx are tried again for long: a person gives up.
    await expect.poll(() => [failures['page404'] ?? 0, failures['page500'] ?? 0].every((n) => n > 0), { timeout: 60_000 }).toBe(true)
    await project.isthmus(['cancel', 'failing', '--json'])
    await expect.poll(() => outcome('failing'), { timeout: 60_000 }).toBe('cancelled')
    expect([await gone('page404'), await gone('page500')]).toEqual([[], []])
    delete broken['page404']
    delete broken['page500']
    expect((await run('failing')).json).toMatchObject({ outcome: 'completed', total: { removed: 4 } })
    expect([await gone('page404'), await gone('page500')]).toEqual([[2, 45], [2, 45]])
  }, 240_000)

  it('an empty list with 200, or far too few records: 0 deletes, and approval is asked for', async () => {
    const names = ['empty_soft', 'empty_hard', 'empty_replace', 'fewer']
    await write('empty', { empty_soft: {}, empty_hard: { more: "deletes: 'hard'" }, empty_replace: { more: "mode: 'replace'" }, fewer: { more: "deletes: 'hard'" } })
    fill(names, items(50))
    await run('empty')
    fill(names, [])
    sets['fewer'] = items(39)
    const asked = await run('empty')
    expect(asked).toMatchObject({ code: 4, json: { outcome: 'parked', total: { removed: 0 } } })
    for (const name of names) {
      const message = name === 'fewer' ? /^11 of the 50 rows of public\.fewer \(22 %\) are no longer at the source/ : new RegExp(`^the source gave no records, and 50 of the 50 rows of public\\.${name} would be removed`)
      expect(asked.json.streams[name].error, name).toMatchObject({ type: 'Implausible', message: expect.stringMatching(message) })
      expect(await count(name), name).toBe(50)
    }
    expect(await gone('empty_soft')).toEqual([])
    // Approved for one, given up for the others: the next run reads everything again.
    const asks = api.seen.length
    await project.isthmus(['approve', 'empty', '--stream', 'fewer'])
    await expect.poll(() => count('fewer'), { timeout: 60_000 }).toBe(39)
    expect(api.seen).toHaveLength(asks)
    await project.isthmus(['skip', 'empty', '--stream', 'empty_soft', 'empty_hard', 'empty_replace'])
    await expect.poll(() => outcome('empty'), { timeout: 60_000 }).toBe('completed')
    expect(await Promise.all(names.map(count))).toEqual([50, 50, 50, 39])
    fill(names, items(45))
    expect((await run('empty')).json).toMatchObject({ outcome: 'completed', total: { removed: 15 } })
    expect(await Promise.all(names.slice(1).map(count))).toEqual([45, 45, 45])
  }, 240_000)

  it('a SIGKILL between the last chunk and the removal changes nothing', async () => {
    await write('killing', { killed: {} })
    fill(['killed'], items(50))
    await run('killing')
    await dev.query(`create table slow (ms int); insert into slow values (3000);
      create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(ms / 1000.0) from slow; return null; end';
      create trigger slow after update on killed for each statement execute function slow()`)
    fill(['killed'], without(3, 4))
    const running = run('killing')
    const removing = () => dev.query("select 1 from pg_stat_activity where query like 'update \"public\".\"killed\"%' and state = 'active'")
    await expect.poll(async () => (await removing()).length, { timeout: 60_000, interval: 50 }).toBe(1)
    expect(await dev.query("select ended, complete from isthmus.checkpoints where stream_key = 'killing/killed'")).toEqual([{ ended: true, complete: false }])
    const { children } = JSON.parse(readFileSync(join(project.dir, '.isthmus/dev.json'), 'utf8')) as { children: { name: string; pid: number }[] }
    process.kill(children.find((c) => c.name === 'worker')!.pid, 'SIGKILL')
    await dev.query('update slow set ms = 0')
    expect((await running).json).toMatchObject({ outcome: 'completed', total: { read: 48, removed: 2 } })
    expect(await gone('killed')).toEqual([3, 4])
  }, 240_000)

  it('a column of the model cannot be the mark', async () => {
    await write('clash', { clash: { more: "deletes: { mode: 'soft', column: 'name' }" } })
    const result = await run('clash')
    expect(result.code).toBe(2)
    expect(result.stderr).toMatch(/syncs\/clash\.ts: deletes\.column: .*"name".*Cure: name another column/)
  })
})
