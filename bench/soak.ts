/**
 * `npm run bench:soak -- [runs] [syncs]`: small runs (10,000) of so many syncs (60) that are due every minute, on one worker with its own Temporal and PostgreSQL. Prints
 * {runs, outcomes, minutes, cpuSecondsPerRun: {worker, temporal, ...}, workerRssMiB: [after each tenth], kibPerRun}: the slope of the worker's memory over the second half of the runs
 * (by least squares), when what is kept in memory has been filled. Exit code 1 when a run did not complete.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { between, openSmallSyncs, say } from './small-syncs.ts'

const [runs = 10_000, syncs = 60] = process.argv.slice(2).map(Number)
const EVERY_MS = 5_000
const bench = await openSmallSyncs(syncs)

/** KiB that come with each run. */
function slope(points: { ended: number; mib: number }[]): number {
  const mean = (of: (p: { ended: number; mib: number }) => number): number => points.reduce((sum, p) => sum + of(p), 0) / points.length
  const [x, y] = [mean((p) => p.ended), mean((p) => p.mib)]
  const over = points.reduce((sum, p) => sum + (p.ended - x) * (p.mib - y), 0)
  const under = points.reduce((sum, p) => sum + (p.ended - x) ** 2, 0)
  return Math.round((over / under) * 1024 * 100) / 100
}

try {
  await bench.write("every: '1m'")
  await bench.isthmus.schedules.deploy()
  const [began, before] = [Date.now(), bench.processor()]
  const points: { ended: number; mib: number }[] = []
  for (let told = 0; ; ) {
    await sleep(EVERY_MS, undefined, { signal: bench.signal })
    const { rows } = await bench.pool.query<{ ended: number }>("select count(*)::int as ended from isthmus.runs where outcome <> 'running'")
    const ended = rows[0]!.ended
    points.push({ ended, mib: bench.memory() })
    if (ended >= told + runs / 10 || ended >= runs) {
      told = ended
      say(`${ended} runs after ${Math.round((Date.now() - began) / 1000)} s; worker ${bench.memory()} MiB`)
    }
    if (ended >= runs) break
  }
  const { rows } = await bench.pool.query<{ outcome: string; n: number }>("select outcome, count(*)::int as n from isthmus.runs where outcome <> 'running' group by outcome")
  const outcomes = Object.fromEntries(rows.map((r) => [r.outcome, r.n]))
  const { ended } = points.at(-1)!
  const perRun = Object.fromEntries(Object.entries(between(before, bench.processor())).map(([name, s]) => [name, Math.round((s / ended) * 1000) / 1000]))
  const tenths = Array.from({ length: 10 }, (_, i) => points.find((p) => p.ended >= (ended * (i + 1)) / 10)!.mib)
  console.log(JSON.stringify({ runs: ended, outcomes, minutes: Math.round((Date.now() - began) / 6_000) / 10, cpuSecondsPerRun: perRun, workerRssMiB: tenths, kibPerRun: slope(points.filter((p) => p.ended >= ended / 2)) }))
  if (Object.keys(outcomes).some((o) => o !== 'completed')) process.exitCode = 1
} finally {
  await bench.close()
}
