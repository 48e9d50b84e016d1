import { createTraceState, INVALID_SPANID, propagation, ROOT_CONTEXT, trace, TraceFlags, type Context, type SpanContext } from '@opentelemetry/api'
import { defaultPayloadConverter, type Headers } from '@temporalio/common'
import { TRACE_HEADER, UNDECIDED } from '../../workflows/trace-names.ts'

/** Headers with the trace of `context`; as they are where there is none. */
export function withTrace(headers: Headers, context: Context): Headers {
  const carrier: Record<string, string> = {}
  propagation.inject(context, carrier)
  return carrier['traceparent'] === undefined ? headers : { ...headers, [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) }
}

/** The context in which headers were sent; `decide` gives the flags of a trace that began where no sampler could be asked. An empty one when there is none. */
export function contextOf(headers: Headers, decide: (traceId: string) => TraceFlags): Context {
  const payload = headers[TRACE_HEADER]
  if (!payload) return ROOT_CONTEXT
  try {
    return decidedIn(propagation.extract(ROOT_CONTEXT, defaultPayloadConverter.fromPayload(payload)), decide)
  } catch {
    return ROOT_CONTEXT
  }
}

/** The same for the parent of a workflow. */
export function parentContext(traceId: string, { spanId, state, sampled }: { spanId: string; state: string; sampled: boolean }, decide: (traceId: string) => TraceFlags): Context {
  const parent: SpanContext = { traceId, spanId, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true, ...(state !== '' && { traceState: createTraceState(state) }) }
  return decidedIn(trace.setSpanContext(ROOT_CONTEXT, parent), decide)
}

function decidedIn(context: Context, decide: (traceId: string) => TraceFlags): Context {
  const parent = trace.getSpanContext(context)
  if (!parent || parent.spanId === INVALID_SPANID || parent.traceState?.get(UNDECIDED.key) !== UNDECIDED.value) return context
  return trace.setSpanContext(context, { ...parent, traceFlags: decide(parent.traceId) })
}
