/** One stream of a run that completed. */
export interface PastRun {
  read: number
  rejected: number
}

/** Fewer runs say nothing about what is usual. */
const LEAST_RUNS = 5
/** Differences of fewer records are noise. */
const FLOOR = { less: 100, more: 1_000 }
const FACTOR = 4
/** Rejects: more of them than this, and a share higher by so much than ever among the runs before. */
const LEAST_REJECTS = 10
const SHARE = 0.02

function median(sorted: number[]): number {
  const half = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(half)]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/**
 * Whether the number of records a run has read differs suddenly from the runs before: by a factor of 4 from their median, by 100 records or more
 * (1,000 when there are more of them), and outside of everything seen among them. '' when it does not.
 */
export function volumeNote(now: PastRun, before: PastRun[]): string {
  if (before.length < LEAST_RUNS) return ''
  const reads = before.map((r) => r.read).sort((a, b) => a - b)
  const usual = median(reads)
  const less = now.read < reads[0]! && now.read * FACTOR < usual && usual - now.read >= FLOOR.less
  const more = now.read > reads.at(-1)! && now.read > usual * FACTOR && now.read - usual >= FLOOR.more
  return less || more ? `read ${now.read} records, usual are ${Math.round(usual)} (median of ${before.length} runs)` : ''
}

/** Whether the share of rejects has jumped against the runs before. '' when it has not. */
export function rejectsNote(now: PastRun, before: PastRun[]): string {
  if (before.length === 0 || now.rejected < LEAST_REJECTS || now.read === 0) return ''
  const share = now.rejected / now.read
  const most = Math.max(...before.map((r) => (r.read === 0 ? 0 : r.rejected / r.read)))
  return share >= most + SHARE ? `${now.rejected} of ${now.read} records were rejected (${percent(share)}), before at most ${percent(most)}` : ''
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
