import { SpanStatusCode, type Attributes, type Span } from '@opentelemetry/api'
import { splitTenant } from '../../model/tenant.ts'

/** What a span says of a step or of a workflow, by what is known of it: `isthmus.sync`, `isthmus.run`, `isthmus.tenant`, ... */
export function isthmusAttributes(told: Record<string, string | number>): Attributes {
  const tenant = splitTenant(String(told['sync'] ?? told['connection'] ?? '')).tenant
  const named = Object.entries(told).map(([name, value]) => [`isthmus.${name}`, value])
  return { ...Object.fromEntries(named), ...(tenant !== null && { 'isthmus.tenant': tenant }) }
}

/** Ends a span as failed. Its message is redacted when it leaves. */
export function failed(span: Span, type: string, message: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR, message })
}
