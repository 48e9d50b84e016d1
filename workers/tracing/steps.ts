import { SpanKind, type Attributes, type Tracer, type TraceFlags } from '@opentelemetry/api'
import type { Info } from '@temporalio/activity'
import type { ActivityInterceptorsFactory } from '@temporalio/worker'
import type { PageResult, PostResult } from '../../model/run.ts'
import { toldBy, withFields } from '../step-context.ts'
import { failed, isthmusAttributes } from './attributes.ts'
import { during } from './during.ts'
import { contextOf } from './header.ts'

/** A span for each attempt of a step, in the trace of its workflow; what the step calls is inside of it. */
export function tracedSteps(tracer: Tracer, decide: (traceId: string) => TraceFlags): ActivityInterceptorsFactory {
  return ({ info }) => ({
    inbound: {
      execute(input, next) {
        const attributes = { ...isthmusAttributes({ ...toldBy(input.args[0]), step: info.activityType, attempt: info.attempt }), ...ofTemporal(info) }
        return tracer.startActiveSpan(`RunActivity:${info.activityType}`, { kind: SpanKind.INTERNAL, attributes }, contextOf(input.headers, decide), (span) =>
          during(span, async () => {
            const { traceId, spanId } = span.spanContext()
            const result: unknown = await withFields({ trace_id: traceId, span_id: spanId }, () => next(input))
            span.setAttributes(resultOf(info.activityType, result))
            return result
          }, (error) => {
            const { name, type, message } = error as { name?: string; type?: string; message?: string }
            if (name === 'CancelledFailure' || name === 'AbortError') span.setAttribute('isthmus.outcome', 'cancelled')
            else failed(span, String(type ?? name ?? 'Error'), String(message ?? error))
          }))
      },
    },
  })
}

function ofTemporal({ workflowExecution, activityId, taskQueue, currentAttemptScheduledTimestampMs }: Info): Attributes {
  return {
    ...(workflowExecution && { 'temporal.workflow_id': workflowExecution.workflowId, 'temporal.run_id': workflowExecution.runId }),
    'temporal.activity_id': activityId,
    'temporal.task_queue': taskQueue,
    // How long it has waited for a worker.
    'temporal.queued_ms': Math.max(0, Date.now() - currentAttemptScheduledTimestampMs),
  }
}

function resultOf(step: string, result: unknown): Attributes {
  if (step === 'page') {
    const { stop, chunk, requests } = result as PageResult
    return { 'isthmus.outcome': stop.kind, 'isthmus.records': chunk?.records ?? 0, 'isthmus.pages': chunk?.pages ?? 0, 'isthmus.requests': requests }
  }
  if (step === 'post') {
    const { inserted, updated, unchanged, deleted, refused } = result as PostResult
    return { 'isthmus.inserted': inserted, 'isthmus.updated': updated, 'isthmus.unchanged': unchanged, 'isthmus.deleted': deleted, 'isthmus.refused': refused }
  }
  return {}
}
