import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { context, propagation, ROOT_CONTEXT, trace, type TraceFlags } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import type { Logger } from 'pino'
import { within } from '../child.ts'
import { CarefulExporter } from './exporter.ts'
import { Ids } from './ids.ts'
import type { Tracing } from './index.ts'
import { packageDir } from '../paths.ts'
import { traceRequests } from './requests.ts'
import type { TraceSettings } from './settings.ts'
import { tracedSteps } from './steps.ts'
import { tracedWorkflows } from './workflows.ts'

/** How long the end of a process waits for what is still to be sent; less when nobody has taken anything before. */
const CLOSE_MS = 2_500
const CLOSE_FAILING_MS = 300
/** Time for one batch with its repeats, where the environment names none. What is under way keeps a process from ending. */
const SEND_MS = 3_000

/**
 * Sets up OpenTelemetry in this process: spans leave in batches, at most 2,048 wait, more are dropped. Sampler, batches, limits, address, headers and time-outs are those of
 * the environment (`OTEL_*`), read by the OpenTelemetry SDK.
 */
export async function startTracing({ protocol, unnamed, timed }: TraceSettings, options: { service: string; log: Pick<Logger, 'info' | 'warn'> }): Promise<Tracing> {
  const { version } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8')) as { version: string }
  const exporter = new CarefulExporter(await exporterOf(protocol, timed ? {} : { timeoutMillis: SEND_MS }), options.log)
  const named = resourceFromAttributes({ ...(unnamed && { 'service.name': options.service }), 'service.version': version, 'host.name': hostname(), 'process.pid': process.pid })
  const ids = new Ids()
  const provider = new BasicTracerProvider({
    resource: defaultResource().merge(named).merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
    idGenerator: ids,
  })
  // Those of an app, or of a preloaded instrumentation, stay: spans of ours leave through our exporter all the same.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  trace.setGlobalTracerProvider(provider)
  const tracer = provider.getTracer('isthmus', version)
  /** What the sampler says of a trace that began in a workflow: a span that is begun with that id, and goes nowhere. */
  const decide = (traceId: string): TraceFlags => ids.as({ traceId, spanId: ids.generateSpanId() }, () => tracer.startSpan('', {}, ROOT_CONTEXT).spanContext().traceFlags)
  const silence = traceRequests(tracer)
  return {
    steps: tracedSteps(tracer, decide),
    sinks: tracedWorkflows(tracer, ids, decide),
    tracer,
    async close() {
      silence()
      await within(provider.shutdown(), exporter.failing ? CLOSE_FAILING_MS : CLOSE_MS)
    },
  }
}

async function exporterOf(protocol: TraceSettings['protocol'], options: { timeoutMillis?: number }): Promise<SpanExporter> {
  const { OTLPTraceExporter } = protocol === 'http/json' ? await import('@opentelemetry/exporter-trace-otlp-http') : await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter(options)
}
