import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Isthmus } from '../../isthmus.ts'
import { answers, described } from '../openapi.ts'
import { scheduleChangeSchema, scheduleSchema, wire } from '../schemas.ts'

const one = z.object({ sync: z.string().max(300) })
const note = z.string().max(500)

/** Schedules as they are deployed: looking at them, deploying what the syncs declare, pausing and resuming. */
export const scheduleRoutes = (isthmus: Isthmus): FastifyPluginAsyncZod => async (app) => {
  app.get('/schedules', described('schedules:read', 'listSchedules', 'All deployed schedules', { response: answers({ 200: z.object({ schedules: z.array(scheduleSchema) }) }) }), async () => ({ schedules: (await isthmus.schedules.list()).map(wire) }))

  app.get('/schedules/:sync', described('schedules:read', 'getSchedule', 'One schedule, with its next and last runs', { params: one, response: answers({ 200: scheduleSchema }) }), async ({ params }) => wire(await isthmus.schedules.get(params.sync)))

  app.post('/schedules/deploy', described('schedules:write', 'deploySchedules', 'Brings the schedules in line with what the syncs declare, and tells the difference', {
    body: z.strictObject({ dryRun: z.boolean().optional().describe('only tell the difference') }).nullable(),
    response: answers({ 200: z.object({ changes: z.array(scheduleChangeSchema), applied: z.boolean() }) }),
  }), async ({ body }) => isthmus.schedules.deploy({ dryRun: body?.dryRun === true }))

  app.post('/schedules/:sync/pause', described('schedules:write', 'pauseSchedule', 'Stops a schedule from starting runs, also over deploys; an open run goes on', { params: one, body: z.strictObject({ note: note.min(1).describe('why, shown wherever the schedule is') }), response: answers({ 200: scheduleSchema }) }), async ({ params, body }) => wire(await isthmus.schedules.pause(params.sync, body.note)))

  app.post('/schedules/:sync/resume', described('schedules:write', 'resumeSchedule', 'Lets a schedule start runs again', { params: one, body: z.strictObject({ note: note.optional() }).nullable(), response: answers({ 200: scheduleSchema }) }), async ({ params, body }) => wire(await isthmus.schedules.resume(params.sync, body?.note)))

  app.post('/schedules/:sync/trigger', described('schedules:write', 'triggerSchedule', 'Has a schedule start a run now, with what was deployed', { params: one, response: answers({ 202: z.object({ run: z.string() }) }) }), async ({ params }, reply) => {
    const run = await isthmus.schedules.trigger(params.sync)
    return reply.code(202).header('location', `/v1/runs/${encodeURIComponent(run)}`).send({ run })
  })
}
