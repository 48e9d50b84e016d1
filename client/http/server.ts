import cors from '@fastify/cors'
import rateLimit from '@fastify/rate-limit'
import fastify, { type FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { IsthmusError } from '../../model/errors.ts'
import type { ApiKeyStore } from '../../model/triggers.ts'
import { ApiKeys } from '../api-keys.ts'
import type { Connections } from '../connections.ts'
import type { Isthmus } from '../isthmus.ts'
import { guard } from './access.ts'
import { browsers } from './browsers.ts'
import { hooks } from './hooks.ts'
import { HEADERS } from './headers.ts'
import { otherMethods } from './methods.ts'
import { describeApi } from './openapi.ts'
import { pathOf, problemOf, sendProblem, HttpError } from './problem.ts'
import { backfillRoutes } from './routes/backfills.ts'
import { connectionRoutes } from './routes/connections.ts'
import { healthRoutes } from './routes/health.ts'
import { rejectRoutes } from './routes/rejects.ts'
import { runRoutes } from './routes/runs.ts'
import { scheduleRoutes } from './routes/schedules.ts'
import { syncRoutes } from './routes/syncs.ts'
import { refuseUnstorable } from './texts.ts'
import { traceCalls } from './traced.ts'
import { unreadableAddress, unreadableRequest } from './unreadable.ts'

export interface HttpApiOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  /** Bearer token that may do everything; keys of `isthmus keys` are valid beside it. */
  token: string
  /** Address under which browsers reach it; default: the one it listens at. */
  publicUrl: string | null
  connections: Connections
  /** For syncs, runs and rejects. Connects with the first call that needs it. */
  isthmus: Isthmus
  /** Keys of callers. */
  keys: ApiKeyStore
  /** Origins whose pages may call the API, for example `https://app.example.com`. Default: none. */
  corsOrigins?: string[]
  /** Requests a minute for each key (by address without one). Default 1,200. */
  perMinute?: number
  /** A stream of events looks so often whether its key is still valid. Default 5,000 ms. */
  recheckMs?: number
  /** Of the package; stands in the OpenAPI document. */
  version?: string
}

export interface HttpApi {
  url: string
  /** Address to register with providers as redirect URI. */
  redirectUri: string
  /** Ends open requests, streams of events too. */
  close(): Promise<void>
}

const MAX_BODY = 64 * 1024
/** A request that has not arrived whole by then is given up. Node looks every 30 s unless it is told otherwise, and takes the greater of its two limits for the body. */
const REQUEST_MS = 30_000
const NOTHING = new IsthmusError('NotFound', 'there is nothing here', { cure: 'GET /v1/openapi.json tells what there is' })
/** A key that is revoked ends its streams of events within this time. */
const RECHECK_MS = 5_000

/**
 * The HTTP API for apps. `/v1` needs a key with the scope of the route, and answers errors as `application/problem+json`; `/connect` is for browsers
 * and needs a link; `/hooks` takes what systems have signed; `/healthz` and `/v1/openapi.json` are for everybody. Throws InvalidInput or Unreachable.
 */
export async function startHttpApi(options: HttpApiOptions): Promise<HttpApi> {
  if (options.token.length < 16) throw new IsthmusError('InvalidInput', 'the token of the HTTP API is shorter than 16 characters', { field: 'ISTHMUS_API_TOKEN', cure: 'make one with `openssl rand -base64 24`' })
  const app = fastify({ bodyLimit: MAX_BODY, requestTimeout: REQUEST_MS, http: { headersTimeout: REQUEST_MS, connectionsCheckingInterval: 5_000 }, logger: false, routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_000 }, exposeHeadRoutes: true, forceCloseConnections: true, frameworkErrors: unreadableAddress, clientErrorHandler: unreadableRequest })
  const stop = new AbortController()
  let url = ''
  let hosts: string[] = []
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(HEADERS)
    // A name that leads here (DNS rebinding) is none of ours. Health checks come by address.
    if (request.routeOptions.url !== '/healthz' && !hosts.includes((request.headers.host ?? '').toLowerCase())) throw new HttpError(421, new IsthmusError('InvalidInput', 'this host is not known here', { field: 'host', cure: 'give its address as --public-url' }))
  })
  app.setErrorHandler((error, request, reply) => sendProblem(request, reply, problemOf(error, pathOf(request))))
  const answerOtherMethods = otherMethods(app)
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, problemOf(app.supportedMethods.includes(request.method) ? NOTHING : new HttpError(501, NOTHING), pathOf(request))))
  app.addHook('preClose', async () => stop.abort())
  await traceCalls(app)
  await allowOrigins(app, options.corsOrigins ?? [])
  await describeApi(app, options.version ?? '0.0.0')
  await app.register((v1) => api(v1, options, () => url, stop.signal), { prefix: '/v1' })
  await app.register(browsers(options.connections, () => url))
  await app.register(hooks(options.isthmus.webhooks, () => url))
  app.withTypeProvider<ZodTypeProvider>().get('/healthz', { schema: { operationId: 'getHealth', summary: 'It answers', tags: ['health'], response: { 200: z.object({ status: z.literal('ok') }) } } }, () => ({ status: 'ok' as const }))
  answerOtherMethods()
  try {
    const listening = await app.listen({ host: options.host, port: options.port })
    url = (options.publicUrl ?? listening).replace(/\/+$/, '')
    const { port } = new URL(listening)
    hosts = [new URL(url).host, `127.0.0.1:${port}`, `localhost:${port}`, `${options.host}:${port}`].map((h) => h.toLowerCase())
  } catch (error) {
    await app.close()
    throw new IsthmusError('Unreachable', `the HTTP API cannot listen at ${options.host}:${options.port} (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, { field: '--port', cure: 'choose another port' })
  }
  return { url, redirectUri: `${url}/connect/callback`, close: () => app.close() }
}

/** Pages of these origins may call; none without it. Throws InvalidInput. */
async function allowOrigins(app: FastifyInstance, origins: string[]): Promise<void> {
  const odd = origins.find((o) => !URL.canParse(o) || new URL(o).origin !== o)
  if (odd !== undefined) throw new IsthmusError('InvalidInput', `"${odd.slice(0, 100)}" is no origin`, { field: '--cors-origin', cure: 'write it as https://app.example.com' })
  if (origins.length > 0) await app.register(cors, { origin: origins, methods: ['GET', 'POST', 'DELETE'], allowedHeaders: ['authorization', 'content-type', 'idempotency-key'], exposedHeaders: ['location', 'retry-after'], maxAge: 600, strictPreflight: false, preflightContinue: true })
}

/** What apps call. */
async function api(app: FastifyInstance, options: HttpApiOptions, url: () => string, stop: AbortSignal): Promise<void> {
  const { connections, isthmus } = options
  app.decorateRequest('caller', null)
  app.addHook('onRoute', ({ url: path, schema, config }) => {
    if (!config?.open && !(config?.scope && (schema as { operationId?: string } | undefined)?.operationId)) throw new Error(`the route ${path} has no scope, or is not described`)
  })
  app.removeContentTypeParser('text/plain')
  const keys = new ApiKeys(() => Promise.resolve(options.keys))
  app.addHook('onRequest', guard(options.token, keys))
  app.addHook('preValidation', async ({ params, query, body }) => [params, query, body].forEach(refuseUnstorable))
  await app.register(rateLimit, { global: true, max: options.perMinute ?? 1_200, timeWindow: '1 minute', keyGenerator: (request) => request.caller?.id ?? request.ip })
  await app.register(syncRoutes(isthmus))
  await app.register(runRoutes(isthmus, { stop, recheckMs: options.recheckMs ?? RECHECK_MS, valid: async ({ caller }) => caller !== null && (await keys.still(caller)) }))
  await app.register(rejectRoutes(isthmus))
  await app.register(scheduleRoutes(isthmus))
  await app.register(backfillRoutes(isthmus))
  await app.register(healthRoutes(isthmus))
  await app.register(connectionRoutes(connections, url))
  app.get('/openapi.json', { config: { open: true }, schema: { hide: true } as object }, () => app.swagger())
}
