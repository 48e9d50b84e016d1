import { SpanStatusCode, type Attributes, type Span } from '@opentelemetry/api'
import { redactor } from '../../model/redact/index.ts'
import { splitTenant } from '../../model/tenant.ts'

/** What a span says of a step or of a workflow, by what is known of it: `isthmus.sync`, `isthmus.run`, `isthmus.tenant`, ... */
export function isthmusAttributes(told: Record<string, string | number>): Attributes {
  const tenant = splitTenant(String(told['sync'] ?? told['connection'] ?? '')).tenant
  const named = Object.entries(told).map(([name, value]) => [`isthmus.${name}`, value])
  return { ...Object.fromEntries(named), ...(tenant !== null && { 'isthmus.tenant': tenant }) }
}

/** Marks a span as failed. Its message is redacted here already: spans of clients may leave through the exporter of an app. */
export function failed(span: Span, type: string, message: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR, message: redactor.text(message) })
}
