/**
 * `npm run bench:schedules -- [syncs] [rounds]`: so many syncs (1,000) that are due at the same minute, `rounds` times (1), on one worker with its own Temporal and PostgreSQL.
 * Each reads 20 records in two requests. Prints {syncs, completed, startDelayMs: {p50, p95, max}, seconds, cpuSeconds: {worker, temporal, ...}, workerRssMiB: [...]}: a start delay is the time from when
 * a run was due until its worker had begun it, `seconds` from due until the last one had ended, `cpuSeconds` what each server took meanwhile (read from /proc, Linux), the worker's memory is read after each round.
 */
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { Isthmus } from '../client/index.ts'
import { startStack } from '../workers/index.ts'

const [syncs = 1_000, rounds = 1] = process.argv.slice(2).map(Number)
/** Deploying takes its time, and all of it must be done before the first one is due. */
const AHEAD_MS = 20_000
const PATIENCE_MS = 1_800_000

const say = (text: string): void => void process.stderr.write(`${text}\n`)
const api = createServer((req, res) => {
  const first = new URL(req.url!, 'http://x').searchParams.get('page') === '1'
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify({ data: Array.from({ length: first ? 20 : 0 }, (_, i) => ({ id: `r${i}`, name: `name ${i}` })) }))
})
await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`

const sync = (i: number, schedule: string): string => `import { defineSync, fields, pageNumber, postgres, rest, z } from 'isthmus'
export default defineSync({
  from: rest({ connection: 'bench-${i % 50}', baseUrl: '${url}', limits: [] }).stream('items', { path: '/items', records: 'data', key: 'id', page: pageNumber({ size: 100 }) }),
  to: postgres.table('bench_${i}'), model: z.object({ id: z.string(), name: z.string() }), map: fields({ id: 'id', name: 'name' }), ${schedule}
})
`
const projectDir = await mkdtemp(join(tmpdir(), 'isthmus-bench-'))
await mkdir(join(projectDir, 'syncs'))
const write = (schedule: string): Promise<unknown> => Promise.all(Array.from({ length: syncs }, (_, i) => writeFile(join(projectDir, `syncs/s${i}.ts`), sync(i, schedule))))
const stack = await startStack({ projectDir })
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)))
const isthmus = new Isthmus({ projectDir })
const pool = new pg.Pool({ connectionString: stack.databaseUrl, max: 1 })

/** MiB of the worker's process. */
function memory(): number {
  const pid = stack.children.find((c) => c.name === 'worker')!.pid
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024)
}

/** Processor seconds of a process: its own, of those children it has waited for, and of living ones (PostgreSQL's backends). */
function used(pid: number): number {
  const ticks = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ').slice(11, 15).map(Number)
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return ticks.reduce((sum, n) => sum + n, 0) / 100 + children.reduce((sum, child) => sum + used(Number(child)), 0)
}
const processor = (): Record<string, number> => Object.fromEntries(stack.children.map((c) => [c.name, used(c.pid)]))

async function round(): Promise<{ completed: number; delays: number[]; seconds: number; cpu: Record<string, number> }> {
  // A minute that lies far enough ahead, on a machine that has other things to do, too.
  const due = new Date(Math.ceil((Date.now() + AHEAD_MS + syncs * 100) / 60_000) * 60_000)
  await write(`schedule: { cron: '${due.getUTCMinutes()} ${due.getUTCHours()} ${due.getUTCDate()} ${due.getUTCMonth() + 1} *' }`)
  const began = Date.now()
  await isthmus.schedules.deploy()
  say(`${syncs} schedules deployed in ${((Date.now() - began) / 1000).toFixed(1)} s, due at ${due.toISOString()}; worker ${memory()} MiB`)
  if (Date.now() > due.getTime()) throw new Error('deploying took longer than was planned for')
  await sleep(Math.max(0, due.getTime() - Date.now() - 500), undefined, { signal: stop.signal })
  const before = processor()
  for (;;) {
    const { rows: [row] } = await pool.query<{ begun: number; ended: number; last: Date | null }>('select count(*)::int as begun, count(finished_at)::int as ended, max(finished_at) as last from isthmus.runs where due_at = $1', [due])
    if (row!.ended >= syncs || Date.now() > due.getTime() + PATIENCE_MS) break
    if (Date.now() > due.getTime()) say(`  ${Math.round((Date.now() - due.getTime()) / 1000)} s after: ${row!.begun} begun, ${row!.ended} ended; worker ${memory()} MiB`)
    await sleep(5_000, undefined, { signal: stop.signal })
  }
  const cpu = Object.fromEntries(Object.entries(processor()).map(([name, s]) => [name, Math.round((s - (before[name] ?? 0)) * 10) / 10]))
  const { rows } = await pool.query<{ outcome: string; delay: number; end: number | null }>('select outcome, extract(epoch from started_at - due_at)::float8 * 1000 as delay, extract(epoch from finished_at - due_at)::float8 as end from isthmus.runs where due_at = $1 order by delay', [due])
  return { completed: rows.filter((r) => r.outcome === 'completed').length, delays: rows.map((r) => r.delay), seconds: Math.max(...rows.map((r) => r.end ?? Infinity)), cpu }
}

try {
  const memories = [memory()]
  const all = []
  for (let n = 0; n < rounds; n += 1) {
    all.push(await round())
    memories.push(memory())
  }
  const delays = all.flatMap((r) => r.delays).sort((a, b) => a - b)
  const at = (share: number): number => Math.round(delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? NaN)
  console.log(JSON.stringify({ syncs, rounds, completed: all.reduce((sum, r) => sum + r.completed, 0), startDelayMs: { p50: at(0.5), p95: at(0.95), max: at(1) }, seconds: all.map((r) => Math.round(r.seconds * 10) / 10), cpuSeconds: all.map((r) => r.cpu), workerRssMiB: memories }))
} finally {
  await isthmus.close()
  await pool.end()
  await stack.stop()
  api.close()
  await rm(projectDir, { recursive: true, force: true })
}
