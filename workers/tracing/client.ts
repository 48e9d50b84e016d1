import { context, SpanKind, trace, type Span } from '@opentelemetry/api'
import type { WorkflowClientInterceptor } from '@temporalio/client'
import { ENDLESS } from '../../workflows/trace-names.ts'
import { failed } from './attributes.ts'
import { during } from './during.ts'
import { withTrace } from './header.ts'

/**
 * Spans for what begins or changes workflows, and the trace they stand in handed to the workflow. Makes them with whatever OpenTelemetry is set up in this process: ours,
 * or that of an app.
 */
export function tracedClient(): WorkflowClientInterceptor {
  const within = <R>(name: string, workflowId: string | undefined, make: (span: Span) => Promise<R>): Promise<R> =>
    trace.getTracer('isthmus').startActiveSpan(name, { kind: SpanKind.CLIENT, attributes: { ...(workflowId !== undefined && { 'temporal.workflow_id': workflowId }) } }, (span) =>
      during(span, () => make(span), (error) => failed(span, (error as Error)?.name ?? 'Error', String((error as Error)?.message ?? error))))
  const going = <I extends { workflowType: string; headers: I['headers'] }>(input: I & { headers: Parameters<typeof withTrace>[0] }): I => (ENDLESS.includes(input.workflowType) ? input : { ...input, headers: withTrace(input.headers, context.active()) })
  return {
    startWithDetails: (input, next) => within(`StartWorkflow:${input.workflowType}`, input.options.workflowId, async (span) => {
      const started = await next(going(input))
      span.setAttribute('temporal.run_id', started.runId)
      return started
    }),
    signalWithStart: (input, next) => within(`SignalWithStartWorkflow:${input.workflowType}`, input.options.workflowId, () => next(going(input))),
    startUpdateWithStart: (input, next) => within(`UpdateWithStartWorkflow:${input.updateName}`, input.workflowStartOptions.workflowId, () => next(input)),
    startUpdate: (input, next) => within(`StartWorkflowUpdate:${input.updateName}`, input.workflowExecution.workflowId, () => next(input)),
  }
}
