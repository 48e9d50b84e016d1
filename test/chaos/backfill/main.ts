/**
 * `npm run bench:backfill`: a backfill that is paused, whose worker is killed, that is deployed over with another order of steps, sped up and resumed; and what it
 * costs a run of the same connection. Real Temporal, PostgreSQL, worker and HTTP. Ends with one JSON line; exit code 0 when nothing is missing or double and
 * the run took at most 1.3 times its time.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { updateUs } from '../../../simulator/data/time.ts'
import { makeProject, type CliResult, type Dev, type Project } from '../../support/cli.ts'
import { compare, expected, found } from '../oracle.ts'
import { startSource, type Source } from '../source.ts'
import { deploy } from './deploy.ts'

interface Options { records: number; windows: number; live: number; rounds: number; concurrency: number; pageSize: number; latency: number }

const whole = (text: string): number => Number(text.replaceAll('_', ''))
const command = new Command('bench:backfill')
  .option('--records <n>', 'records of the range', whole, 2_000_000)
  .option('--windows <n>', 'windows', whole, 520)
  .option('--live <n>', 'records that a run of the same connection reads beside it', whole, 100_000)
  .option('--rounds <n>', 'runs without and with the backfill; the medians count', whole, 3)
  .option('--concurrency <n>', 'windows at once at first; doubled when it is sped up', whole, 4)
  .option('--page-size <n>', 'records a page', whole, 1_000)
  .option('--latency <ms>', 'before each answer of the API', whole, 5)
command.parse()
const o = command.opts<Options>()

const FROM = new Date(updateUs(0, 3) / 1000)
const TO = new Date(Math.floor(updateUs(o.records, 3) / 1_000_000) * 1000 + 2_000)
const MINUTES = Math.ceil((TO.getTime() - FROM.getTime()) / 60_000 / o.windows)

const IMPORTS = `import { cursor, defineSync, env, fields, oauth2ClientCredentials, offset, postgres, rest, t, z } from 'isthmus'
const api = rest({ baseUrl: env('CHAOS_URL'), connection: 'acme', concurrency: 4, auth: oauth2ClientCredentials({ tokenUrl: '/oauth/token', clientId: 'sim-client', clientSecret: env('CHAOS_SECRET') }) })
`
const HISTORY = `${IMPORTS}export default defineSync({
  from: api.stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: ${o.pageSize}, sizeParam: 'limit' }), incremental: { field: 'updated_at', send: 'updated_since', until: 'updated_before' } }),
  to: postgres.table('chaos'),
  model: z.object({ id: z.string(), ledger_no: t.int64(), amount: t.decimal(), currency: z.string(), status: z.string(), counterparty: z.string(), reference: z.string().nullable(), updated_at: t.timestamp() }),
  map: fields({ id: 'id', ledger_no: 'ledgerNo', amount: 'amount', currency: 'currency', status: 'status', counterparty: 'counterparty.name', reference: 'memo', updated_at: 'updated_at' }),
})
`
/** Reads the first of the same records into a table of its own. */
const LIVE = `${IMPORTS}export default defineSync({
  from: api.stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', query: { updated_before: '${new Date(updateUs(o.live, 3) / 1000).toISOString()}' }, page: cursor({ send: 'after', next: 'meta.next_cursor', size: ${o.pageSize}, sizeParam: 'limit' }) }),
  to: postgres.table('live'),
  model: z.object({ id: z.string(), ledger_no: t.int64(), amount: t.decimal(), status: z.string(), updated_at: t.timestamp() }),
  map: fields({ id: 'id', ledger_no: 'ledgerNo', amount: 'amount', status: 'status', updated_at: 'updated_at' }),
})
`

const began = Date.now()
const say = (text: string): void => void process.stderr.write(`${((Date.now() - began) / 1000).toFixed(0).padStart(5)} s  ${text}\n`)
const middle = (list: number[]): number => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)]!

async function main(project: Project, source: Source): Promise<boolean> {
  const env = { CHAOS_URL: source.url, CHAOS_SECRET: 'sim-client-secret' }
  const isthmus = async (...args: string[]): Promise<CliResult> => {
    const result = await project.isthmus([...args, '--json'], env)
    if (result.json === null) throw new Error(`isthmus ${args.join(' ')}: ${result.stderr}`)
    return result
  }
  const status = async (): Promise<any> => (await isthmus('backfill', 'status', 'history')).json
  const reach = async (done: number): Promise<void> => {
    for (let last = -1; ; await sleep(500)) {
      const p = await status()
      if (p.windows.done !== last && p.windows.done % 20 < 4) say(`${p.windows.done} of ${p.windows.total} windows, ${Math.round(p.rate ?? 0)}/s, ${p.phase}`)
      last = p.windows.done
      if (last >= done || !['working', 'pausing', 'paused', 'waiting'].includes(p.phase)) return
    }
  }
  const live = async (dev: Dev): Promise<number> => {
    await dev.query('drop table if exists live')
    await dev.query(`delete from isthmus.checkpoints where stream_key like 'live/%'`).catch(() => undefined)
    const { json } = await isthmus('run', 'live')
    if (json.outcome !== 'completed' || json.total.inserted < o.live * 0.99) throw new Error(`the run: ${JSON.stringify(json)}`)
    say(`a run took ${json.seconds} s`)
    return json.seconds as number
  }

  let dev = await project.dev(env)
  const { json: started } = await isthmus('backfill', 'history', '--from', FROM.toISOString(), '--to', TO.toISOString(), '--window', `${MINUTES}m`, '--concurrency', `${o.concurrency}`, '--yes', '--detach')
  say(`backfill ${started.id}: ${JSON.stringify(started.estimate)}`)
  const total = started.estimate.windows as number
  await reach(Math.floor(total * 0.15))
  const pausing = Date.now()
  const paused = (await isthmus('backfill', 'pause', 'history', '--note', 'a new release')).json
  const pauseSeconds = (Date.now() - pausing) / 1000
  say(`paused after ${pauseSeconds.toFixed(1)} s: ${paused.windows.done} windows, ${paused.windows.open} open`)
  const { children } = JSON.parse(await readFile(join(project.dir, '.isthmus', 'dev.json'), 'utf8')) as { children: { name: string; pid: number }[] }
  process.kill(children.find((c) => c.name === 'worker')!.pid, 'SIGKILL')
  await dev.stop()
  say('worker killed, all stopped; another release is deployed')
  const release = await deploy()
  removals.push(() => release.remove())
  dev = await project.dev(env, release.bin)
  await isthmus('backfill', 'speed', 'history', `${o.concurrency * 2}`)
  // One of each in turn, on one release: the machine may have other things to do. The first run warms everything up.
  const alone: number[] = []
  const beside: number[] = []
  await live(dev)
  for (let i = 0; i < o.rounds; i += 1) {
    if (i > 0) await isthmus('backfill', 'pause', 'history')
    alone.push(await live(dev))
    await isthmus('backfill', 'resume', 'history')
    await reach((await status()).windows.done + 4)
    beside.push(await live(dev))
    if (!['working', 'waiting'].includes((await status()).phase)) throw new Error('the backfill was over before the run: give it more records')
  }
  const end = await isthmus('backfill', 'status', 'history', '--follow')
  say(`${end.json.outcome}: ${JSON.stringify(end.json.windows)} ${JSON.stringify(end.json.counts)}`)
  const verdict = compare(expected(source), await found(dev))
  const stats = await source.stats()
  const ratio = middle(beside) / middle(alone)
  const whole = end.json.outcome === 'completed' && verdict.missing === 0 && verdict.doubled === 0 && verdict.foreign === 0 && verdict.checksumEqual
  const result = { ok: whole && ratio <= 1.3, records: o.records, windows: total, ...verdict, alone, beside, ratio: Number(ratio.toFixed(3)), pauseSeconds, activeSeconds: Math.round(end.json.activeMs / 1000), rate: Math.round(end.json.rate), counts: end.json.counts, requests: stats.requests, seconds: Math.round((Date.now() - began) / 1000) }
  process.stdout.write(`${JSON.stringify(result)}\n`)
  return result.ok
}

const removals: (() => Promise<void>)[] = []
const project = await makeProject({ 'syncs/history.ts': HISTORY, 'syncs/live.ts': LIVE })
const source = await startSource(project, { seed: 7, records: o.records, latency: o.latency, pageSize: o.pageSize } as never, ['--auth', 'oauth', '--max-page-size', `${Math.max(1000, o.pageSize)}`])
try {
  process.exitCode = (await main(project, source)) ? 0 : 1
} catch (error) {
  process.stderr.write(`error ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exitCode = 2
} finally {
  await project.close()
  await source.stop()
  for (const remove of removals) await remove()
}
