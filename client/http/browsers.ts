import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { LinkStep } from '../connect/links.ts'
import type { Connections } from '../connections.ts'
import { donePage, formPage, messagePage } from './pages.ts'
import { problemOf } from './problem.ts'

const COOKIE = 'isthmus_connect'
/** For people: not part of the API that is described. */
const hidden = { schema: { hide: true } as object, exposeHeadRoute: false }

/** What a person's browser calls: the pages of a connect link. */
export function browsers(connections: Connections, url: () => string): (app: FastifyInstance) => Promise<void> {
  const redirectUri = (): string => `${url()}/connect/callback`
  return async (app) => {
    // Under `no-referrer` browsers send forms with `Origin: null`, as if from anywhere. Other sites are told nothing by this one either.
    app.addHook('onRequest', async (_request, reply) => void reply.header('referrer-policy', 'same-origin'))
    app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))))
    app.setErrorHandler((error, _request, reply) => {
      const { status, detail } = problemOf(error, '')
      return reply.code(status).type('text/html').send(messagePage(`It did not work: ${detail}. Ask for a new link.`))
    })
    app.get('/connect/callback', hidden, async (request, reply) => {
      const address = new URL(request.raw.url ?? '', url())
      return show(reply, await connections.links.callback(address, browserOf(request, reply, url())))
    })
    app.get<{ Params: { link: string } }>('/connect/:link', hidden, async (request, reply) => show(reply, await connections.links.open(request.params.link, browserOf(request, reply, url()), redirectUri())))
    app.post<{ Params: { link: string } }>('/connect/:link', hidden, async (request, reply) => {
      // Another site must not fill in the form of a person.
      const { origin } = request.headers
      if (origin !== undefined && origin !== new URL(url()).origin) return reply.code(403).type('text/html').send(messagePage('This form was sent from another page.'))
      return show(reply, await connections.links.answer(request.params.link, browserOf(request, reply, url()), (request.body ?? {}) as Record<string, string>, redirectUri()))
    })
  }
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
