import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import type { IsthmusError } from '../model/errors.ts'
import { loadPlanned, loadProject, loadSync, surveyProject } from './load.ts'

const sync = (id?: string): string => `import { defineSync, fields, pageNumber, postgres, rest, z } from 'isthmus'
export default defineSync({
  ${id ? `id: '${id}',` : ''}
  from: rest({ baseUrl: 'http://127.0.0.1:9' }).stream('things', { path: '/things', key: 'id', page: pageNumber() }),
  to: postgres.table('things'), model: z.object({ id: z.string() }), map: fields({ id: 'id' }),
})
`
let dir = ''
async function project(files: Record<string, string>): Promise<string> {
  dir = await mkdtemp(join(tmpdir(), 'isthmus-load-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true })
    await writeFile(join(dir, name), text)
  }
  return dir
}
afterEach(() => rm(dir, { recursive: true, force: true }))

const fault = (work: Promise<unknown>): Promise<string> => work.then(() => 'was accepted', (error: IsthmusError) => error.format())

it('one broken file spoils no other; its error has line and column', async () => {
  const root = await project({
    'syncs/good.ts': sync(), 'syncs/a/syntax.ts': "import { z } from 'isthmus'\n\nexport default [\n  z.object({ id: ] })\n", 'syncs/import.ts': "import { x } from '../lib/x.ts'\nexport default x", 'lib/x.ts': 'export const x = {{',
    'syncs/throws.ts': 'const none = undefined as unknown as { x: number }\n\nexport default none.x', 'syncs/nothing.ts': 'export default 42',
  })
  const found = new Map((await surveyProject(root)).map((f) => [f.id, f]))
  expect([...found.keys()]).toEqual(['a/syntax', 'good', 'import', 'nothing', 'throws'])
  expect(found.get('good')).toMatchObject({ error: null, sync: { plan: { id: 'good' } } })
  const shown = (id: string): string => found.get(id)!.error!.format()
  expect(shown('a/syntax')).toMatch(/^syncs\/a\/syntax\.ts: syntax error in line 4, column 18: Unexpected token\. Cure/)
  expect(shown('import')).toMatch(/^syncs\/import\.ts: syntax error in lib\/x\.ts, line 1, column \d+: /)
  expect(shown('throws')).toMatch(/^syncs\/throws\.ts: the file cannot be loaded \(line 3\): Cannot read/)
  expect(shown('nothing')).toMatch(/exports no sync/)
  expect((await loadSync(root, 'good')).plan.id).toBe('good')
  expect(await fault(loadSync(root, 'a/syntax'))).toMatch(/line 4, column 18/)
  expect(await fault(loadProject(root))).toMatch(/syntax error/)
})

it('two syncs with one id: either name tells it, and the others work', async () => {
  const root = await project({ 'syncs/a.ts': sync('twin'), 'syncs/b.ts': sync('twin'), 'syncs/c.ts': sync(), 'syncs/d.ts': sync(), 'syncs/d.js': sync(), 'syncs/e.ts': sync('c2') })
  for (const name of ['a', 'b', 'twin']) expect(await fault(loadSync(root, name))).toMatch(/two syncs have the id "twin": syncs\/a\.ts and syncs\/b\.ts/)
  expect(await fault(loadSync(root, 'd'))).toMatch(/two syncs have the id "d": syncs\/d\.js and syncs\/d\.ts/)
  expect((await loadSync(root, 'c')).plan.file).toBe('syncs/c.ts')
  expect((await loadSync(root, 'c2')).plan.file).toBe('syncs/e.ts')
  expect(await fault(loadSync(root, 'e'))).toMatch(/use its id, "c2"/)
})

it('the sync of a plan is found by its file alone: the others are not even looked at', async () => {
  const count = "(globalThis as { isthmusLoads?: number }).isthmusLoads = ((globalThis as { isthmusLoads?: number }).isthmusLoads ?? 0) + 1\n"
  const root = await project({ 'syncs/a.ts': sync('named'), 'syncs/b.ts': count + sync(), 'outside.ts': sync('outside') })
  const loads = (): unknown => (globalThis as { isthmusLoads?: number }).isthmusLoads
  expect((await loadPlanned(root, { id: 'named', file: 'syncs/a.ts' })).plan.id).toBe('named')
  expect(loads()).toBeUndefined()
  // Its file was given to another sync meanwhile, or was never one of the project's.
  expect((await loadPlanned(root, { id: 'b', file: 'syncs/a.ts' })).plan.file).toBe('syncs/b.ts')
  expect(loads()).toBe(1)
  expect(await fault(loadPlanned(root, { id: 'outside', file: 'syncs/../outside.ts' }))).toMatch(/there is no sync "outside"/)
})

it('an unknown name: the nearest one, and a list that says when it was cut', async () => {
  const names = [...Array.from({ length: 11 }, (_, i) => `sync${i}x`), 'acme/invoices']
  const root = await project(Object.fromEntries(names.map((n) => [`syncs/${n}.ts`, sync()])))
  expect(await fault(loadSync(root, 'acme/invoice'))).toMatch(/did you mean acme\/invoices\? Else use one of acme\/invoices, sync0x, .*, \.\.\.$/)
  expect(await fault(loadSync(root, 'invoices'))).toMatch(/did you mean acme\/invoices/)
  expect(await fault(loadSync(root, 'ACME/invocies'))).toMatch(/did you mean acme\/invoices/)
  expect(await fault(loadSync(root, 'customers'))).not.toMatch(/did you mean/)
})

it('keeps what it compiled in the state folder, for its owner alone; a changed file is compiled anew, and errors keep their lines', async () => {
  const root = await project({ 'syncs/good.ts': sync(), 'syncs/throws.ts': 'const none = undefined as unknown as { x: number }\n\nexport default none.x', '.isthmus/kept': '' })
  const kept = join(root, '.isthmus/compiled')
  const first = await loadSync(root, 'good')
  const written = await Promise.all((await readdir(kept)).map(async (name) => [name, (await stat(join(kept, name))).mtimeMs]))
  expect(written).toHaveLength(2)
  expect((await stat(kept)).mode & 0o777).toBe(0o700)
  expect((await loadSync(root, 'good')).plan).toEqual(first.plan)
  expect(await fault(loadSync(root, 'throws'))).toMatch(/cannot be loaded \(line 3\): Cannot read/)
  expect(await Promise.all((await readdir(kept)).map(async (name) => [name, (await stat(join(kept, name))).mtimeMs]))).toEqual(written)
  await writeFile(join(root, 'syncs/good.ts'), sync().replace("'/things'", "'/others'"))
  expect((await loadSync(root, 'good')).plan.streams[0]!.stream.path).toBe('/others')
  expect(await readdir(kept)).toHaveLength(2)
})
