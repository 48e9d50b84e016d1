/** Header of the trace context, as the Temporal SDKs name it: JSON with the headers of W3C Trace Context. It is not encrypted: there is nothing in it but ids. */
export const TRACE_HEADER = '_tracer-data'
/** Of the `tracestate`: a trace that begins with a workflow, where no sampler can be asked. The workers decide, each alike, by the trace's id. */
export const UNDECIDED = { key: 'isthmus', value: 'undecided' } as const
/** Owners of tokens live for months: they are no part of what happens to call them, and a span of theirs would never end. */
export const ENDLESS: readonly string[] = ['connection']
