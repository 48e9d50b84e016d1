import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { IsthmusError } from '../../model/errors.ts'
import { redactor } from '../../model/redact/index.ts'
import type { Webhooks } from '../webhooks/index.ts'

const STATUS: Partial<Record<IsthmusError['type'], number>> = { NotFound: 404, AuthFailed: 401, Contract: 400, PageTooLarge: 413 }
const TITLES: Record<number, string> = { 400: 'Not an event', 401: 'Not signed by the sender', 404: 'No such webhook', 413: 'Too large' }
/** Senders give up on a receiver whose answer takes longer than seconds; a body above this is no event. */
const MAX_BODY = 1024 * 1024
/** Events that no sync was told of are looked for so often. */
const SWEEP_MS = 30_000

/** Where systems tell of events: `POST /hooks/<name>`, proved by the webhook's own signature. 202 once they are stored; everything else has the sender try again. */
export function hooks(webhooks: Webhooks, url: () => string): FastifyPluginAsync {
  return async (app) => {
    // The signature is of the bytes: nothing may read them before.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY }, (_request, body, done) => done(null, body))
    app.setErrorHandler((error, _request, reply) => {
      const known = error instanceof IsthmusError ? error : null
      const status = known ? (STATUS[known.type] ?? 503) : ((error as { statusCode?: number }).statusCode ?? 500)
      // Who sends is told no more than it needs: the rest is the operator's matter.
      return reply.code(status).type('application/problem+json').send({ type: 'about:blank', status, title: TITLES[status] ?? 'Try again later', ...(status < 500 && known && { detail: redactor.text(known.message) }) })
    })
    app.post<{ Params: { name: string } }>('/hooks/:name', { schema: { hide: true } as object }, async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const { fresh } = await webhooks.receive(request.params.name, { method: request.method, url: `${url()}${request.raw.url ?? ''}`, headers: request.headers, body })
      return reply.code(202).send({ received: fresh })
    })
    sweeping(app, webhooks)
  }
}

/** What a receiver that died had stored, and told no sync of, is told at the start and now and then. */
function sweeping(app: FastifyInstance, webhooks: Webhooks): void {
  let timer: NodeJS.Timeout | null = null
  const sweep = (ms: number): void => {
    timer = setTimeout(() => void webhooks.sweep().catch(() => undefined).finally(() => timer && sweep(SWEEP_MS)), ms).unref()
  }
  app.addHook('onReady', async () => sweep(0))
  app.addHook('onClose', async () => {
    if (timer) clearTimeout(timer)
    timer = null
  })
}
