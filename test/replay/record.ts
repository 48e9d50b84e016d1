/**
 * Records the histories of this release for the replay test, from real runs against the simulator:
 *
 *     npm run -s build && npx jiti test/replay/record.ts            # all cases, in place of those of this release
 *     npm run -s build && npx jiti test/replay/record.ts backfill   # these cases only, the others stay
 *
 * Run it once for each release whose workflows differ; the histories of older releases stay as they are for as long as
 * runs of theirs may still be open.
 */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { freePort } from '../../workers/ports.ts'
import { connectClient, temporalBinary } from '../../workers/index.ts'
import { makeProject } from '../support/cli.ts'
import type { EncryptionCodec } from '../../workers/codec/index.ts'
import { HISTORIES, historyText, openHistory, withCodec } from '../support/histories.ts'
import { CASES } from './cases/index.ts'

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

/** Saves the history of a workflow, opened, from its first run on, or from the run `from`: `<path>.json`, then `<path>-2.json`, ... */
async function save(client: Client, codec: EncryptionCodec, workflowId: string, path: string, from?: string): Promise<void> {
  const { raw } = await client.workflow.getHandle(workflowId, from).describe()
  let runId = from ?? raw.workflowExecutionInfo?.firstRunId
  for (let n = 1; runId; n += 1) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    const events = history.events ?? []
    await openHistory(history, codec)
    await writeFile(`${path}${n === 1 ? '' : `-${n}`}.json`, historyText(history))
    console.log(`  ${path.slice(HISTORIES.length)}${n === 1 ? '' : `-${n}`}: ${events.length} events`)
    runId = events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId
  }
}

const chosen = process.argv.slice(2)
const unknown = chosen.filter((name) => !(name in CASES))
if (unknown.length > 0) throw new Error(`no such case: ${unknown.join(', ')}; there are ${Object.keys(CASES).join(', ')}`)
const names = chosen.length > 0 ? chosen : Object.keys(CASES)
const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
const into = join(HISTORIES, version)
if (chosen.length === 0) await rm(into, { recursive: true, force: true })
await mkdir(into, { recursive: true })
for (const file of await readdir(into)) if (names.includes(file.split('.')[0]!)) await rm(join(into, file))
const dir = await mkdtemp(join(tmpdir(), 'isthmus-record-'))
const server = await startServer(dir)
const project = await makeProject()
try {
  const dev = await project.dev({ TEMPORAL_ADDRESS: server.address })
  // The command line finds the server in the project's state, as a person's would.
  const client = await connectClient({ address: server.address, namespace: 'default' })
  await withCodec(project, dev.databaseUrl, async (codec) => {
    for (const name of names) await CASES[name]!({ name, project, dev, client, save: (workflowId, kind, from) => save(client, codec, workflowId, join(into, `${name}.${kind}`), from) })
  })
  await client.connection.close()
} finally {
  await project.close()
  server.stop()
  await rm(dir, { recursive: true, force: true })
}
