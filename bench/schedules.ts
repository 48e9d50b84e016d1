/**
 * `npm run bench:schedules -- [syncs] [rounds]`: so many syncs (1,000) that are due at the same minute, `rounds` times (1), on one worker with its own Temporal and PostgreSQL.
 * Each reads 20 records in two requests. Prints {syncs, completed, startDelayMs: {p50, p95, max}, seconds, cpuSeconds: {worker, temporal, ...}, workerRssMiB: [...]}: a start delay is the time from when
 * a run was due until its worker had begun it, `seconds` from due until the last one had ended, `cpuSeconds` what each server took meanwhile (read from /proc, Linux), the worker's memory is read after each round.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { between, openSmallSyncs, say } from './small-syncs.ts'

const [syncs = 1_000, rounds = 1] = process.argv.slice(2).map(Number)
/** Deploying takes its time, and all of it must be done before the first one is due. */
const AHEAD_MS = 20_000
const PATIENCE_MS = 1_800_000
const bench = await openSmallSyncs(syncs)

async function round(): Promise<{ completed: number; delays: number[]; seconds: number; cpu: Record<string, number> }> {
  // A minute that lies far enough ahead, on a machine that has other things to do, too.
  const due = new Date(Math.ceil((Date.now() + AHEAD_MS + syncs * 100) / 60_000) * 60_000)
  await bench.write(`schedule: { cron: '${due.getUTCMinutes()} ${due.getUTCHours()} ${due.getUTCDate()} ${due.getUTCMonth() + 1} *' }`)
  const began = Date.now()
  await bench.isthmus.schedules.deploy()
  say(`${syncs} schedules deployed in ${((Date.now() - began) / 1000).toFixed(1)} s, due at ${due.toISOString()}; worker ${bench.memory()} MiB`)
  if (Date.now() > due.getTime()) throw new Error('deploying took longer than was planned for')
  await sleep(Math.max(0, due.getTime() - Date.now() - 500), undefined, { signal: bench.signal })
  const before = bench.processor()
  for (;;) {
    const { rows: [row] } = await bench.pool.query<{ begun: number; ended: number; last: Date | null }>('select count(*)::int as begun, count(finished_at)::int as ended, max(finished_at) as last from isthmus.runs where due_at = $1', [due])
    if (row!.ended >= syncs || Date.now() > due.getTime() + PATIENCE_MS) break
    if (Date.now() > due.getTime()) say(`  ${Math.round((Date.now() - due.getTime()) / 1000)} s after: ${row!.begun} begun, ${row!.ended} ended; worker ${bench.memory()} MiB`)
    await sleep(5_000, undefined, { signal: bench.signal })
  }
  const cpu = between(before, bench.processor())
  const { rows } = await bench.pool.query<{ outcome: string; delay: number; end: number | null }>('select outcome, extract(epoch from started_at - due_at)::float8 * 1000 as delay, extract(epoch from finished_at - due_at)::float8 as end from isthmus.runs where due_at = $1 order by delay', [due])
  return { completed: rows.filter((r) => r.outcome === 'completed').length, delays: rows.map((r) => r.delay), seconds: Math.max(...rows.map((r) => r.end ?? Infinity)), cpu }
}

try {
  const memories = [bench.memory()]
  const all = []
  for (let n = 0; n < rounds; n += 1) {
    all.push(await round())
    memories.push(bench.memory())
  }
  const delays = all.flatMap((r) => r.delays).sort((a, b) => a - b)
  const at = (share: number): number => Math.round(delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? NaN)
  console.log(JSON.stringify({ syncs, rounds, completed: all.reduce((sum, r) => sum + r.completed, 0), startDelayMs: { p50: at(0.5), p95: at(0.95), max: at(1) }, seconds: all.map((r) => Math.round(r.seconds * 10) / 10), cpuSeconds: all.map((r) => r.cpu), workerRssMiB: memories }))
} finally {
  await bench.close()
}
