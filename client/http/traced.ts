import type { Span } from '@opentelemetry/api'
import type { FastifyInstance } from 'fastify'
import { isTraced } from '../../workers/tracing/index.ts'

/**
 * A span for each call, named by its route; what it starts is part of its trace. Callers of `/v1`, which have proved who they are, may hand in a trace of their own (`traceparent`).
 * Does nothing, with nothing loaded, where no OpenTelemetry is set up.
 */
export async function traceCalls(app: FastifyInstance): Promise<void> {
  if (!isTraced()) return
  const { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = await import('@opentelemetry/api')
  const tracer = trace.getTracer('isthmus')
  const spans = new WeakMap<object, Span>()
  app.addHook('preHandler', (request, _reply, done) => {
    const route = request.routeOptions.url ?? ''
    const parent = route.startsWith('/v1/') ? propagation.extract(ROOT_CONTEXT, request.headers) : ROOT_CONTEXT
    const span = tracer.startSpan(`${request.method} ${route}`, { kind: SpanKind.SERVER, attributes: { 'http.request.method': request.method, 'http.route': route } }, parent)
    spans.set(request, span)
    context.with(trace.setSpan(parent, span), done)
  })
  app.addHook('onResponse', (request, reply, done) => {
    const span = spans.get(request)
    span?.setAttribute('http.response.status_code', reply.statusCode)
    if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR })
    span?.end()
    done()
  })
}
