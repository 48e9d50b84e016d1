import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
import { loadVaultKey, openStore } from '../../store/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const CONNECTOR = `import { apiKey, credential, defineConnector, env, oauth2AuthorizationCode, z } from 'isthmus'
export default defineConnector('acme', {
  title: 'Acme Books', docs: 'https://acme.example/api', baseUrl: env('SIM_URL'), check: { path: '/cursor/customers', query: { limit: '1' } },
  settings: z.object({ region: z.enum(['eu', 'us']).default('eu').describe('Region'), account: z.string().regex(/^\\d+$/).describe('Account number') }),
  auth: {
    oauth: { title: 'sign in', auth: oauth2AuthorizationCode({ authorizeUrl: '/oauth/authorize', tokenUrl: '/oauth/token', clientId: credential('clientId'), clientSecret: credential('clientSecret') }) },
    key: { credentials: z.object({ apiKey: z.string().min(5).describe('API key') }), auth: apiKey({ key: credential('apiKey') }) },
  },
})
`
const SYNC = `import { cursor, defineSync, fields, postgres, z } from 'isthmus'
import acme from '../connectors/acme.ts'
export default defineSync({
  from: acme.stream('customers', { path: '/cursor/customers', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 50, sizeParam: 'limit' }) }),
  to: postgres.table('customers'), model: z.object({ id: z.int() }), map: fields({ id: 'id' }),
})
`
const SECRETS = { ACME_ID: C.clientId, ACME_SECRET: C.clientSecret, ACME_KEY: C.apiKey, ACME_WRONG: 'canary-wrong-key' }
const OAUTH = ['--method', 'oauth', '--set', 'account=17', 'clientId=env:ACME_ID', 'clientSecret=env:ACME_SECRET', '--no-browser', '--json']

/** Setting up connections through the command line. Oracle: the API's own log, and the rows. */
describe('isthmus connect', () => {
  let project: Project
  let dev: Dev
  let sim: Simulator

  beforeAll(async () => {
    sim = await startSimulator({ auth: 'oauth', latencyMs: 20, records: { customers: 600 } })
    project = await makeProject({ 'connectors/acme.ts': CONNECTOR, 'syncs/customers.ts': SYNC })
    dev = await project.dev({ SIM_URL: sim.url })
  })
  afterAll(async () => {
    await project?.close()
    await sim?.close()
  })
  const env = () => ({ SIM_URL: sim.url, ...SECRETS })
  const isthmus = (...args: string[]) => project.isthmus(args, env())
  const stored = () => dev.query<{ id: string }>('select id from isthmus.vault_connections')

  /** A person at the browser: opens the address that is printed, which leads back to the command. */
  async function signIn(args: string[]): Promise<{ code: number | null; json: any; stderr: string }> {
    const child: ChildProcess = project.spawn(args, env())
    let stdout = ''
    let stderr = ''
    child.stdout!.on('data', (d: Buffer) => (stdout += d.toString()))
    child.stderr!.on('data', (d: Buffer) => (stderr += d.toString()))
    const closed = once(child, 'close')
    let visited = false
    while (child.exitCode === null && !visited) {
      const address = /sign in here: (\S+)/.exec(stderr)?.[1]
      if (address) {
        visited = true
        expect(new URL(address).searchParams.get('code_challenge_method')).toBe('S256')
        expect((await fetch(address)).status).toBe(200)
      } else await sleep(50)
    }
    const [code] = (await closed) as [number | null]
    return { code, json: JSON.parse(stdout.trim().split('\n').at(-1) || 'null'), stderr: stderr + stdout }
  }

  it('says what is missing, takes no secret from the command line, and stores nothing that does not work', async () => {
    expect(await isthmus('run', 'customers', '--json')).toMatchObject({ code: 2, json: { error: { type: 'MissingEnvironment', cure: expect.stringContaining('isthmus connect acme') as string } } })
    const cases: [string[], RegExp][] = [
      [['acme'], /Acme Books needs account \(Account number\), clientId.*--set clientSecret=env:NAME.*acme\.example/],
      [['acme', '--method', 'key', '--set', 'account=17', 'apiKey=canary-literal'], /"apiKey" stands in the command line.*env:NAME/],
      [['acme', '--method', 'key', '--set', 'account=x', 'apiKey=env:ACME_KEY'], /setting "account"/],
      [['acme', '--method', 'key', '--set', 'region=mars', 'account=1', 'apiKey=env:ACME_KEY'], /setting "region"/],
      [['acme', '--method', 'key', '--set', 'account=17', 'apiKey=env:ACME_WRONG'], /HTTP 401/],
      [['acme', '--method', 'nope'], /no sign-in method "nope".*oauth/],
      [['acme', '--set', 'nothing=1'], /nothing is called "nothing"/],
      [['acmee'], /did you mean acme/],
      [['acme', '--as', 'a/b'], /cannot be the name of a connection/],
    ]
    const results = await Promise.all(cases.map(([args]) => isthmus('connect', ...args, '--json')))
    for (const [i, result] of results.entries()) {
      expect([cases[i]![0], result.code]).toEqual([cases[i]![0], 2])
      expect(result.stderr).toMatch(cases[i]![1])
      expect(result.stderr + result.stdout).not.toMatch(/canary-(wrong|literal)/)
    }
    expect(await stored()).toEqual([])
  })

  it('signs in with a browser, keeps everything sealed, and a sync works with it', async () => {
    const done = await signIn(['connect', 'acme', ...OAUTH])
    expect(done).toMatchObject({ code: 0, json: { outcome: 'connected', connection: 'acme', connector: 'acme', method: 'oauth', checked: { status: 200 }, token: { version: 1 } } })
    expect(done.stderr).not.toContain(C.clientSecret)
    expect(await isthmus('run', 'customers', '--json')).toMatchObject({ code: 0, json: { outcome: 'completed' } })
    expect(await dev.query('select count(*)::int n, count(distinct id)::int d from customers')).toEqual([{ n: 600, d: 600 }])
    expect(await isthmus('connections', 'check', 'acme', '--json')).toMatchObject({ code: 0, json: { outcome: 'ok', status: 200 } })
    const shown = await isthmus('connections', 'show', 'acme', '--json')
    expect(shown.json).toMatchObject({ connection: 'acme', state: 'ok', settings: { region: 'eu', account: '17' }, credentials: ['clientId', 'clientSecret'], syncs: ['customers'] })
    const { json } = await isthmus('connections', 'list', '--json')
    expect(json.connections).toMatchObject([{ connection: 'acme', stored: true }])
    expect(shown.stdout + (await isthmus('connections', 'list')).stdout).not.toContain(C.clientSecret)
    const dump = JSON.stringify(await dev.query('select * from isthmus.vault_credentials'))
    expect(dump).not.toContain(C.clientSecret)
  })

  it('a revoked token parks the run and shows; signing in again sends it on', async () => {
    // Beyond the token that is stored: the next one has to be asked for.
    const before = await dev.query<{ version: number }>(`select version from isthmus.tokens where connection like 'acme/%'`)
    const store = await openStore(dev.databaseUrl, { key: await loadVaultKey({ env: {}, projectDir: project.dir }) })
    const { refreshToken } = await store.getToken((await dev.query<{ connection: string }>(`select connection from isthmus.tokens where connection like 'acme/%'`))[0]!.connection)
    await store.close()
    await fetch(`${sim.url}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ token: refreshToken!, client_id: C.clientId, client_secret: C.clientSecret }) })
    const run = await isthmus('run', 'customers', '--json', '--no-check', '--from-start')
    expect(run).toMatchObject({ code: 4, json: { outcome: 'parked', streams: { customers: { error: { type: 'AuthFailed', cure: expect.stringContaining('isthmus connect acme') as string } } } } })
    expect((await isthmus('connections', 'show', 'acme', '--json')).json).toMatchObject({ state: 'needsReconnect' })
    const asked = sim.stats().perPath['/oauth/token'] ?? 0
    // Nobody asks the provider meanwhile.
    await sleep(1_000)
    expect(sim.stats().perPath['/oauth/token'] ?? 0).toBe(asked)
    const again = await signIn(['connections', 'rotate', 'acme', '--set', 'clientId=env:ACME_ID', 'clientSecret=env:ACME_SECRET', '--no-browser', '--json'])
    expect(again).toMatchObject({ code: 0, json: { outcome: 'connected', resumed: [`${run.json.run}/customers`] } })
    for (let i = 0; i < 100 && (await isthmus('status', run.json.run, '--json')).json?.outcome !== 'completed'; i++) await sleep(200)
    expect(await isthmus('status', run.json.run, '--json')).toMatchObject({ json: { outcome: 'completed' } })
    expect(await dev.query('select count(*)::int n, count(distinct id)::int d from customers')).toEqual([{ n: 600, d: 600 }])
    expect((await isthmus('connections', 'show', 'acme', '--json')).json).toMatchObject({ state: 'ok' })
    expect((await dev.query<{ version: number }>(`select version from isthmus.tokens where connection like 'acme/%'`))[0]!.version).toBeGreaterThan(before[0]!.version)
  })

  it('removes a connection only when told so, with its tokens', async () => {
    expect(await isthmus('connections', 'remove', 'acme', '--json')).toMatchObject({ code: 2, json: { error: { field: '--yes', message: expect.stringContaining('customers') as string } } })
    expect(await isthmus('connections', 'remove', 'acme', '--yes', '--json')).toMatchObject({ code: 0, json: { outcome: 'removed' } })
    expect(await stored()).toEqual([])
    expect(await dev.query(`select 1 from isthmus.tokens where connection like 'acme/%'`)).toEqual([])
    expect(await isthmus('connections', 'show', 'nothing', '--json')).toMatchObject({ code: 2 })
    const log = await readFile(join(project.dir, '.isthmus/worker.log'), 'utf8')
    expect(log).not.toContain(C.clientSecret)
  })
})
