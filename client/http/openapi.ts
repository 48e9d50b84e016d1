import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Scope } from '../api-keys.ts'
import { problemSchema } from './problem.ts'
import { backfillProgressSchema, backfillSchema, connectionSchema, healthSchema, progressSchema, receiptSchema, rejectSchema, runSchema, scheduleSchema, syncSchema } from './schemas.ts'

const names = z.registry<{ id: string }>()
for (const [id, schema] of Object.entries({ Problem: problemSchema, Sync: syncSchema, Run: runSchema, Receipt: receiptSchema, Progress: progressSchema, Reject: rejectSchema, Connection: connectionSchema, Schedule: scheduleSchema, Backfill: backfillSchema, BackfillProgress: backfillProgressSchema, Health: healthSchema })) names.add(schema, { id })

/** What every route of `/v1` may answer beside its result. */
const problem = { description: 'what is wrong, as RFC 9457 says it', content: { 'application/problem+json': { schema: problemSchema } } }

/** Tells fastify and its OpenAPI document about a route: who may call it, and that it answers with problems. */
export function described<S extends object>(scope: Scope, operationId: string, summary: string, schema: S) {
  return { config: { scope }, schema: { operationId, summary, tags: [scope.split(':')[0]!], security: [{ key: [] as string[] }], description: `Needs the scope \`${scope}\`.`, ...schema } }
}

/** The responses of a route. */
export function answers<R extends object>(responses: R): R & { '4xx': typeof problem; '5xx': typeof problem } {
  return { ...responses, '4xx': problem, '5xx': problem }
}

/** Makes the OpenAPI 3.1 document of the routes that are registered afterwards; `app.swagger()` gives it. */
export async function describeApi(app: FastifyInstance, version: string): Promise<void> {
  const options = { schemaRegistry: names as never }
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Isthmus', version, description: 'Syncs, runs, rejects and connections of one project. Errors are `application/problem+json`. Ids go into paths URL-encoded: `/v1/syncs/acme%2Finvoices`. Texts have no NUL character. Unknown query parameters count for nothing, unknown fields of a body are refused.' },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'a key of `isthmus keys create`, or ISTHMUS_API_TOKEN' } } },
    },
    transform: createJsonSchemaTransform(options),
    transformObject: (given) => optionalBodies(createJsonSchemaTransformObject(options)(given) as Document) as never,
  })
}

type Document = { paths?: Record<string, Record<string, { requestBody?: { required?: boolean; content: Record<string, { schema?: { anyOf?: { type?: string }[] } }> } }>> }

/** A body that may be null may be left out. */
function optionalBodies(document: Document): Document {
  for (const { requestBody } of Object.values(document.paths ?? {}).flatMap((methods) => Object.values(methods))) {
    if (requestBody && Object.values(requestBody.content).every(({ schema }) => schema?.anyOf?.some((s) => s.type === 'null'))) requestBody.required = false
  }
  return document
}
