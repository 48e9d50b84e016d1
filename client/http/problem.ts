import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { IsthmusError } from '../../model/errors.ts'
import { redactor } from '../../model/redact/index.ts'
import { withoutKeys } from '../api-keys.ts'

/** RFC 9457. */
export const problemSchema = z.object({
  type: z.string().describe('`urn:isthmus:error:<code>`'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string().describe('path of the request'),
  code: z.string().describe('type of the error, for programs: InvalidInput, NotFound, AlreadyRunning, ...'),
  file: z.string().optional().describe('file of the project that the error is in'),
  field: z.string().optional().describe('field of the request, or of that file'),
  cure: z.string().optional().describe('what to do about it'),
  until: z.iso.datetime().optional().describe('when to try again'),
})
export type Problem = z.output<typeof problemSchema>

const STATUS: Record<IsthmusError['type'] | string, number> = { NotFound: 404, AlreadyRunning: 409, MissingEnvironment: 409, Fenced: 409, RateLimited: 429, Transient: 503, Unreachable: 503, VaultKey: 503, StageLost: 503, ReceiptMismatch: 500 }
const TITLES: Record<number, string> = {
  400: 'The request cannot be read', 401: 'Who are you?', 403: 'Not with this key', 404: 'Not found', 405: 'Not with this method', 408: 'Too slow', 409: 'Not in this state', 413: 'Too large', 414: 'Too long', 415: 'Not this kind of content',
  421: 'Not this host', 422: 'The request cannot be carried out', 429: 'Too many requests', 431: 'Too large', 501: 'No such method', 503: 'Not at the moment',
}
/** Names of options of the command line, as the API calls them. */
const FIELDS: Record<string, string> = { '--as': 'name', '--method': 'method', '--set': 'settings', '--key': 'key' }

/** An error whose status says more than its type. */
export class HttpError extends Error {
  readonly statusCode: number
  readonly error: IsthmusError

  constructor(statusCode: number, error: IsthmusError) {
    super(error.message)
    this.statusCode = statusCode
    this.error = error
  }
}

/** Runs what decides about a run that is known: that it cannot be done now is a conflict. */
export async function inState<R>(body: () => Promise<R>): Promise<R> {
  try {
    return await body()
  } catch (error) {
    if (error instanceof IsthmusError && (error.type === 'NotFound' || error.type === 'InvalidInput')) throw new HttpError(409, error)
    throw error
  }
}

/** What a program reads of an error; never a secret, and nothing of errors that are ours. */
export function problemOf(error: unknown, path: string): Problem {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const [issue] = error.validation
    const field = issue?.instancePath.split('/').filter(Boolean).map(decodeURIComponent).join('.') || (error.validationContext ?? 'body')
    return problem(422, 'InvalidInput', issue?.message ?? 'the request is not right', path, { field })
  }
  const known = error instanceof IsthmusError ? error : error instanceof HttpError ? error.error : null
  if (known) {
    const status = error instanceof HttpError ? error.statusCode : (STATUS[known.type] ?? 422)
    const { file, field, cure, until } = known
    return problem(status, known.type, known.message, path, {
      ...(file && { file }), ...(field && { field: FIELDS[field] ?? field }), ...(cure && { cure: redactor.text(cure) }), ...(until && { until: until.toISOString() }),
    })
  }
  const status = (error as { statusCode?: number }).statusCode ?? 500
  return problem(status, status === 429 ? 'RateLimited' : status < 500 ? 'InvalidInput' : 'Error', status < 500 && error instanceof Error ? error.message : 'something went wrong here', path)
}

function problem(status: number, code: string, detail: string, instance: string, more: Partial<Problem> = {}): Problem {
  return { type: `urn:isthmus:error:${code}`, title: TITLES[status] ?? (status < 500 ? 'The request is refused' : 'Something went wrong'), status, detail: redactor.text(detail), instance, code, ...more }
}

/** Answers with a problem. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, found: Problem): FastifyReply {
  if (found.until) void reply.header('retry-after', String(Math.max(1, Math.ceil((Date.parse(found.until) - Date.now()) / 1000))))
  return reply.code(found.status).type('application/problem+json').serializer((body) => JSON.stringify(body)).send(found)
}

/** The path of a request, without its query. */
export function pathOf(request: FastifyRequest): string {
  return withoutKeys(redactor.text(request.url.split('?')[0]!))
}
