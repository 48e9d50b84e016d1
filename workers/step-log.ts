import type { ActivityInterceptorsFactory } from '@temporalio/worker'
import type { Logger } from 'pino'
import type { PageResult, PostResult, RunReceipt } from '../model/run.ts'
import type { ParkRequest } from '../activities/types.ts'

/** Steps whose end is news at level info; the others are told at level debug. */
const NEWS = new Set(['finish', 'park', 'refresh', 'complete'])

/** A line in the worker's log for each step that ends: at level debug, and at level info or warn where something has happened that people look for. */
export function stepLog(log: Pick<Logger, 'debug' | 'info' | 'warn'>): ActivityInterceptorsFactory {
  const tell = (step: string, argument: unknown, result: unknown, ms: number): void => {
    try {
      const [level, message, more] = lineOf(step, argument, result)
      log[level]({ ms, ...more }, message)
    } catch (error) {
      // A step is not undone because nothing can be said of it.
      log.warn({ ms, error }, `${step}: done, and not understood by the log`)
    }
  }
  return ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const begun = performance.now()
        const result: unknown = await next(input)
        tell(info.activityType, input.args[0], result, Math.round(performance.now() - begun))
        return result
      },
    },
  })
}

function lineOf(step: string, argument: unknown, result: unknown): ['debug' | 'info' | 'warn', string, Record<string, unknown>?] {
  switch (step) {
    case 'page': {
      const { stop, chunk, requests } = result as PageResult
      const counts = { records: chunk?.records ?? 0, pages: chunk?.pages ?? 0, requests }
      if (stop.kind === 'more' || stop.kind === 'done') return ['debug', `page: ${stop.kind}`, counts]
      const until = 'untilMs' in stop && stop.untilMs > 0 ? { until: new Date(stop.untilMs).toISOString() } : {}
      return [stop.kind === 'authRequired' ? 'info' : 'warn', `page: ${stop.kind}: ${stop.reason}`, { ...counts, ...until }]
    }
    case 'post': {
      const { inserted, updated, unchanged, deleted, refused } = result as PostResult
      return ['debug', 'post: committed', { inserted, updated, unchanged, deleted, refused }]
    }
    case 'park': {
      const { error, until } = argument as ParkRequest
      return ['warn', `parked: ${error.type}: ${error.message}`, until ? { until } : {}]
    }
    case 'finish': {
      const { outcome, total } = (argument as { receipt: RunReceipt }).receipt
      return [outcome === 'failed' ? 'warn' : 'info', `run ${outcome}`, { outcome, records: total.read, rejected: total.rejected }]
    }
    default:
      return [NEWS.has(step) ? 'info' : 'debug', `${step}: done`]
  }
}
