import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { RunSummary } from '../../../model/ports.ts'
import { splitTenant } from '../../../model/tenant.ts'
import type { RunHandle } from '../../handle.ts'
import type { Isthmus } from '../../isthmus.ts'
import { follow, type Following } from '../follow.ts'
import { answers, described } from '../openapi.ts'
import { inState } from '../problem.ts'
import { decidedSchema, logLineSchema, progressSchema, runSchema, tenant, wire } from '../schemas.ts'

const one = z.object({ run: z.string().max(300).describe('id of a run, or of a sync for its newest run') })
const decided = answers({ 200: decidedSchema })
const only = z.strictObject({ streams: z.array(z.string()).min(1).optional().describe('default: all that it is about') }).nullable()
const events = { description: 'server-sent events: `progress` whenever it changed, `end` with the receipt, `error`', content: { 'application/json': { schema: progressSchema }, 'text/event-stream': { schema: z.string() } } }

/** Runs: looking at them, following them, deciding about them. */
export const runRoutes = (isthmus: Isthmus, following: Following): FastifyPluginAsyncZod => async (app) => {
  app.get('/runs', described('runs:read', 'listRuns', 'Runs, newest first', {
    querystring: z.object({ sync: z.string().max(300).optional(), tenant: tenant.optional(), limit: z.coerce.number().int().min(1).max(1000).default(20) }),
    response: answers({ 200: z.object({ runs: z.array(runSchema) }) }),
  }), async ({ query }) => ({ runs: (await isthmus.syncs.list(query)).map((r) => wire(runView(r, null))) }))

  app.get('/runs/:run', described('runs:read', 'getRun', 'One run', { params: one, response: answers({ 200: runSchema }) }), async ({ params }) => {
    const handle = await isthmus.syncs.get(params.run)
    return wire(runView(await handle.status(), handle.uiUrl))
  })

  app.get('/runs/:run/progress', described('runs:read', 'getProgress', 'How far a run is: once as JSON, or followed as server-sent events (Accept: text/event-stream)', {
    params: one, headers: z.looseObject({ 'last-event-id': z.string().optional().describe('id of the last event that was seen: that state is not sent again') }), response: answers({ 200: events, 204: z.undefined().describe('the end was seen already: do not ask again') }),
  }), async (request, reply) => {
    const { params, headers, method } = request
    const handle = await isthmus.syncs.get(params.run)
    if (method === 'GET' && /\btext\/event-stream\b/i.test(headers.accept ?? '')) return follow(request, reply, handle, following)
    const [status, streams] = [await handle.status(), await handle.live()]
    return reply.type('application/json').send(wire({ run: handle.run, outcome: status.outcome, streams, receipt: status.receipt }))
  })

  app.get('/runs/:run/logs', described('runs:read', 'getLogs', 'Lines of the log, oldest first, some hundreds at a time', {
    params: one, querystring: z.object({ after: z.coerce.number().int().min(0).default(0).describe('id of the last line that is known') }), response: answers({ 200: z.object({ lines: z.array(logLineSchema) }) }),
  }), async ({ params, query }) => ({ lines: (await (await isthmus.syncs.get(params.run)).logsAfter(query.after)).map(({ run: _, ...line }) => wire(line)) }))

  app.post('/runs/:run/pause', described('runs:write', 'pauseRun', 'Holds a run: what was read is delivered, no more is read', { params: one, body: z.strictObject({ note: z.string().max(500).optional().describe('why, as others shall see it') }).nullable(), response: decided }), async ({ params, body }) => order(isthmus, params.run, (handle) => handle.pause(body?.note)))
  app.post('/runs/:run/resume', described('runs:write', 'resumeRun', 'Lets a paused run go on', { params: one, response: decided }), async ({ params }) => order(isthmus, params.run, (handle) => handle.resume()))
  app.post('/runs/:run/cancel', described('runs:write', 'cancelRun', 'Stops a run; what is committed stays', { params: one, response: answers({ 202: decidedSchema }) }), async ({ params }, reply) => reply.code(202).send(await order(isthmus, params.run, (handle) => handle.cancel())))
  app.post('/runs/:run/retry', described('runs:write', 'retryRun', 'Sends parked streams on, with the sync as it is now', { params: one, body: only, response: decided }), async ({ params, body }) => order(isthmus, params.run, (handle) => isthmus.syncs.retry(handle.run, body ?? {})))
  app.post('/runs/:run/skip', described('runs:write', 'skipStreams', 'Gives parked streams up in this run', { params: one, body: only, response: decided }), async ({ params, body }) => order(isthmus, params.run, (handle) => handle.skip(body?.streams)))
  app.post('/runs/:run/approve', described('runs:write', 'approveStreams', 'Lets streams go on that stopped because their numbers are unusual', { params: one, body: only, response: decided }), async ({ params, body }) => order(isthmus, params.run, (handle) => handle.approve(body?.streams)))
}

/** A run as the API tells it. */
export function runView({ run, sync, outcome, startedAt, finishedAt, workflowId, receipt, error }: RunSummary, ui: string | null) {
  return { run, sync, tenant: splitTenant(sync).tenant, outcome, startedAt, finishedAt, workflowId, ui, receipt, error }
}

/** That a run is not there is `NotFound`; that it cannot be told so now is a conflict. */
async function order(isthmus: Isthmus, id: string, give: (handle: RunHandle) => Promise<string[] | void>): Promise<z.output<typeof decidedSchema>> {
  const handle = await isthmus.syncs.get(id)
  const streams = await inState(() => give(handle))
  return { run: handle.run, sync: handle.sync, streams: streams ?? [] }
}
