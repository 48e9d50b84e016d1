/**
 * `npm run bench:schedules -- [syncs] [rounds]`: so many syncs (1,000) that are due at the same minute, `rounds` times (1), on one worker with its own Temporal and PostgreSQL.
 * Each reads one page of 20 records. Prints {syncs, completed, startDelayMs: {p50, p95, max}, seconds, workerRssMiB: [...]}: a start delay is the time from when
 * a run was due until its worker had begun it, `seconds` from due until the last one had ended, the worker's memory is read after each round.
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
const api = createServer((_req, res) => {
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify({ data: Array.from({ length: 20 }, (_, i) => ({ id: `r${i}`, name: `name ${i}` })) }))
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
const isthmus = new Isthmus({ projectDir })
const pool = new pg.Pool({ connectionString: stack.databaseUrl, max: 1 })

/** MiB of the worker's process. */
function memory(): number {
  const pid = stack.children.find((c) => c.name === 'worker')!.pid
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024)
}

async function round(n: number): Promise<{ completed: number; delays: number[]; seconds: number }> {
  // A minute that lies far enough ahead: deploying a schedule again is quicker than the first time.
  const due = new Date(Math.ceil((Date.now() + AHEAD_MS + syncs * (n === 0 ? 60 : 40)) / 60_000) * 60_000)
  await write(`schedule: { cron: '${due.getUTCMinutes()} ${due.getUTCHours()} ${due.getUTCDate()} ${due.getUTCMonth() + 1} *' }`)
  const began = Date.now()
  await isthmus.schedules.deploy()
  say(`${syncs} schedules deployed in ${((Date.now() - began) / 1000).toFixed(1)} s, due at ${due.toISOString()}; worker ${memory()} MiB`)
  if (Date.now() > due.getTime()) throw new Error('deploying took longer than was planned for')
  for (;;) {
    const { rows: [row] } = await pool.query<{ begun: number; ended: number; last: Date | null }>('select count(*)::int as begun, count(finished_at)::int as ended, max(finished_at) as last from isthmus.runs where due_at = $1', [due])
    if (row!.ended >= syncs || Date.now() > due.getTime() + PATIENCE_MS) break
    if (Date.now() > due.getTime()) say(`  ${Math.round((Date.now() - due.getTime()) / 1000)} s after: ${row!.begun} begun, ${row!.ended} ended; worker ${memory()} MiB`)
    await sleep(5_000)
  }
  const { rows } = await pool.query<{ outcome: string; delay: number; end: number | null }>('select outcome, extract(epoch from started_at - due_at)::float8 * 1000 as delay, extract(epoch from finished_at - due_at)::float8 as end from isthmus.runs where due_at = $1 order by delay', [due])
  return { completed: rows.filter((r) => r.outcome === 'completed').length, delays: rows.map((r) => r.delay), seconds: Math.max(...rows.map((r) => r.end ?? Infinity)) }
}

try {
  const memories = [memory()]
  const all = []
  for (let n = 0; n < rounds; n += 1) {
    all.push(await round(n))
    memories.push(memory())
  }
  const delays = all.flatMap((r) => r.delays).sort((a, b) => a - b)
  const at = (share: number): number => Math.round(delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? NaN)
  console.log(JSON.stringify({ syncs, rounds, completed: all.reduce((sum, r) => sum + r.completed, 0), startDelayMs: { p50: at(0.5), p95: at(0.95), max: at(1) }, seconds: all.map((r) => Math.round(r.seconds * 10) / 10), workerRssMiB: memories }))
} finally {
  await isthmus.close()
  await pool.end()
  await stack.stop()
  api.close()
  await rm(projectDir, { recursive: true, force: true })
}
