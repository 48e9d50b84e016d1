/**
 * Traces of workflows: a module of interceptors, in the bundle of workers that trace only. It holds no OpenTelemetry, waits for nothing and draws no random numbers, so
 * that workflows take the same steps with and without it: a run may move between workers that trace and workers that do not.
 */
import { defaultPayloadConverter, proxySinks, workflowInfo, type Headers, type Sinks, type WorkflowInterceptors } from '@temporalio/workflow'
import { isCancellation } from './failure.ts'
import { ENDLESS, TRACE_HEADER, UNDECIDED } from './trace-names.ts'

/** A workflow that has ended, told to the worker, which makes a span of it. */
export interface EndedWorkflow {
  traceId: string
  spanId: string
  /** What it was started in; null where the trace begins with it. */
  parent: { spanId: string; state: string; sampled: boolean } | null
  workflowType: string
  workflowId: string
  runId: string
  /** Unix time in ms. */
  startMs: number
  outcome: string
  error: { type: string; message: string } | null
  /** Of its argument: `sync`, `run`, `stream`, `connection`. */
  told: Record<string, string>
}

export interface TraceSinks extends Sinks {
  isthmusTrace: { ended(workflow: EndedWorkflow): void }
}

const TRACEPARENT = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/

interface Carrier {
  traceparent: string
  tracestate?: string
}

/** Where a workflow stands in a trace. */
interface Place {
  traceId: string
  parent: EndedWorkflow['parent']
  /** What it was given; null when nobody said anything. */
  given: Carrier | null
  /** For what it begins. */
  own: Carrier
}

const { isthmusTrace } = proxySinks<TraceSinks>()

export function interceptors(): WorkflowInterceptors {
  const { workflowType, workflowId, runId, runStartTime, root } = workflowInfo()
  if (ENDLESS.includes(workflowType)) return {}
  const spanId = hex(runId).slice(16)
  const placeOf = (headers: Headers): Place => {
    const given = carried(headers)
    const [, trace, span, flags] = TRACEPARENT.exec(given?.traceparent ?? '') ?? []
    // Where nobody said anything, a trace has the id of the first workflow in it.
    if (given === null || trace === undefined) {
      const traceId = hex(root?.runId ?? runId)
      return { traceId, parent: null, given: null, own: { traceparent: `00-${traceId}-${spanId}-01`, tracestate: `${UNDECIDED.key}=${UNDECIDED.value}` } }
    }
    const { tracestate } = given
    const sampled = (parseInt(flags!, 16) & 1) === 1
    return { traceId: trace, parent: { spanId: span!, state: tracestate ?? '', sampled }, given, own: { traceparent: `00-${trace}-${spanId}-${sampled ? '01' : '00'}`, ...(tracestate && { tracestate }) } }
  }
  let place = placeOf({})
  const going = <I extends { headers: Headers }>(input: I, context: Carrier): I => ({ ...input, headers: { ...input.headers, [TRACE_HEADER]: defaultPayloadConverter.toPayload(context) } })
  const ended = (argument: unknown, outcome: string, error: EndedWorkflow['error']): void =>
    isthmusTrace.ended({ traceId: place.traceId, spanId, parent: place.parent, workflowType, workflowId, runId, startMs: runStartTime.getTime(), outcome, error, told: toldBy(argument) })
  return {
    inbound: [{
      execute(input, next) {
        place = placeOf(input.headers)
        const result = next(input)
        // Beside it, not before it: who waits for the result waits no longer.
        void result.then((value) => ended(input.args[0], outcomeOf(value), null), (error: unknown) => ended(input.args[0], ...failed(error)))
        return result
      },
    }],
    outbound: [{
      scheduleActivity: (input, next) => next(going(input, place.own)),
      startChildWorkflowExecution: (input, next) => next(going(input, place.own)),
      // The next run of the chain stands beside this one.
      continueAsNew: (input, next) => next(going(input, place.given ?? place.own)),
    }],
  }
}

function carried(headers: Headers): Carrier | null {
  try {
    const payload = headers[TRACE_HEADER]
    return payload ? (defaultPayloadConverter.fromPayload<Partial<Carrier>>(payload) as Carrier) : null
  } catch {
    return null
  }
}

/** Ids of runs are UUIDs: as long as the id of a trace, and half of one, most of it random, as long as that of a span. */
function hex(runId: string): string {
  return runId.replace(/-/g, '').toLowerCase()
}

function outcomeOf(result: unknown): string {
  const outcome = (result as { outcome?: unknown } | null | undefined)?.outcome
  return typeof outcome === 'string' ? outcome : 'completed'
}

function failed(error: unknown): [outcome: string, error: EndedWorkflow['error']] {
  const { name, type, message } = error as { name?: string; type?: string; message?: string }
  if (name === 'ContinueAsNew') return ['continued', null]
  if (isCancellation(error)) return ['cancelled', null]
  return ['failed', { type: String(type ?? name ?? 'Error'), message: String(message ?? error) }]
}

function toldBy(argument: unknown): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of ['sync', 'run', 'stream', 'connection']) {
    const value = (argument as Record<string, unknown> | null | undefined)?.[name]
    if (typeof value === 'string') found[name] = value
  }
  return found
}
