import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Isthmus } from '../../isthmus.ts'
import { answers, described } from '../openapi.ts'
import { rejectSchema, wire } from '../schemas.ts'

const ids = z.array(z.string().regex(/^r\d{1,18}$/, 'ids look like r17')).min(1).max(500)
const flag = z.enum(['true', 'false']).default('false').transform((v) => v === 'true')

/** Records that were set aside. Their raw text is the source's, so it needs a scope of its own. */
export const rejectRoutes = (isthmus: Isthmus): FastifyPluginAsyncZod => async (app) => {
  app.get('/rejects', described('rejects:read', 'listRejects', 'Rejects, newest first', {
    querystring: z.object({
      of: z.string().max(300).optional().describe('a sync or a run'), stream: z.string().optional(), field: z.string().optional(),
      all: flag.describe('also those delivered, dropped or superseded'), limit: z.coerce.number().int().min(1).max(500).default(50),
    }),
    response: answers({ 200: z.object({ rejects: z.array(rejectSchema), total: z.int() }) }),
  }), async ({ query }) => wire(await isthmus.rejects.list(query)))

  app.get('/rejects/:id', described('rejects:read', 'getReject', 'One reject, with the record of the source', { params: z.object({ id: z.string().max(40) }), response: answers({ 200: rejectSchema.extend({ raw: z.string().describe('JSON text') }) }) }), async ({ params }) => wire(await isthmus.rejects.get(params.id)))

  app.post('/rejects/retry', described('rejects:write', 'retryRejects', 'Maps rejects with the mapping as it is now and delivers those that fit, with no request to the source', {
    body: z.union([z.strictObject({ sync: z.string().max(300), stream: z.string().optional(), dry: z.boolean().optional() }), z.strictObject({ ids, dry: z.boolean().optional() })]),
    response: answers({ 200: z.object({ results: z.array(z.looseObject({ sync: z.string() })) }) }),
  }), async ({ body }, reply) => {
    const left = new AbortController()
    reply.raw.once('close', () => left.abort())
    const options = { dry: body.dry === true, signal: left.signal }
    const results = 'ids' in body ? await isthmus.rejects.retry(body.ids, options) : await isthmus.rejects.retry(body.sync, { ...options, ...(body.stream !== undefined && { stream: body.stream }) })
    return { results: results.map((r) => wire({ ...r })) }
  })

  app.post('/rejects/drop', described('rejects:write', 'dropRejects', 'Gives rejects up, for good', { body: z.strictObject({ ids, note: z.string().max(500).optional() }), response: answers({ 200: z.object({ dropped: z.array(z.string()) }) }) }), async ({ body }) => ({ dropped: await isthmus.rejects.drop(body.ids, body.note) }))
}
