import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { z } from 'zod'
import { IsthmusError } from '../../model/errors.ts'
import { redactor } from '../../model/redact/index.ts'
import type { Connections } from '../connections.ts'
import type { LinkStep } from '../connect/links.ts'
import { donePage, formPage, messagePage } from './pages.ts'

export interface HttpApiOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  /** Bearer token of the API. */
  token: string
  /** Address under which browsers reach it; default: the one it listens at. */
  publicUrl: string | null
  connections: Connections
}

export interface HttpApi {
  url: string
  /** Address to register with providers as redirect URI. */
  redirectUri: string
  close(): Promise<void>
}

const MAX_BODY = 64 * 1024
const COOKIE = 'isthmus_connect'
const linkSchema = z.strictObject({
  system: z.string().min(1).max(100), connection: z.string().max(100).optional(), tenant: z.string().max(40).optional(), method: z.string().max(100).optional(),
  settings: z.record(z.string(), z.string().max(1_000)).optional(), returnUrl: z.string().max(2_000).optional(),
})
const STATUS: Partial<Record<IsthmusError['type'], number>> = { NotFound: 404, InvalidInput: 400, MissingEnvironment: 409, AuthFailed: 422, PermissionDenied: 422, RateLimited: 429 }

/** The HTTP API for apps: links by which their customers connect accounts. `/v1` needs the token; `/connect` is for browsers and needs a link. */
export async function startHttpApi(options: HttpApiOptions): Promise<HttpApi> {
  if (options.token.length < 16) throw new IsthmusError('InvalidInput', 'the token of the HTTP API is shorter than 16 characters', { field: 'ISTHMUS_API_TOKEN', cure: 'make one with `openssl rand -base64 24`' })
  const app = fastify({ bodyLimit: MAX_BODY, requestTimeout: 30_000, logger: false, routerOptions: { ignoreTrailingSlash: true } })
  let url = ''
  let hosts: string[] = []
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit: MAX_BODY }, (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))))
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'" })
    // A name that leads here (DNS rebinding) is none of ours.
    if (!hosts.includes((request.headers.host ?? '').toLowerCase())) return reply.code(421).send({ error: { type: 'InvalidInput', message: 'this host is not known here' } })
  })
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply))
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: { type: 'NotFound', message: 'there is nothing here' } }))
  api(app, options, () => url)
  browsers(app, options.connections, () => url)
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

/** What apps call. */
function api(app: FastifyInstance, { token, connections }: HttpApiOptions, url: () => string): void {
  const guarded = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (same(given, token)) return undefined
    return reply.code(401).header('www-authenticate', 'Bearer').send({ error: { type: 'AuthFailed', message: 'the bearer token is missing or wrong' } })
  }
  app.post('/v1/connect-links', { onRequest: guarded }, async (request, reply) => {
    const body = linkSchema.safeParse(request.body)
    if (!body.success) {
      const [issue] = body.error.issues
      throw new IsthmusError('InvalidInput', issue?.message ?? 'the body is not right', { field: issue?.path.join('.') || 'body' })
    }
    const { link, expiresAt, connection } = await connections.links.create(body.data as Parameters<Connections['links']['create']>[0])
    return reply.code(201).send({ url: `${url()}/connect/${link}`, expiresAt: expiresAt.toISOString(), connection })
  })
  app.get('/v1/connections', { onRequest: guarded }, async () => ({ connections: await connections.list() }))
  app.get<{ Params: { name: string } }>('/v1/connections/:name', { onRequest: guarded }, (request) => connections.get(request.params.name))
}

/** What a person's browser calls. */
function browsers(app: FastifyInstance, connections: Connections, url: () => string): void {
  const redirectUri = (): string => `${url()}/connect/callback`
  app.get('/connect/callback', async (request, reply) => {
    const address = new URL(request.raw.url ?? '', url())
    return show(reply, await connections.links.callback(address, browserOf(request, reply, url())))
  })
  app.get<{ Params: { link: string } }>('/connect/:link', async (request, reply) => show(reply, await connections.links.open(request.params.link, browserOf(request, reply, url()), redirectUri())))
  app.post<{ Params: { link: string } }>('/connect/:link', async (request, reply) => {
    // Another site must not fill in the form of a person.
    const { origin } = request.headers
    if (origin !== undefined && origin !== new URL(url()).origin) return reply.code(403).type('text/html').send(messagePage('This form was sent from another page.'))
    return show(reply, await connections.links.answer(request.params.link, browserOf(request, reply, url()), (request.body ?? {}) as Record<string, string>, redirectUri()))
  })
}

function show(reply: FastifyReply, step: LinkStep): FastifyReply {
  switch (step.kind) {
    case 'gone':
      return reply.code(410).type('text/html').send(messagePage('This link has lapsed, was used already, or was opened in another browser. Ask for a new one.'))
    case 'form':
      return reply.code(step.error ? 422 : 200).type('text/html').send(formPage(step))
    case 'consent':
      return reply.redirect(step.url, 303)
    case 'done': {
      if (step.returnUrl === '') return reply.type('text/html').send(donePage(step.connected.connection))
      const back = new URL(step.returnUrl)
      back.searchParams.set('connection', step.connected.connection)
      back.searchParams.set('status', 'connected')
      return reply.redirect(back.href, 303)
    }
  }
}

/** Names the browser by a cookie: a link belongs to the one that opened it first. */
function browserOf(request: FastifyRequest, reply: FastifyReply, url: string): string {
  const known = new RegExp(`(?:^|; )${COOKIE}=([\\w-]{43})(?:;|$)`).exec(request.headers.cookie ?? '')?.[1]
  if (known) return known
  const fresh = randomBytes(32).toString('base64url')
  void reply.header('set-cookie', `${COOKIE}=${fresh}; Path=/connect; HttpOnly; SameSite=Lax; Max-Age=3600${url.startsWith('https:') ? '; Secure' : ''}`)
  return fresh
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = error instanceof IsthmusError ? error : null
  const status = known ? (STATUS[known.type] ?? 503) : ((error as { statusCode?: number }).statusCode ?? 500)
  const message = redactor.text(known?.message ?? (status < 500 && error instanceof Error ? error.message : 'something went wrong here'))
  if (request.url.startsWith('/connect/')) return reply.code(status).type('text/html').send(messagePage(`It did not work: ${message}. Ask for a new link.`))
  return reply.code(status).send({ error: { type: known?.type ?? 'Error', message, ...(known?.field && { field: known.field }), ...(known?.cure && { cure: redactor.text(known.cure) }) } })
}

/** Compares without telling by its time how much agrees. */
function same(given: string, expected: string): boolean {
  const hash = (value: string): Buffer => createHash('sha256').update(value).digest()
  return timingSafeEqual(hash(given), hash(expected))
}
