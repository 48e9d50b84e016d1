import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const FILE = (o: { from?: string; stream?: string; to?: string; model?: string; map?: string; more?: string } = {}): string => `import { apiKey, defineSync, env, fields, oauth2ClientCredentials, pageNumber, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL'), auth: apiKey({ key: env('SIM_KEY') }) ${o.from ?? ''} }).stream('customers', { path: '/page/customers', records: 'data', key: 'id', page: pageNumber({ size: 100, sizeParam: 'per_page' }) ${o.stream ?? ''} }),
  to: ${o.to ?? "postgres.table('customers')"},
  model: ${o.model ?? 'z.object({ id: z.int(), name: z.string() })'},
  map: ${o.map ?? "fields({ id: 'id', name: 'name' })"},
  ${o.more ?? ''}
})
`

/** Bad input is refused before data moves: one message naming file, field and cure, exit code 2, no run left behind. */
describe('bad input', () => {
  let project: Project
  let dev: Dev
  let sim: Simulator

  beforeAll(async () => {
    project = await makeProject({ 'syncs/good.ts': FILE() })
    dev = await project.dev()
    sim = await startSimulator({ auth: 'api-key', records: { customers: 300 } })
  })
  afterAll(async () => {
    await sim?.close()
    await project?.close()
  })

  const run = (id: string, env: Record<string, string> = {}, args: string[] = []) => project.isthmus(['run', id, '--json', ...args], { SIM_URL: sim.url, SIM_KEY: C.apiKey, ...env })

  const cases: [string, { file?: string; env?: Record<string, string>; args?: string[]; id?: string }, RegExp[]][] = [
    ['an unknown sync', { id: 'nope' }, [/no sync "nope"/, /good/]],
    ['an unknown stream', { args: ['--stream', 'orders'] }, [/syncs\/case\.ts/, /no stream "orders"/, /customers/]],
    ['a wrong type in the source', { file: FILE({ from: ", limits: [{ requests: 'many', per: '1m' }]" }) }, [/syncs\/case\.ts/, /from\.limits\[0\]\.requests/, /Cure/]],
    ['a wrong duration', { file: FILE({ more: "every: 'sometimes'," }) }, [/syncs\/case\.ts/, /every/, /15m/]],
    ['an unknown option', { file: FILE({ stream: ", recods: 'x'" }) }, [/syncs\/case\.ts/, /recods/, /remove/]],
    ['a field the model lacks', { file: FILE({ map: "fields({ id: 'id', name: 'name', mail: 'email' } as never)" }) }, [/syncs\/case\.ts/, /map\.mail/, /id, name/]],
    ['a field nothing fills', { file: FILE({ map: "fields({ id: 'id' } as never)" }) }, [/syncs\/case\.ts/, /"name"/]],
    ['a missing environment variable', { env: { SIM_KEY: '' } }, [/syncs\/case\.ts/, /from\.auth\.key/, /SIM_KEY/, /\.env/]],
    ['an unreachable API', { env: { SIM_URL: 'http://127.0.0.1:9' } }, [/syncs\/case\.ts/, /127\.0\.0\.1:9/, /Cure/]],
    ['wrong credentials', { env: { SIM_KEY: 'wrong-key-value' } }, [/syncs\/case\.ts/, /from\.auth/, /SIM_KEY/]],
    ['a wrong path', { file: FILE().replace('/page/customers', '/page/nothing') }, [/syncs\/case\.ts/, /404/]],
    ['a wrong path to the records', { file: FILE().replace("records: 'data'", "records: 'items'") }, [/syncs\/case\.ts/, /records/, /data/]],
    ['a mapping no record fits', { file: FILE({ model: 'z.object({ id: z.int(), name: t.decimal() })' }) }, [/syncs\/case\.ts/, /map\.name/]],
    ['a secret in the code', { file: FILE().replace("env('SIM_KEY')", "'a-literal-secret' as never") }, [/syncs\/case\.ts/, /from\.auth\.key/, /env\('NAME'\)/]],
    ['a file that is no sync', { file: 'export default 42' }, [/syncs\/case\.ts/, /defineSync/]],
    ['a file that does not parse', { file: 'export default defineSync({' }, [/syncs\/case\.ts/]],
  ]

  it.each(cases)('%s', async (_name, { file, env, args, id }, patterns) => {
    await project.write({ 'syncs/case.ts': file ?? FILE() })
    const result = await run(id ?? 'case', env, args)
    for (const pattern of patterns) expect(result.stderr).toMatch(pattern)
    expect(result.code).toBe(2)
    expect(result.json).toMatchObject({ outcome: 'refused' })
    expect(result.stdout + result.stderr).not.toContain('wrong-key-value')
    expect(result.stdout + result.stderr).not.toContain('a-literal-secret')
    await nothingLeft()
  })

  it('a destination table with other columns', async () => {
    await dev.query('create table if not exists other_columns (id bigint primary key, name integer not null)')
    await project.write({ 'syncs/case.ts': FILE({ to: "postgres.table('other_columns')" }) })
    const result = await run('case')
    expect(result.stderr).toMatch(/syncs\/case\.ts.*other_columns.*name/s)
    expect(result.code).toBe(2)
    expect(await dev.query('select count(*)::int n from other_columns')).toEqual([{ n: 0 }])
    await nothingLeft()
  })

  it('two syncs with one id', async () => {
    await project.write({ 'syncs/case.ts': FILE(), 'syncs/case.js': FILE() })
    const result = await run('case')
    expect(result.stderr).toMatch(/two syncs.*case\.js.*case\.ts/s)
    expect(result.code).toBe(2)
    await nothingLeft()
  })

  async function nothingLeft(): Promise<void> {
    const tables = await dev.query<{ n: number }>("select count(*)::int n from information_schema.tables where table_schema = 'isthmus' and table_name = 'runs'")
    if (tables[0]!.n > 0) expect(await dev.query('select run from isthmus.runs')).toEqual([])
  }
})
