import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Isthmus } from '../../client/index.ts'
import { json, testServer, type TestServer } from '../../protocols/testing/server.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const PAGES = 40
const SIZE = 25
const PAGE_MS = 200
const syncFile = (name: string): string => `import { cursor, defineSync, env, fields, postgres, rest, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('API_URL'), connection: '${name}' }).stream('${name}', { path: '/${name}', records: 'data', key: 'id', page: cursor({ send: 'after', next: 'next' }) }),
  to: postgres.table('${name}'), model: z.object({ id: z.string(), name: z.string() }), map: fields({ id: 'id', name: 'name' }),
})
`
const record = (page: number, i: number): { id: string; name: string } => ({ id: `${page}-${i}`, name: `name ${page * SIZE + i}` })

interface Worker {
  child: ChildProcess
  /** Lines of its log so far. */
  log(): string
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; at: number }>
}

/** Real worker processes that are told to stop while they read. Oracle: the source's own request log, the rows, exit codes. */
describe('a worker that is told to stop', () => {
  let project: Project
  let dev: Dev
  let api: TestServer
  let isthmus: Isthmus
  const workers: Worker[] = []
  /** Page 3 of `hangs` waits for it. */
  let open = (): void => {}
  let gate: Promise<void>
  const close = (): void => void (gate = new Promise((resolve) => (open = resolve)))

  beforeAll(async () => {
    api = await testServer(async ({ path, query }, res) => {
      const page = Number(query.get('after') ?? 1)
      if (path === '/slow') await sleep(PAGE_MS)
      if (path === '/hangs' && page === 3) await gate
      json(res, { data: Array.from({ length: SIZE }, (_, i) => record(page, i)), next: page < PAGES ? String(page + 1) : null })
    })
    project = await makeProject({ 'syncs/slow.ts': syncFile('slow'), 'syncs/hangs.ts': syncFile('hangs'), '.env': `API_URL=${api.url}\n` })
    dev = await project.dev({}, undefined, ['--no-worker'])
    isthmus = new Isthmus({ projectDir: project.dir })
  })
  afterAll(async () => {
    open()
    for (const { child } of workers) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await Promise.all(workers.map((w) => w.ended))
    await isthmus?.close()
    await project?.close()
    await api?.close()
  })

  async function start(): Promise<Worker> {
    const child = project.spawn(['worker'], { TEMPORAL_ADDRESS: dev.temporal.address, TEMPORAL_NAMESPACE: dev.temporal.namespace, DATABASE_URL: dev.databaseUrl })
    let log = ''
    for (const out of [child.stdout!, child.stderr!]) out.on('data', (d: Buffer) => (log += d.toString()))
    const worker = { child, log: () => log, ended: once(child, 'exit').then(([code, signal]) => ({ code, signal, at: Date.now() })) as Worker['ended'] }
    workers.push(worker)
    for (let i = 0; i < 600 && !log.includes('The worker is ready'); i++) await sleep(50)
    expect(log).toContain('The worker is ready')
    return worker
  }
  const asked = (path: string): number[] => api.seen.filter((r) => r.path === path).map((r) => Number(r.query.get('after') ?? 1))
  const lineOf = (worker: Worker, text: string): Record<string, unknown> => JSON.parse(worker.log().split('\n').find((line) => line.includes(text)) ?? '{}') as Record<string, unknown>
  async function until(what: string, good: () => boolean): Promise<void> {
    for (const end = Date.now() + 60_000; !good(); await sleep(20)) if (Date.now() > end) throw new Error(`never: ${what}`)
  }
  const rows = (table: string) => dev.query<{ id: string; name: string }>(`select id, name from "${table}"`)
  const source = Array.from({ length: PAGES * SIZE }, (_, n) => record(Math.floor(n / SIZE) + 1, n % SIZE))
  const sorted = (all: { id: string }[]) => all.map((r) => JSON.stringify(r)).sort()

  it('begins no further page, others take on its runs meanwhile, and what does not end within 20 s is cancelled and begun again', async () => {
    close()
    const first = await start()
    const [slow, hangs] = await Promise.all([isthmus.syncs.start('slow'), isthmus.syncs.start('hangs')])
    await until('both read', () => asked('/hangs').includes(3) && asked('/slow').includes(14))
    const told = Date.now()
    first.child.kill('SIGTERM')
    await until('it tells', () => first.log().includes('drains'))
    expect(lineOf(first, 'drains')).toMatchObject({ level: 30, steps: expect.toSatisfy((n: number) => n >= 2) })
    // Nobody else is there: what the first one began of `slow` ends with the page under way.
    await sleep(4 * PAGE_MS)
    const left = Math.max(...asked('/slow'))
    expect(left).toBeLessThanOrEqual(17)
    await sleep(4 * PAGE_MS)
    expect(Math.max(...asked('/slow'))).toBe(left)

    const second = await start()
    expect(await slow.result()).toMatchObject({ outcome: 'completed', total: { read: PAGES * SIZE, inserted: PAGES * SIZE, requests: PAGES } })
    const before = first.child.exitCode
    const end = await first.ended
    const seconds = (end.at - told) / 1000
    expect(end).toMatchObject({ code: 0, signal: null })
    expect(seconds).toBeGreaterThan(19.5)
    expect(seconds).toBeLessThan(25)
    expect(lineOf(first, 'has stopped')).not.toHaveProperty('abandoned')
    console.log(`slow pages: ${left} read when it drained, the run complete under the next worker ${before === null ? 'while the first still drained' : 'after the first'}; a hanging page was cancelled and the process ended after ${seconds.toFixed(1)} s`)
    await until('the page is asked for again', () => asked('/hangs').filter((page) => page === 3).length === 2)

    // The second worker hangs at that page now. Told twice within a second it drains, as after one Ctrl-C that npx passes on; told again it stops at once.
    second.child.kill('SIGINT')
    await sleep(300)
    second.child.kill('SIGINT')
    await sleep(1_200)
    expect(second.child.exitCode).toBeNull()
    const again = Date.now()
    second.child.kill('SIGTERM')
    const stopped = await second.ended
    expect(stopped).toMatchObject({ code: 130, signal: null })
    expect(stopped.at - again).toBeLessThan(2_000)
    expect(lineOf(second, 'at once')).toMatchObject({ level: 40 })

    const third = await start()
    expect(lineOf(third, 'was killed')).toMatchObject({ steps: 1 })
    const ready = Date.now()
    await until('the third one asks for the page', () => asked('/hangs').filter((page) => page === 3).length === 3)
    // It waits for no time-out of a heartbeat.
    expect(Date.now() - ready).toBeLessThan(5_000)
    open()
    expect(await hangs.result()).toMatchObject({ outcome: 'completed', total: { read: PAGES * SIZE, inserted: PAGES * SIZE } })

    expect(asked('/slow')).toEqual(Array.from({ length: PAGES }, (_, i) => i + 1))
    // Once more for each worker that left it.
    expect(asked('/hangs')).toEqual([1, 2, 3, 3, ...Array.from({ length: PAGES - 2 }, (_, i) => i + 3)])
    for (const table of ['slow', 'hangs']) expect(sorted(await rows(table))).toEqual(sorted(source))

    const last = Date.now()
    third.child.kill('SIGTERM')
    expect(await third.ended).toMatchObject({ code: 0 })
    expect((await third.ended).at - last).toBeLessThan(10_000)
  })

  it('in `isthmus dev` is ended by a second Ctrl-C, and all else is stopped as usual', async () => {
    await isthmus.close()
    await dev.stop()
    await project.write({ 'syncs/again.ts': syncFile('hangs').replace("table('hangs')", "table('again')") })
    dev = await project.dev()
    isthmus = new Isthmus({ projectDir: project.dir })
    close()
    api.seen.length = 0
    await isthmus.syncs.start('again')
    await until('it hangs', () => asked('/hangs').includes(3))
    let said = ''
    dev.child.stderr!.on('data', (d: Buffer) => (said += d.toString()))
    const ended = once(dev.child, 'exit')
    dev.child.kill('SIGINT')
    await sleep(2_000)
    expect(said).toContain('Ctrl-C again')
    expect(dev.child.exitCode).toBeNull()
    const told = Date.now()
    dev.child.kill('SIGINT')
    expect(await ended).toEqual([0, null])
    expect(Date.now() - told).toBeLessThan(12_000)
    console.log(`dev: ended ${Date.now() - told} ms after the second Ctrl-C`)
  })
})
