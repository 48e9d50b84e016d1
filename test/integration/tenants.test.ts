import { WorkflowClient } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Isthmus } from '../../client/index.ts'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const CONNECTOR = `import { apiKey, credential, defineConnector, setting, z } from 'isthmus'
export default defineConnector('acme', {
  title: 'Acme', baseUrl: setting('url'), privateNetwork: true, check: { path: '/cursor/customers', query: { limit: '1' } }, settings: z.object({ url: z.url() }),
  auth: { key: { credentials: z.object({ apiKey: z.string().min(5) }), auth: apiKey({ key: credential('apiKey') }) } },
})
`
const SYNC = (from: string, to = 'customers'): string => `import { apiKey, cursor, defineSync, env, fields, postgres, rest, z } from 'isthmus'
import acme from '../connectors/acme.ts'
export default defineSync({
  from: ${from}.stream('customers', { path: '/cursor/customers', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 20, sizeParam: 'limit' }) }),
  to: postgres.table('${to}'), model: z.object({ id: z.int() }), map: fields({ id: 'id' }), deletes: { mode: 'hard', approveAbove: 1 },
})
`

/** Customers of an app with one sync definition, and triggers that may be told more than once. Oracle: rows of the database, requests that the APIs got. */
describe('tenants and idempotent triggers', () => {
  let project: Project
  let dev: Dev
  const sims: Record<string, Simulator> = {}
  const apps: Isthmus[] = []
  const ids = async (schema: string): Promise<number> => Number((await dev.query<{ n: string }>(`select count(*) n from ${schema}.customers`))[0]!.n)

  beforeAll(async () => {
    for (const [tenant, customers] of [['north', 60], ['south', 25]] as const) sims[tenant] = await startSimulator({ auth: 'api-key', records: { customers } })
    project = await makeProject({ 'connectors/acme.ts': CONNECTOR, 'syncs/customers.ts': SYNC('acme'), 'syncs/shared.ts': SYNC("rest({ baseUrl: env('URL'), auth: apiKey({ key: env('KEY') }) })", 'shared') })
    dev = await project.dev()
    apps.push(new Isthmus({ projectDir: project.dir }), new Isthmus({ projectDir: project.dir }))
  })
  afterAll(async () => {
    await Promise.all(apps.map((a) => a.close()))
    await project?.close()
    await Promise.all(Object.values(sims).map((s) => s.close()))
  })

  it('what an app asks for wrongly is told by its name', async () => {
    const [app] = apps as [Isthmus]
    const create = (settings: Record<string, string>, credentials: Record<string, string>) => app.connections.create({ connector: 'acme', tenant: 'nobody', settings, credentials })
    const url = sims['north']!.url
    await expect(create({ url }, {})).rejects.toMatchObject({ type: 'InvalidInput', field: 'apiKey', message: 'the credential "apiKey" is missing', cure: expect.stringContaining('credentials: { apiKey: ... }') })
    await expect(create({ url, regoin: 'eu' }, { apiKey: C.apiKey })).rejects.toMatchObject({ type: 'InvalidInput', field: 'regoin', message: 'there is no setting "regoin"' })
    await expect(create({ url }, { apikey: C.apiKey })).rejects.toMatchObject({ type: 'InvalidInput', field: 'apikey', cure: 'did you mean apiKey? Else use one of apiKey' })
    await expect(app.connections.check('acme@nobody')).rejects.toMatchObject({ type: 'NotFound' })
    for (const id of ['nothing', 'a\0b']) await expect(app.syncs.get(id)).rejects.toMatchObject({ type: 'NotFound' })
    for (const limit of [-1, 1.5, NaN]) for (const list of [app.syncs.list({ limit }), app.rejects.list({ limit }), app.alerts.list({ limit }), app.backfills.list({ limit })]) await expect(list).rejects.toMatchObject({ type: 'InvalidInput', field: 'limit' })
  })

  it('a namespace that Temporal does not have: told by client and worker, which ends', async () => {
    const other = new Isthmus({ projectDir: project.dir, databaseUrl: dev.databaseUrl, temporal: { address: dev.temporal.address, namespace: 'none' } })
    await expect(other.syncs.list()).rejects.toMatchObject({ type: 'NotFound', message: 'Temporal has no namespace none' })
    await other.close()
    const worker = await project.isthmus(['worker'], { TEMPORAL_ADDRESS: dev.temporal.address, TEMPORAL_NAMESPACE: 'none', DATABASE_URL: dev.databaseUrl })
    expect([worker.code, worker.stderr]).toEqual([2, expect.stringContaining('Temporal has no namespace none')])
  })

  it('each with its own account, runs and rows, from one definition', async () => {
    const [app] = apps as [Isthmus]
    const create = (tenant: string, apiKey: string) => app.connections.create({ connector: 'acme', tenant, settings: { url: sims[tenant]!.url }, credentials: { apiKey } })
    await expect(create('north', 'canary-wrong')).rejects.toMatchObject({ type: 'AuthFailed' })
    await expect(app.syncs.start('customers', { tenant: 'north' })).rejects.toMatchObject({ type: 'NotFound', field: 'tenant' })
    for (const tenant of ['north', 'south']) expect(await create(tenant, C.apiKey)).toMatchObject({ connection: `acme@${tenant}`, checked: { status: 200 } })
    expect((await app.connections.list({ tenant: 'south' })).map((c) => [c.connection, c.syncs])).toEqual([['acme@south', ['customers']]])
    expect(await app.connections.check('acme@south')).toMatchObject({ status: 200 })

    const receipts = await Promise.all(['north', 'south'].map((tenant) => app.syncs.run('customers', { tenant })))
    expect(receipts.map((r) => [r.sync, r.outcome, r.total.inserted])).toEqual([['customers@north', 'completed', 60], ['customers@south', 'completed', 25]])
    // The same ids on both sides: a complete scan of the smaller one removes nothing of the larger one.
    expect((await app.syncs.run('customers', { tenant: 'south' })).total).toMatchObject({ unchanged: 25, removed: 0 })
    expect([await ids('public__north'), await ids('public__south')]).toEqual([60, 25])
    expect(await dev.query("select from pg_class where relname = 'customers' and relnamespace = 'public'::regnamespace")).toEqual([])
    expect((await app.syncs.list({ tenant: 'south' })).map((r) => r.sync)).toEqual(['customers@south', 'customers@south'])
    expect((await app.syncs.list({ sync: 'customers', tenant: 'north' })).length).toBe(1)
    expect(await app.syncs.list({ sync: 'customers' })).toEqual([])
    const listed = await project.isthmus(['list', '--tenant', 'north', '--json'])
    expect(listed.json.runs).toMatchObject([{ sync: 'customers@north', outcome: 'completed' }])

    await expect(app.syncs.start('shared', { tenant: 'north' })).rejects.toMatchObject({ type: 'InvalidInput', file: 'syncs/shared.ts', field: 'from' })
    for (const tenant of ['North', 'a__b', '_a', '../x', 'a"b', 'a@b', '', 'x'.repeat(41)]) await expect(app.syncs.start('customers', { tenant })).rejects.toMatchObject({ type: 'InvalidInput', field: 'tenant' })
    await app.connections.remove('acme@south')
    await expect(app.syncs.start('customers', { tenant: 'south' })).rejects.toMatchObject({ type: 'NotFound' })
    await expect(app.syncs.start('customers@south@north')).rejects.toMatchObject({ type: 'InvalidInput' })
  })

  it('one key is one run: at once, from other processes, after its end, and when the first caller died', async () => {
    const [app, other] = apps as [Isthmus, Isthmus]
    const options = { tenant: 'north', idempotencyKey: 'order-4711' }
    const key = 'customers@north'
    const before = (await app.syncs.list({ tenant: 'north' })).length
    const outside = project.isthmus(['run', key, '--idempotency-key', options.idempotencyKey, '--json'])
    const runs = await Promise.all([app, other, app, other].map((a) => a.syncs.start('customers', options)))
    expect(new Set(runs.map((r) => r.run)).size).toBe(1)
    expect((await runs[0]!.result()).outcome).toBe('completed')
    expect((await outside).json).toMatchObject({ outcome: 'completed', run: runs[0]!.run })
    expect((await other.syncs.start('customers', options)).run).toBe(runs[0]!.run)
    expect((await app.syncs.list({ tenant: 'north' })).length).toBe(before + 1)
    await expect(app.syncs.start('customers', { ...options, fromStart: true })).rejects.toMatchObject({ type: 'InvalidInput', field: 'idempotencyKey' })
    expect((await app.syncs.start('customers', { tenant: 'north', idempotencyKey: 'order-4712' }).then((r) => r.result())).run).not.toBe(runs[0]!.run)

    // A caller that died between the claim and its end, before and after its run had started.
    await dev.query("update isthmus.triggers set started = false, owner = 'dead', lease_until = now() - interval '1 s' where run = $1", [runs[0]!.run])
    expect((await app.syncs.start('customers', options)).run).toBe(runs[0]!.run)
    await dev.query("update isthmus.triggers set started = false, owner = 'dead', lease_until = now() - interval '1 s', run = '20260101-000000-abcdef' where run = $1", [runs[0]!.run])
    const [first, second] = await Promise.all([app, other].map((a) => a.syncs.start('customers', options)))
    expect([first!.run, second!.run]).toEqual(['20260101-000000-abcdef', '20260101-000000-abcdef'])
    expect((await first!.result()).outcome).toBe('completed')

    // What could not be started leaves the key free.
    await app.connections.create({ connector: 'acme', tenant: 'north', check: false, settings: { url: sims['north']!.url }, credentials: { apiKey: 'canary-wrong' } })
    const refused = { tenant: 'north', idempotencyKey: 'order-4713' }
    await expect(app.syncs.start('customers', refused)).rejects.toMatchObject({ type: 'AuthFailed' })
    await app.connections.create({ connector: 'acme', tenant: 'north', credentials: { apiKey: C.apiKey } })
    expect((await (await app.syncs.start('customers', refused)).result()).outcome).toBe('completed')
  })

  it('an answer of Temporal that got lost takes back no run that has begun, and one that has not leaves nothing', async () => {
    const [app] = apps as [Isthmus]
    const lost = Object.assign(new Error('14 UNAVAILABLE: the connection is gone'), { code: 14 })
    const { start } = WorkflowClient.prototype
    const begin = vi.spyOn(WorkflowClient.prototype, 'start')
    try {
      begin.mockImplementationOnce(async function (this: WorkflowClient, ...given: unknown[]) {
        await Reflect.apply(start, this, given)
        throw lost
      } as never)
      const receipt = await (await app.syncs.start('customers', { tenant: 'north' })).result()
      expect(receipt).toMatchObject({ outcome: 'completed', total: { read: 60 } })
      const before = await app.syncs.list({ tenant: 'north' })
      expect(before[0]).toMatchObject({ run: receipt.run, outcome: 'completed' })
      for (const ms of [1, 15, 30]) await expect(app.syncs.start('customers', { tenant: 'north', signal: AbortSignal.timeout(ms) })).rejects.toMatchObject({ name: 'TimeoutError' })
      begin.mockRejectedValueOnce(lost)
      await expect(app.syncs.start('customers', { tenant: 'north' })).rejects.toBe(lost)
      expect(await app.syncs.list({ tenant: 'north' })).toEqual(before)
    } finally {
      begin.mockRestore()
    }
    expect((await (await app.syncs.start('customers', { tenant: 'north' })).result()).outcome).toBe('completed')
  })
})
