import type { FastifyInstance } from 'fastify'
import { IsthmusError } from '../../model/errors.ts'
import { redactor } from '../../model/redact/index.ts'
import type { Webhooks } from '../webhooks/index.ts'

const STATUS: Partial<Record<IsthmusError['type'], number>> = { NotFound: 404, AuthFailed: 401, Contract: 400, PageTooLarge: 413 }
const TITLES: Record<number, string> = { 400: 'Not an event', 401: 'Not signed by the sender', 404: 'No such webhook', 413: 'Too large' }
/** Senders give up on a receiver whose answer takes longer than seconds; a body above this is no event. */
const MAX_BODY = 1024 * 1024
/** What a receiver that died before telling syncs has left is looked for so often. */
const SWEEP_MS = 30_000

/** Where systems tell of events: `POST /hooks/<name>`, proved by the webhook's own signature. 202 once they are stored; everything else has the sender try again. */
export function hooks(app: FastifyInstance, webhooks: Webhooks, url: () => string): void {
  void app.register(async (scope) => {
    // The signature is of the bytes: nothing may read them before.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY }, (_request, body, done) => done(null, body))
    scope.setErrorHandler((error, _request, reply) => {
      const known = error instanceof IsthmusError ? error : null
      const status = known ? (STATUS[known.type] ?? 503) : ((error as { statusCode?: number }).statusCode ?? 500)
      // Who sends is told no more than it needs: the rest is the operator's matter.
      return reply.code(status).type('application/problem+json').send({ type: 'about:blank', status, title: TITLES[status] ?? 'Try again later', ...(status < 500 && known && { detail: redactor.text(known.message) }) })
    })
    scope.post<{ Params: { name: string } }>('/hooks/:name', async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const { fresh } = await webhooks.receive(request.params.name, { method: request.method, url: `${url()}${request.raw.url ?? ''}`, headers: request.headers, body })
      return reply.code(202).send({ received: fresh })
    })
  })
  let timer: NodeJS.Timeout | null = null
  const sweep = (): void => {
    timer = setTimeout(() => void webhooks.sweep().catch(() => undefined).finally(() => timer && sweep()), SWEEP_MS).unref()
  }
  app.addHook('onReady', async () => {
    void webhooks.sweep().catch(() => undefined)
    sweep()
  })
  app.addHook('onClose', async () => {
    if (timer) clearTimeout(timer)
    timer = null
  })
}
