import type { FastifyInstance } from 'fastify'
import type { Webhooks } from '../webhooks/index.ts'

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
