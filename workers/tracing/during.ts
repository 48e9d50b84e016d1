import type { Span } from '@opentelemetry/api'

/** Runs what a span stands for and ends the span with it; `note` writes an error into the span, which is thrown on. */
export async function during<R>(span: Span, body: () => Promise<R>, note: (error: unknown) => void): Promise<R> {
  try {
    return await body()
  } catch (error) {
    note(error)
    throw error
  } finally {
    span.end()
  }
}
