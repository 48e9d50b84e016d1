import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { DURATION } from '../../../model/duration.ts'
import { MOMENT, type BackfillHandle } from '../../backfill/index.ts'
import type { Isthmus } from '../../isthmus.ts'
import { answers, described } from '../openapi.ts'
import { backfillEstimateSchema, backfillProgressSchema, backfillSchema, wire } from '../schemas.ts'

const one = z.object({ id: z.string().max(300).describe('id of a backfill, or of a sync for its open or newest one') })
const moment = z.string().max(40).regex(MOMENT, 'write it as 2024-12-31, or as 2024-12-31T18:00:00Z')
const range = z.strictObject({
  from: moment.describe('ISO date or time, UTC unless it names a zone'),
  to: moment.optional().describe('ISO date (that day is included) or time (excluded); default: now'),
  window: z.string().max(20).regex(DURATION, 'write a number and a unit, for example 1d, 7d or 12h').optional().describe('length of a window, for example `7d`, the default'),
  concurrency: z.int().min(1).max(32).optional().describe('windows at once; default 4'),
  order: z.enum(['newest', 'oldest']).optional().describe('default newest'),
  streams: z.array(z.string()).min(1).optional().describe('default: all'),
})

/** Backfills: what one would cost, starting one, following it, changing its speed. */
export const backfillRoutes = (isthmus: Isthmus): FastifyPluginAsyncZod => async (app) => {
  const at = z.object({ id: z.string().max(300).describe('id of the sync') })
  app.post('/syncs/:id/backfills/estimate', described('runs:write', 'estimateBackfill', 'Looks into a few windows and tells what a backfill would cost', { params: at, body: range, response: answers({ 200: backfillEstimateSchema }) }), async ({ params, body }) => wire(await isthmus.backfills.estimate(params.id, body)))

  app.post('/syncs/:id/backfills', described('runs:write', 'startBackfill', 'Starts a backfill; one over a range that is under way is a conflict', { params: at, body: range, response: answers({ 201: backfillProgressSchema }) }), async ({ params, body }, reply) => {
    const handle = await isthmus.backfills.start(params.id, body)
    return reply.code(201).header('location', `/v1/backfills/${handle.id}`).send(wire(await handle.status()))
  })

  app.get('/backfills', described('runs:read', 'listBackfills', 'Backfills, newest first', { querystring: z.object({ sync: z.string().max(300).optional(), limit: z.coerce.number().int().min(1).max(200).default(20) }), response: answers({ 200: z.object({ backfills: z.array(backfillSchema) }) }) }), async ({ query }) => ({ backfills: (await isthmus.backfills.list(query)).map(wire) }))

  app.get('/backfills/:id', described('runs:read', 'getBackfill', 'How a backfill stands', { params: one, response: answers({ 200: backfillProgressSchema }) }), async ({ params }) => wire(await (await isthmus.backfills.get(params.id)).status()))

  const order = (verb: string, operationId: string, summary: string, give: (handle: BackfillHandle) => Promise<unknown>): void => {
    app.post(`/backfills/:id/${verb}`, described('runs:write', operationId, summary, { params: one, response: answers({ 200: backfillProgressSchema }) }), async ({ params }) => {
      const handle = await isthmus.backfills.get(params.id)
      await give(handle)
      return wire(await handle.status())
    })
  }
  app.post('/backfills/:id/pause', described('runs:write', 'pauseBackfill', 'Ends what is under way at the next whole chunk, and begins nothing more', { params: one, body: z.strictObject({ note: z.string().max(300).optional() }).nullable(), response: answers({ 200: backfillProgressSchema }) }), async ({ params, body }) => wire(await (await isthmus.backfills.get(params.id)).pause(body?.note)))
  app.post('/backfills/:id/speed', described('runs:write', 'setBackfillConcurrency', 'Windows read at once from now on', { params: one, body: z.strictObject({ concurrency: z.int().min(1).max(32) }), response: answers({ 200: backfillProgressSchema }) }), async ({ params, body }) => wire(await (await isthmus.backfills.get(params.id)).setConcurrency(body.concurrency)))
  order('resume', 'resumeBackfill', 'Lets a paused backfill go on, with the sync as it is now', (handle) => handle.resume())
  order('retry', 'retryBackfill', 'Begins the windows again that stopped', (handle) => handle.retry())
  order('skip', 'skipBackfill', 'Gives the windows up that stopped', (handle) => handle.skip())
  order('cancel', 'cancelBackfill', 'Stops a backfill; rows that are written stay', (handle) => handle.cancel())
}
