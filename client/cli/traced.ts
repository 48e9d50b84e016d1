import type { Command } from 'commander'
import { during, openTracing } from '../../workers/tracing/index.ts'
import type { Output } from './output.ts'

/** Commands that begin work, or change it: what they do is part of its trace. The worker traces itself. */
const TRACED: readonly string[] = ['run', 'post', 'backfill', 'remap', 'retry', 'serve']
/** Those that last as long as their process: a span for each call instead. */
const LASTING: readonly string[] = ['serve']

/** Runs a command's body in a span of its own when the environment asks for traces (`OTEL_*`); its result is the exit code. */
export async function traced(command: Command, output: Output, body: () => Promise<number>): Promise<number> {
  const name = command.name()
  if (!TRACED.includes(name)) return body()
  const warn = (first: unknown, second?: string): void => output.err(output.color.yellow(second ?? String(first)))
  const tracing = await openTracing(process.env, { service: 'isthmus', log: { warn, info: () => undefined } })
  if (!tracing) return body()
  try {
    if (LASTING.includes(name)) return await body()
    return await tracing.tracer.startActiveSpan(`isthmus ${name}`, (span) =>
      during(span, async () => {
        const code = await body()
        span.setAttribute('process.exit.code', code)
        return code
      }, (error) => span.setStatus({ code: 2, message: String((error as Error)?.message ?? error) })))
  } finally {
    await tracing.close()
  }
}
