import type { Attributes, AttributeValue } from '@opentelemetry/api'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base'
import type { Logger } from 'pino'
import { redactor } from '../../model/redact/index.ts'

/** Longest text of an error in a span. */
const MAX_MESSAGE = 1_000

type Done = Parameters<SpanExporter['export']>[1]

/**
 * Sends spans on without secrets: every text in them passes the redactor of the process, at the last moment, when it knows most. That they cannot be sent is told once,
 * and once more when they can again; it never reaches the work that is traced.
 */
export class CarefulExporter implements SpanExporter {
  readonly #to: SpanExporter
  readonly #log: Pick<Logger, 'info' | 'warn'>
  #lost = 0

  constructor(to: SpanExporter, log: Pick<Logger, 'info' | 'warn'>) {
    this.#to = to
    this.#log = log
  }

  /** The last batch was not sent. */
  get failing(): boolean {
    return this.#lost > 0
  }

  export(spans: ReadableSpan[], done: Done): void {
    const told: Done = (result) => {
      if (result.code === 0) {
        if (this.#lost > 0) this.#log.info({ lost: this.#lost }, 'Traces are sent again; the spans of the time between are lost')
        this.#lost = 0
      } else {
        if (this.#lost === 0) this.#log.warn(`Traces cannot be sent: ${redactor.text(result.error?.message || String((result.error as { code?: unknown } | undefined)?.code ?? 'no reason given')).slice(0, 300)}. Runs are not affected. Cure: start the collector, or correct OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS`)
        this.#lost += spans.length
      }
      // The SDK would tell of each batch.
      done({ code: 0 })
    }
    try {
      this.#to.export(spans.map(withoutSecrets), told)
    } catch (error) {
      told({ code: 1, error: error as Error })
    }
  }

  shutdown(): Promise<void> {
    return this.#to.shutdown()
  }

  async forceFlush(): Promise<void> {
    await this.#to.forceFlush?.()
  }
}

function withoutSecrets(span: ReadableSpan): ReadableSpan {
  const { kind, parentSpanContext, startTime, endTime, status, links, events, duration, ended, resource, instrumentationScope, droppedAttributesCount, droppedEventsCount, droppedLinksCount } = span
  return {
    kind, startTime, endTime, duration, ended, resource, instrumentationScope, droppedAttributesCount, droppedEventsCount, droppedLinksCount,
    spanContext: () => span.spanContext(),
    ...(parentSpanContext && { parentSpanContext }),
    name: redactor.text(span.name),
    attributes: clean(span.attributes),
    status: status.message === undefined ? status : { ...status, message: redactor.text(status.message.slice(0, MAX_MESSAGE)) },
    links: links.map((link) => ({ ...link, ...(link.attributes && { attributes: clean(link.attributes) }) })),
    events: events.map((event) => ({ ...event, name: redactor.text(event.name), ...(event.attributes && { attributes: clean(event.attributes) }) })),
  }
}

function clean(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, cleanValue(value)]))
}

function cleanValue(value: AttributeValue | undefined): AttributeValue | undefined {
  if (typeof value === 'string') return redactor.text(value)
  return Array.isArray(value) ? (value.map((v) => (typeof v === 'string' ? redactor.text(v) : v)) as AttributeValue) : value
}
