import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { IsthmusError } from '../../../model/errors.ts'
import { tableName } from '../../../model/table-name.ts'
import { withTenant } from '../../../model/tenant.ts'
import type { SurveyedFile } from '../../../project/index.ts'
import type { Isthmus } from '../../isthmus.ts'
import { answers, described } from '../openapi.ts'
import { estimateSchema, planSchema, runSchema, syncSchema, tenant, wire } from '../schemas.ts'
import { runView } from './runs.ts'

const sync = z.object({ sync: z.string().max(300) })
const forTenant = z.object({ tenant: tenant.optional() })

/** Syncs: what there is, what they compile to and cost, and starting them. */
export const syncRoutes = (isthmus: Isthmus): FastifyPluginAsyncZod => async (app) => {
  app.get('/syncs', described('syncs:read', 'listSyncs', 'All syncs of the project; one that does not load comes with its error', { response: answers({ 200: z.object({ syncs: z.array(syncSchema) }) }) }), async () => ({ syncs: (await isthmus.syncs.survey()).map(view) }))

  app.get('/syncs/:sync', described('syncs:read', 'getSync', 'One sync', { params: sync, response: answers({ 200: syncSchema }) }), async ({ params }) => {
    const found = (await isthmus.syncs.survey()).find((f) => f.id === params.sync)
    if (!found) throw new IsthmusError('NotFound', `there is no sync "${params.sync}"`, { field: 'sync', cure: 'GET /v1/syncs lists them' })
    return view(found)
  })

  app.get('/syncs/:sync/plan', described('syncs:read', 'getPlan', 'What a sync compiles to', { params: sync, querystring: forTenant, response: answers({ 200: planSchema }) }), async ({ params, query }) => isthmus.syncs.plan(withTenant(params.sync, query.tenant)))

  app.get('/syncs/:sync/estimate', described('syncs:read', 'getEstimate', 'Expected calls and time of a run', { params: sync, querystring: forTenant, response: answers({ 200: z.object({ streams: z.array(estimateSchema) }) }) }), async ({ params, query }) => ({ streams: await isthmus.syncs.estimate(withTenant(params.sync, query.tenant)) }))

  const start = z.strictObject({
    streams: z.array(z.string()).min(1).optional().describe('only these streams'), tenant: tenant.optional(),
    fromStart: z.boolean().optional().describe('read from the beginning, not where an interrupted run stopped'),
    check: z.boolean().optional().describe('look at destination, credentials and first page before; default true'),
  })
  app.post('/syncs/:sync/runs', described('runs:write', 'startRun', 'Starts a run, and returns at once', {
    params: sync, body: start.nullable(), response: answers({ 201: runSchema }),
    headers: z.looseObject({ 'idempotency-key': z.string().min(1).max(200).optional().describe('the same key gives the same run for 24 hours') }),
  }), async ({ params, body, headers }, reply) => {
    const key = headers['idempotency-key']
    const handle = await isthmus.syncs.start(params.sync, { ...body, ...(key !== undefined && { idempotencyKey: key }) })
    return reply.code(201).header('location', `/v1/runs/${encodeURIComponent(handle.run)}`).send(wire(runView(await handle.status(), handle.uiUrl)))
  })
}

function view({ id, file, sync, error }: SurveyedFile): z.output<typeof syncSchema> {
  return {
    id, file: file.file, every: sync?.plan.every ?? null,
    streams: sync?.plan.streams.map((s) => ({ name: s.name, connection: s.connection, to: tableName(s), mode: s.mode })) ?? [],
    error: error && { type: error.type, message: error.message, field: error.field ?? null, cure: error.cure ?? null },
  }
}
