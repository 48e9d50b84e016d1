import type { ActivityInboundCallsInterceptor, ActivityInterceptorsFactory } from '@temporalio/worker'
import type { ParkRequest, PostStepRequest, StreamTarget } from '../../activities/types.ts'
import type { PostResult, RunReceipt } from '../../model/run.ts'
import { httpSignal, tokenSignal, waitSignal } from '../../model/signals.ts'
import { Bounded, type Series } from './series.ts'

/** Counts what this process does: from signals of the folders below, and from arguments and results of the steps. */
export function observe(series: Series): { interceptor: ActivityInterceptorsFactory; close(): void } {
  const connections = new Bounded()
  const syncs = new Bounded()
  const off = [
    httpSignal.on(({ connection, status, ms }) => {
      const name = connections.label(connection)
      series.requests.inc({ connection: name, status: classOf(status) })
      series.requestSeconds.observe({ connection: name }, ms / 1000)
    }),
    waitSignal.on(({ connection, reason, ms }) => series.waitSeconds.inc({ connection: connections.label(connection), reason }, ms / 1000)),
    tokenSignal.on(({ connection, outcome }) => series.tokens.inc({ connection: connections.label(connection), outcome })),
  ]
  const count = (target: StreamTarget, effects: Record<string, number>): void => {
    const sync = syncs.label(target.sync)
    for (const [effect, n] of Object.entries(effects)) if (n > 0) series.records.inc({ sync, stream: sync === 'other' ? 'other' : target.stream, effect }, n)
  }
  const ended = (step: string, argument: unknown, result: unknown): void => {
    if (step === 'post') {
      const { inserted, updated, unchanged, deleted, refused, repeated, stop } = result as PostResult
      const { rows } = argument as PostStepRequest
      // A chunk whose commit was known already was counted by whoever committed it, or by nobody: then it is missing here, never doubled.
      if (stop === null && !repeated) count(argument as PostStepRequest, { read: rows.read, inserted, updated, unchanged, deleted, filtered: rows.filtered, rejected: rows.rejected + refused })
    }
    if (step === 'park') {
      const { sync, error } = argument as ParkRequest
      series.parks.inc({ sync: syncs.label(sync), error: error.type })
    }
    if (step === 'finish') {
      const { sync, outcome } = (argument as { receipt: RunReceipt }).receipt
      series.runs.inc({ sync: syncs.label(sync), outcome })
    }
  }
  const interceptor: ActivityInterceptorsFactory = ({ info }) => {
    const step = info.activityType
    const inbound: ActivityInboundCallsInterceptor = {
      async execute(input, next) {
        const stop = series.stepSeconds.startTimer({ step })
        series.stepsRunning.inc({ step })
        try {
          const result: unknown = await next(input)
          series.steps.inc({ step, outcome: 'ok' })
          ended(step, input.args[0], result)
          return result
        } catch (error) {
          series.steps.inc({ step, outcome: (error as Error)?.name === 'CancelledFailure' ? 'cancelled' : 'failed' })
          throw error
        } finally {
          stop()
          series.stepsRunning.dec({ step })
        }
      },
    }
    return { inbound }
  }
  return { interceptor, close: () => off.forEach((end) => end()) }
}

/** `429` apart from the other 4xx; `none` without an answer. */
function classOf(status: number | null): string {
  return status === null ? 'none' : status === 429 ? '429' : `${Math.floor(status / 100)}xx`
}
