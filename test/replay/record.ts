/**
 * Records the histories of this release for the replay test, from real runs against the simulator:
 *
 *     npm run -s build && npx jiti test/replay/record.ts
 *
 * Run it once for each release whose workflows differ; the histories of older releases stay as they are for as long as
 * runs of theirs may still be open.
 */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type SimulatorOptions } from '../../simulator/index.ts'
import { freePort } from '../../workers/ports.ts'
import { connectClient, temporalBinary } from '../../workers/index.ts'
import { makeProject, type Project } from '../support/cli.ts'
import type { EncryptionCodec } from '../../workers/codec/index.ts'
import { HISTORIES, historyText, openHistory, withCodec } from '../support/histories.ts'

const SYNC = `import { cursor, defineSync, env, fields, oauth2ClientCredentials, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL'), auth: oauth2ClientCredentials({ tokenUrl: '/oauth/token', clientId: env('SIM_ID'), clientSecret: env('SIM_SECRET') }) })
    .stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 100, sizeParam: 'limit' }) }),
  to: postgres.table('NAME'),
  model: z.object({ id: z.string(), amount: t.decimal(), booked_at: t.timestamp() }),
  map: fields({ id: 'id', amount: 'amount', booked_at: 'booked_at' }),
})
`

interface Case {
  name: string
  simulator: SimulatorOptions
  /** Seconds after the start at which the run is cancelled. */
  cancelAfter?: number
  /** What an operator does when the run is parked. */
  then?: 'skip' | 'run'
}

const CASES: Case[] = [
  { name: 'plain', simulator: {} },
  { name: 'token-and-wait', simulator: { expireTokenAfterRequests: 4, throttleOnce: { atRequest: 7, retryAfterSeconds: 12 } } },
  { name: 'skipped', simulator: { faultAt: { 6: 'status:404' } }, then: 'skip' },
  { name: 'retried', simulator: { faultAt: { 6: 'status:404' } }, then: 'run' },
  { name: 'cancelled', simulator: { latencyMs: 400 }, cancelAfter: 4 },
  { name: 'continued', simulator: { records: { transactions: 2_400 }, expireTokenAfterRequests: 3 } },
]

/** Events after which the server suggests to continue as new: a small number makes it happen in a small run. */
const SUGGEST_AT = 100

async function startServer(dir: string): Promise<{ address: string; stop(): void }> {
  const port = await freePort()
  const child = spawn(await temporalBinary(), [
    'server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'never', '--db-filename', join(dir, 'temporal.db'),
    '--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${SUGGEST_AT}`,
  ], { stdio: 'ignore' })
  const address = `127.0.0.1:${port}`
  for (let attempt = 0; ; attempt += 1) {
    try {
      const client = await connectClient({ address, namespace: 'default' }, { timeoutMs: 1000 })
      await client.connection.close()
      break
    } catch (error) {
      if (attempt > 100) throw error
      await sleep(200)
    }
  }
  return { address, stop: () => void child.kill('SIGTERM') }
}

async function record(project: Project, client: Client, codec: EncryptionCodec, into: string, one: Case): Promise<void> {
  const simulator = await startSimulator({ records: { transactions: 1_200 }, auth: 'oauth', ...one.simulator })
  try {
    await project.write({ [`syncs/${one.name}.ts`]: SYNC.replace('NAME', one.name) })
    const env = { SIM_URL: simulator.url, SIM_ID: C.clientId, SIM_SECRET: C.clientSecret }
    const run = project.isthmus(['run', one.name, '--json'], env)
    if (one.cancelAfter) {
      await sleep(one.cancelAfter * 1000)
      await project.isthmus(['cancel', one.name])
    }
    const { json, stderr } = await run
    console.log(`${one.name}: ${json?.outcome ?? stderr}`)
    if (one.then) {
      await project.isthmus([one.then, one.name], env)
      // A stream that was given up ends a moment later.
      await sleep(3_000)
    }
    for (const [kind, id] of [['sync', `sync/${one.name}`], ['stream', `sync/${one.name}/transactions`]] as const) await save(client, codec, id, join(into, `${one.name}.${kind}`))
  } finally {
    await simulator.close()
  }
}

/** Saves the history of a workflow, opened, from its first run on: `<path>.json`, then `<path>-2.json`, ... */
async function save(client: Client, codec: EncryptionCodec, workflowId: string, path: string): Promise<void> {
  const { raw } = await client.workflow.getHandle(workflowId).describe()
  let runId = raw.workflowExecutionInfo?.firstRunId
  for (let n = 1; runId; n += 1) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    const events = history.events ?? []
    await openHistory(history, codec)
    await writeFile(`${path}${n === 1 ? '' : `-${n}`}.json`, historyText(history))
    console.log(`  ${path.slice(HISTORIES.length)}${n === 1 ? '' : `-${n}`}: ${events.length} events`)
    runId = events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId
  }
}

const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
const into = join(HISTORIES, version)
await rm(into, { recursive: true, force: true })
await mkdir(into, { recursive: true })
const dir = await mkdtemp(join(tmpdir(), 'isthmus-record-'))
const server = await startServer(dir)
const project = await makeProject()
try {
  const dev = await project.dev({ TEMPORAL_ADDRESS: server.address })
  // The command line finds the server in the project's state, as a person's would.
  const client = await connectClient({ address: server.address, namespace: 'default' })
  await withCodec(project, dev.databaseUrl, async (codec) => {
    for (const one of CASES) await record(project, client, codec, into, one)
  })
  await client.connection.close()
} finally {
  await project.close()
  server.stop()
  await rm(dir, { recursive: true, force: true })
}
