import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Connections } from '../../connections.ts'
import { answers, described } from '../openapi.ts'
import { connectionSchema, tenant, wire } from '../schemas.ts'

const text = z.string().max(1_000)
const name = z.string().min(1).max(100)
const one = z.object({ name: z.string().max(200).describe('acme, or acme@north for that of a tenant') })

/** Accounts at systems, and links by which people set them up. */
export const connectionRoutes = (connections: Connections, url: () => string): FastifyPluginAsyncZod => async (app) => {
  app.get('/connections', described('connections:read', 'listConnections', 'All connections, with their state', { querystring: z.object({ tenant: tenant.optional() }), response: answers({ 200: z.object({ connections: z.array(connectionSchema) }) }) }), async ({ query }) => ({ connections: (await connections.list(query)).map(wire) }))

  app.get('/connections/:name', described('connections:read', 'getConnection', 'One connection', { params: one, response: answers({ 200: connectionSchema }) }), async ({ params }) => wire(await connections.get(params.name)))

  app.post('/connections', described('connections:write', 'createConnection', 'Signs in, makes one call, and stores a connection; one of that name gets the new credentials', {
    body: z.strictObject({
      connector: name.describe('a connector, or a connection that syncs describe'), name: name.optional().describe('default: that of the connector'), tenant: tenant.optional(), method: name.optional().describe('way to sign in'),
      settings: z.record(z.string(), text).optional(), credentials: z.record(z.string(), z.string().max(20_000)).optional(), check: z.boolean().optional().describe('make one call before anything is stored; default true'),
    }),
    response: answers({ 200: connectionSchema, 201: connectionSchema }),
  }), async ({ body }, reply) => {
    const before = await connections.list()
    const { connection } = await connections.create(body as Parameters<Connections['create']>[0])
    const known = before.some((c) => c.connection === connection && c.stored)
    return reply.code(known ? 200 : 201).header('location', `/v1/connections/${encodeURIComponent(connection)}`).send(wire(await connections.get(connection)))
  })

  app.post('/connections/:name/check', described('connections:write', 'checkConnection', 'Makes one cheap call with what is stored', { params: one, response: answers({ 200: z.object({ connection: z.string(), status: z.int().describe('HTTP status of the system'), ms: z.number() }) }) }), async ({ params }) => connections.check(params.name))

  app.delete('/connections/:name', described('connections:write', 'removeConnection', 'Removes a connection with its credentials and tokens', { params: one, response: answers({ 204: z.undefined() }) }), async ({ params }, reply) => {
    await connections.remove(params.name)
    return reply.code(204).send(undefined)
  })

  app.post('/connect-links', described('connections:write', 'createConnectLink', 'Makes a link by which a person sets up a connection in a browser: it works once, for ten minutes', {
    body: z.strictObject({
      system: name.describe('a connector, or a connection that syncs describe'), connection: z.string().max(100).optional(), tenant: tenant.optional(), method: z.string().max(100).optional(),
      settings: z.record(z.string(), text).optional(), returnUrl: z.string().max(2_000).optional().describe('where the person is sent afterwards, with `connection` and `status=connected`'),
    }),
    response: answers({ 201: z.object({ url: z.string(), expiresAt: z.iso.datetime(), connection: z.string() }) }),
  }), async ({ body }, reply) => {
    const { link, expiresAt, connection } = await connections.links.create(body as Parameters<Connections['links']['create']>[0])
    return reply.code(201).send({ url: `${url()}/connect/${link}`, expiresAt: expiresAt.toISOString(), connection })
  })
}

