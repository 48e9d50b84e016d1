import type { SimulatorStats } from '../../simulator/index.ts'
import type { Injected } from './inject.ts'
import type { Verdict } from './oracle.ts'
import type { ChaosOptions } from './options.ts'

/** What a chaos run came to; the JSON line. */
export interface ChaosResult {
  ok: boolean
  target: string
  seed: number
  paging: string
  pageSize: number
  faults: { asked: number; injected: number; kinds: Record<string, number>; whilePosting: number }
  records: { expected: number; found: number }
  missing: number
  doubled: number
  foreign: number
  checksumEqual: boolean
  pages: number
  /** Whole answers for an address that had been answered whole before. `bound`: what the faults explain; null: not judged. */
  pagesAskedTwice: number
  pagesAskedTwiceBound: number | null
  requests: number
  peakPerSecond: number
  peakConcurrency: number
  requestsDuringRetryAfter: number
  tokensRefused: number
  /** From a kill to the next page served, in seconds. */
  recovery: { p50: number; p95: number; max: number } | null
  /** Commits that moved a checkpoint back or to where it was: what a stalled worker wrote late. */
  staleWrites: number
  seconds: number
  outcome: string
  problems: string[]
}

export interface Facts {
  options: ChaosOptions
  injected: Injected
  kinds: Record<string, number>
  verdict: Verdict
  stats: SimulatorStats
  pages: number
  bound: number | null
  staleWrites: number
  seconds: number
  outcome: string
  errors: string[]
}

export function resultOf({ options: o, injected, kinds, verdict: v, stats, pages, bound, staleWrites, seconds, outcome, errors }: Facts): ChaosResult {
  const count = Object.values(kinds).reduce((a, b) => a + b, 0)
  const problems = [...errors]
  const check = (good: boolean, text: string): void => void (good || problems.push(text))
  check(outcome === 'completed', `the run ended as ${outcome}`)
  check(v.missing === 0, `${v.missing} records are missing`)
  check(v.doubled === 0, `${v.doubled} rows are doubled`)
  check(v.foreign === 0, `${v.foreign} rows are in no source`)
  check(v.checksumEqual, 'the checksums differ')
  check(count === o.kills, `${count} of ${o.kills} faults were injected`)
  check(bound === null || stats.duplicates <= bound, `${stats.duplicates} pages were asked for twice, the faults explain ${bound}`)
  check(stats.requestsDuringRetryAfter === 0, `${stats.requestsDuringRetryAfter} requests came while a Retry-After had not elapsed`)
  check(stats.refreshTokensUsedTwice === 0, 'a refresh token was used twice')
  check(staleWrites === 0, `${staleWrites} stale writes were accepted`)
  return {
    ok: problems.length === 0, target: o.target, seed: o.seed, paging: o.paging, pageSize: o.pageSize,
    faults: { asked: o.kills, injected: count, kinds, whilePosting: injected.whilePosting },
    records: { expected: v.expected, found: v.found }, missing: v.missing, doubled: v.doubled, foreign: v.foreign, checksumEqual: v.checksumEqual,
    pages, pagesAskedTwice: stats.duplicates, pagesAskedTwiceBound: bound, requests: stats.dataRequests,
    peakPerSecond: stats.highestPerSecond, peakConcurrency: stats.highestConcurrency, requestsDuringRetryAfter: stats.requestsDuringRetryAfter, tokensRefused: stats.unauthorized,
    recovery: recovery(injected.recoveries), staleWrites, seconds: Number(seconds.toFixed(1)), outcome, problems,
  }
}

function recovery(ms: number[]): ChaosResult['recovery'] {
  if (ms.length === 0) return null
  const sorted = [...ms].sort((a, b) => a - b)
  const at = (share: number): number => Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! / 1000).toFixed(1))
  return { p50: at(0.5), p95: at(0.95), max: at(1) }
}

/** The table a person reads. */
export function tableOf(r: ChaosResult): string {
  const head = ['target', 'faults', 'records', 'found', 'missing', 'doubled', 'checksum', 'pages', 'asked twice', 'peak/s', 'at a time', 'stale writes', 'recovery p95', 'seconds']
  const row = [
    r.target, `${r.faults.injected} of ${r.faults.asked}`, `${r.records.expected}`, `${r.records.found}`, `${r.missing}`, `${r.doubled}`, r.checksumEqual ? 'equal' : 'DIFFERS', `${r.pages}`,
    `${r.pagesAskedTwice}${r.pagesAskedTwiceBound === null ? '' : ` (<= ${r.pagesAskedTwiceBound})`}`, `${r.peakPerSecond}`, `${r.peakConcurrency}`, `${r.staleWrites}`, r.recovery ? `${r.recovery.p95} s` : '-', `${r.seconds}`,
  ]
  const widths = head.map((h, i) => Math.max(h.length, row[i]!.length))
  const line = (cells: string[]): string => cells.map((c, i) => c.padEnd(widths[i]!)).join('  ').trimEnd()
  return [line(head), line(row), ...(r.problems.length ? ['', ...r.problems.map((p) => `PROBLEM ${p}`)] : [])].join('\n')
}
