import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { Isthmus } from '../../isthmus.ts'
import { answers, described } from '../openapi.ts'
import { healthSchema, wire } from '../schemas.ts'

/** How everything is: the same as `isthmus health`. */
export const healthRoutes = (isthmus: Isthmus): FastifyPluginAsyncZod => async (app) => {
  app.get('/health', described('runs:read', 'getHealthReport', 'Problems with their cure, and the age of each stream', { response: answers({ 200: healthSchema }) }), async () => wire(await isthmus.health()))
}
