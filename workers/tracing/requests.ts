import { context, SpanKind, trace, type Tracer } from '@opentelemetry/api'
import { httpSignal } from '../../model/signals.ts'
import { failed } from './attributes.ts'

/** Longest path that is shown. */
const MAX_PATH = 300

/**
 * A span for each HTTP exchange inside of one that is open: method, host, path without its query, status; never headers, queries and bodies. Ends when the
 * function given back is called.
 */
export function traceRequests(tracer: Tracer): () => void {
  return httpSignal.on(({ connection, method, origin, path, status, error, ms, about }) => {
    if (!trace.getSpan(context.active())) return
    const endTime = Date.now()
    const { protocol, hostname, port } = new URL(origin)
    const span = tracer.startSpan(about.template ? `${method} ${about.template}` : method, {
      kind: SpanKind.CLIENT,
      startTime: endTime - ms,
      attributes: {
        'http.request.method': method,
        'server.address': hostname,
        'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
        'url.scheme': protocol.slice(0, -1),
        'url.path': path.slice(0, MAX_PATH),
        ...(about.template && { 'url.template': about.template }),
        ...(status !== null && { 'http.response.status_code': status }),
        ...(about.attempt !== undefined && about.attempt > 1 && { 'http.request.resend_count': about.attempt - 1 }),
        ...(about.waitedMs !== undefined && { 'isthmus.waited_ms': Math.round(about.waitedMs) }),
        'isthmus.connection': connection,
      },
    })
    if (error !== null) failed(span, error, '')
    else if (status !== null && status >= 400) failed(span, String(status), '')
    span.end(endTime)
  })
}
