import type { FastifyInstance } from 'fastify'
import { IsthmusError } from '../../model/errors.ts'
import { HttpError } from './problem.ts'

/**
 * Notes the routes that are registered afterwards. The function it returns has each of their paths answer the other methods: OPTIONS with 204, the rest
 * with 405, both with `Allow` (RFC 9110, 9.3.7 and 15.5.6). It needs no key: the OpenAPI document tells as much.
 */
export function otherMethods(app: FastifyInstance): () => void {
  const known = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    if (url === '*') return
    const methods = known.get(url) ?? new Set()
    known.set(url, methods)
    for (const one of [method].flat()) methods.add(one)
  })
  return () => {
    for (const [url, methods] of [...known]) {
      const allow = [...methods, 'OPTIONS'].sort().join(', ')
      const route = { url, schema: { hide: true } as object, config: { open: true as const } }
      app.route({ ...route, method: 'OPTIONS', handler: (_request, reply) => reply.code(204).header('allow', allow).send() })
      app.route({
        ...route,
        method: app.supportedMethods.filter((m) => m !== 'OPTIONS' && !methods.has(m)),
        // Before the body is read: whatever it is, the method is what is wrong.
        onRequest: async (request, reply) => {
          void reply.header('allow', allow)
          throw new HttpError(405, new IsthmusError('InvalidInput', `nothing here can be done with ${request.method}`, { field: 'method', cure: `use ${allow.replaceAll(', ', ' or ')}` }))
        },
        handler: () => undefined,
      })
    }
  }
}
