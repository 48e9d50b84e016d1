import { durationMs } from '../model/duration.ts'
import type { Plan, StreamPlan } from '../model/plan.ts'
import type { RunSummary } from '../model/ports.ts'

/** Expected work of one stream. null = not known before the first run. */
export interface Estimate {
  stream: string
  records: number | null
  calls: number | null
  seconds: number | null
  /** What the figures rest on. */
  basis: 'last run' | 'declared' | 'unknown'
}

/** Requests a second that the plan's limits allow; Infinity without limits. */
export function allowedRate(stream: StreamPlan): number {
  return Math.min(Infinity, ...stream.source.limits.map((l) => l.requests / (durationMs(l.per) / 1000)))
}

function pageSize(stream: StreamPlan): number | null {
  return 'size' in stream.stream.page ? stream.stream.page.size : null
}

/** Estimates from `expect` and the page size, or from the last completed run. */
export function estimate(plan: Plan, runs: RunSummary[]): Estimate[] {
  return plan.streams.map((stream) => {
    const last = runs
      .filter((r) => r.outcome === 'completed' && r.receipt && r.finishedAt)
      .map((r) => ({ receipt: r.receipt?.streams.find((s) => s.stream === stream.name), ms: r.finishedAt!.getTime() - r.startedAt.getTime() }))
      .find((r) => r.receipt)
    const declared = stream.stream.expect
    if (declared !== null) {
      const size = pageSize(stream)
      const calls = size === null ? null : Math.ceil(declared / size)
      const paced = calls === null ? null : calls / allowedRate(stream)
      return { stream: stream.name, records: declared, calls, seconds: paced === null ? null : Math.ceil(paced), basis: 'declared' }
    }
    if (last?.receipt) {
      const { read, requests } = last.receipt.counts
      return { stream: stream.name, records: read, calls: requests, seconds: Math.ceil(last.ms / 1000), basis: 'last run' }
    }
    return { stream: stream.name, records: null, calls: null, seconds: null, basis: 'unknown' }
  })
}
