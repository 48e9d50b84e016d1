import { ROOT_CONTEXT, SpanKind, type Tracer, type TraceFlags } from '@opentelemetry/api'
import type { InjectedSinks } from '@temporalio/worker'
import type { EndedWorkflow, TraceSinks } from '../../workflows/trace.ts'
import { failed, isthmusAttributes } from './attributes.ts'
import { parentContext } from './header.ts'
import type { Ids } from './ids.ts'

/** A span for each workflow, made when it has ended, with the id that its steps have named as their parent since it began. */
export function tracedWorkflows(tracer: Tracer, ids: Ids, decide: (traceId: string) => TraceFlags): InjectedSinks<TraceSinks> {
  return { isthmusTrace: { ended: { callDuringReplay: false, fn: (_info, workflow) => spanOf(tracer, ids, decide, workflow) } } }
}

function spanOf(tracer: Tracer, ids: Ids, decide: (traceId: string) => TraceFlags, workflow: EndedWorkflow): void {
  const { traceId, spanId, parent, workflowType, workflowId, runId, startMs, outcome, error, told } = workflow
  const attributes = { ...isthmusAttributes({ ...told, outcome }), 'temporal.workflow_id': workflowId, 'temporal.run_id': runId }
  const context = parent ? parentContext(traceId, parent, decide) : ROOT_CONTEXT
  const span = ids.as({ traceId, spanId }, () => tracer.startSpan(`RunWorkflow:${workflowType}`, { kind: SpanKind.INTERNAL, startTime: startMs, attributes }, context))
  if (error) failed(span, error.type, error.message)
  span.end()
}
