/** `npm run bench`: the same records into PostgreSQL by a hand-written script and by Isthmus, in turn, on the same servers. */
import { execFile, fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Command, InvalidArgumentError } from 'commander'
import pg from 'pg'
import { Isthmus } from '../client/isthmus.ts'
import { connectClient } from '../client/connect.ts'
import { startStack, type Stack } from '../workers/index.ts'

interface Options {
  records: number
  pageSize: number
  latency: number
  paging: 'cursor' | 'offset'
  concurrency: number
  rounds: number
  timeline: boolean
}

const whole = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('must be a whole number')
  return value
}

const SYNC = (o: Options): string => `import { ${o.paging}, defineSync, env, fields, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('BENCH_URL'), concurrency: ${o.concurrency} }).stream('transactions', {
    path: '/${o.paging}/transactions', records: '${o.paging === 'cursor' ? 'result.records' : 'items'}', key: 'id',
    page: ${o.paging === 'cursor' ? `cursor({ send: 'after', next: 'meta.next_cursor', size: ${o.pageSize}, sizeParam: 'limit' })` : `offset({ size: ${o.pageSize} })`},
  }),
  to: postgres.table('bench_isthmus'),
  model: z.object({ id: z.string(), ledger_no: t.int64(), booked_at: t.timestamp(), amount: t.decimal(), currency: z.string(), status: z.string(), counterparty: z.string(), reference: z.string().nullable(), updated_at: t.timestamp() }),
  map: fields({ id: 'id', ledger_no: 'ledgerNo', booked_at: 'booked_at', amount: 'amount', currency: 'currency', status: 'status', counterparty: 'counterparty.name', reference: 'memo', updated_at: 'updated_at' }),
})
`

const TABLE = (name: string): string =>
  `drop table if exists ${name}; create table ${name} (id text primary key, ledger_no bigint not null, booked_at timestamptz not null, amount numeric not null, currency text not null, status text not null, counterparty text not null, reference text, updated_at timestamptz not null)`

const say = (text: string): void => void process.stderr.write(`${text}\n`)
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

async function simulator(o: Options): Promise<{ url: string; stop: () => void }> {
  const child: ChildProcess = fork(here('../simulator/main.js'), ['--json', '--records', String(o.records), '--latency', String(o.latency), '--max-page-size', String(Math.max(o.pageSize, 1000))], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout!.once('data', (d: Buffer) => resolve(d.toString()))
    child.once('exit', () => reject(new Error('the simulator did not start')))
  })
  return { url: (JSON.parse(line) as { url: string }).url, stop: () => void child.kill() }
}

async function baseline(o: Options, url: string, databaseUrl: string): Promise<number> {
  const job = { url, databaseUrl, table: 'bench_baseline', paging: o.paging, pageSize: o.pageSize, concurrency: o.concurrency, headers: {} }
  const { stdout } = await promisify(execFile)(process.execPath, [here('./baseline.js'), JSON.stringify(job)])
  const result = JSON.parse(stdout) as { records: number; seconds: number }
  if (result.records !== o.records) throw new Error(`the baseline read ${result.records} of ${o.records} records`)
  return result.seconds
}

/** Highest resident memory of the worker, in MiB; from the kernel where it keeps it (Linux), else 0. */
function workerPeak(stack: Stack): number {
  const pid = stack.children.find((c) => c.name === 'worker')?.pid
  try {
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024)
  } catch {
    return 0
  }
}

async function main(o: Options): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'isthmus-bench-'))
  await mkdir(join(dir, 'syncs'))
  await writeFile(join(dir, 'syncs', 'bench.ts'), SYNC(o))
  const api = await simulator(o)
  process.env['BENCH_URL'] = api.url
  const stack = await startStack({ projectDir: dir, worker: true })
  const db = new pg.Pool({ connectionString: stack.databaseUrl, max: 1 })
  const isthmus = new Isthmus({ projectDir: dir })
  try {
    const mine: number[] = []
    const plain: number[] = []
    let events = 0
    let bytes = 0
    for (let round = 1; round <= o.rounds; round += 1) {
      await db.query(TABLE('bench_baseline'))
      await db.query('checkpoint')
      plain.push(await baseline(o, api.url, stack.databaseUrl))
      say(`round ${round}: script   ${plain.at(-1)!.toFixed(2)} s`)
      await db.query(TABLE('bench_isthmus'))
      await db.query('drop table if exists isthmus.checkpoints')
      await db.query('checkpoint')
      // As the script's clock starts when it is loaded and connected, so does this one.
      await isthmus.syncs.estimate('bench')
      const began = performance.now()
      const handle = await isthmus.syncs.start('bench')
      const receipt = await handle.result()
      mine.push((performance.now() - began) / 1000)
      say(`round ${round}: isthmus  ${mine.at(-1)!.toFixed(2)} s`)
      const { rows } = await db.query<{ n: string }>('select count(*) n from bench_isthmus')
      if (receipt.outcome !== 'completed' || Number(rows[0]!.n) !== o.records) throw new Error(`isthmus: ${receipt.outcome}, ${rows[0]!.n} rows of ${o.records}`)
      ;({ events, bytes } = await history(stack, handle.workflowId))
      if (o.timeline) await timeline(stack, handle.workflowId)
    }
    const best = (list: number[]): number => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)]!
    const seconds = best(mine)
    const baselineSeconds = best(plain)
    const round = (value: number): number => Number(value.toFixed(3))
    console.log(JSON.stringify({ records: o.records, seconds: round(seconds), baselineSeconds: round(baselineSeconds), ratio: round(baselineSeconds / seconds), peakMemoryMiB: workerPeak(stack), historyEvents: events, historyBytes: bytes }))
  } finally {
    await isthmus.close()
    await db.end()
    await stack.stop()
    api.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

/** Events and bytes of the run's histories: the sync and its stream. */
async function history(stack: Stack, workflowId: string): Promise<{ events: number; bytes: number }> {
  const { client } = await connectClient(stack.temporal)
  try {
    const all = await Promise.all([workflowId, `${workflowId}/transactions`].map((id) => client.workflow.getHandle(id).describe()))
    return { events: all.reduce((sum, d) => sum + d.historyLength, 0), bytes: all.reduce((sum, d) => sum + (d.historySize ?? 0), 0) }
  } finally {
    await client.connection.close()
  }
}

/** When each step of the stream ran, in seconds since the run began. */
async function timeline(stack: Stack, workflowId: string): Promise<void> {
  const { client } = await connectClient(stack.temporal)
  try {
    const ms = (t: { seconds?: unknown; nanos?: number | null } | null | undefined): number => Number(t?.seconds ?? 0) * 1000 + (t?.nanos ?? 0) / 1e6
    const { events } = await client.workflow.getHandle(`${workflowId}/transactions`).fetchHistory()
    const parent = (await client.workflow.getHandle(workflowId).fetchHistory()).events ?? []
    const began = ms(parent[0]?.eventTime)
    for (const e of parent) say(`  sync  ${((ms(e.eventTime) - began) / 1000).toFixed(2)}  ${Object.entries(e).find(([name, value]) => value && name.endsWith('EventAttributes'))?.[0].replace('EventAttributes', '')}`)
    const scheduled = new Map<string, { name: string; at: number; started: number }>()
    for (const e of events ?? []) {
      const at = (ms(e.eventTime) - began) / 1000
      const a = e.activityTaskScheduledEventAttributes
      if (a) scheduled.set(String(e.eventId), { name: a.activityType?.name ?? '', at, started: 0 })
      const s = e.activityTaskStartedEventAttributes
      if (s) scheduled.get(String(s.scheduledEventId))!.started = at
      const c = e.activityTaskCompletedEventAttributes
      const step = c && scheduled.get(String(c.scheduledEventId))
      if (step) say(`  ${step.name.padEnd(13)} scheduled ${step.at.toFixed(2)}  started ${step.started.toFixed(2)}  done ${at.toFixed(2)}  took ${(at - step.started).toFixed(2)}`)
    }
  } finally {
    await client.connection.close()
  }
}

const command = new Command('bench')
  .description('records per second of Isthmus against a hand-written script, on the same servers; ends with one JSON line')
  .option('--records <n>', 'records to move', whole, 200_000)
  .option('--page-size <n>', 'records a page', whole, 1_000)
  .option('--latency <ms>', 'latency of each request', whole, 0)
  .option('--paging <style>', 'cursor: the next page is known from the last; offset: pages can be read in parallel', 'cursor')
  .option('--concurrency <n>', 'requests at a time, for script and Isthmus alike, where paging allows it', whole, 8)
  .option('--rounds <n>', 'how often both are run in turn; the medians count', whole, 1)
  .option('--timeline', 'print when each step of the run began and ended', false)
command.parse()
const options = command.opts<Options>()
if (!['cursor', 'offset'].includes(options.paging)) command.error('error: --paging is cursor or offset')
await main(options)
