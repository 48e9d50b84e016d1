import { AsyncLocalStorage } from 'node:async_hooks'
import type { Context } from '@temporalio/activity'
import type { ActivityInboundCallsInterceptor, ActivityOutboundCallsInterceptor } from '@temporalio/worker'

/** What every line of the log says of the step it was written in. */
export type StepFields = Record<string, string | number>

const fields = new AsyncLocalStorage<StepFields>()

/** Lines of the log that are written in `body` have these fields. */
export function withFields<R>(more: StepFields, body: () => R): R {
  return fields.run({ ...fields.getStore(), ...more }, body)
}

/** Fields of the step that is under way here; null outside of steps. */
export function stepFields(): StepFields | null {
  return fields.getStore() ?? null
}

interface Told {
  sync?: unknown
  run?: unknown
  stream?: unknown
  connection?: unknown
  seq?: unknown
  pages?: { seq?: unknown }
  rows?: { seq?: unknown }
  receipt?: { sync?: unknown; run?: unknown }
  ask?: { sync?: unknown; run?: unknown; stream?: unknown }
}

/** Gives the log of a step run, sync, stream, chunk, step, attempt and workflow, in our lines and in those of the SDK. */
export function stepContext(context: Context): { inbound: ActivityInboundCallsInterceptor; outbound: ActivityOutboundCallsInterceptor } {
  const { activityType, attempt, workflowExecution } = context.info
  let told: StepFields = { step: activityType, attempt, ...(workflowExecution && { workflowId: workflowExecution.workflowId }) }
  return {
    inbound: {
      execute(input, next) {
        told = { ...toldBy(input.args[0]), ...told }
        return withFields(told, () => next(input))
      },
    },
    outbound: { getLogAttributes: (attributes, next) => ({ ...next(attributes), ...told }) },
  }
}

/** What the argument of a step tells of what it is about. */
export function toldBy(argument: unknown): StepFields {
  if (argument === null || typeof argument !== 'object') return {}
  const a = argument as Told
  const found = { sync: a.sync ?? a.receipt?.sync ?? a.ask?.sync, run: a.run ?? a.receipt?.run ?? a.ask?.run, stream: a.stream ?? a.ask?.stream, chunk: a.seq ?? a.pages?.seq ?? a.rows?.seq, connection: a.connection }
  return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, string | number] => typeof entry[1] === 'string' || typeof entry[1] === 'number'))
}
