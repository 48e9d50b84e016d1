import { startSimulator } from '../../../simulator/index.ts'
import { syncFile } from './sync-file.ts'
import type { Case, Recording } from './types.ts'
import { until } from './wait.ts'

/** Four windows of 227 records each. */
const RANGE = ['--from', '2024-01-01', '--to', '2024-01-01T00:40:00Z', '--window', '10m', '--yes', '--no-check', '--json']
const stream = "incremental: { field: 'updated_at', send: 'updated_since', until: 'updated_before' },"

/** Paused in the middle, which continues as new, sped up, resumed, and read to its end. */
export const backfill: Case = async ({ name, project, client, save }) => {
  const simulator = await startSimulator({ records: { transactions: 2_000 }, latencyMs: 2_500 })
  try {
    await project.write({ [`syncs/${name}.ts`]: syncFile(name, { stream }) })
    const command = commands(project, simulator.url)
    const { json } = await command(name, ...RANGE, '--detach', '--concurrency', '2')
    await until(async () => (await command('status', json.id)).json?.open.length === 2)
    const window = `${json.workflowId}/transactions/2024-01-01T00:30Z`
    const { runId } = await client.workflow.getHandle(window).describe()
    await command('pause', name, '--note', 'the books are closed')
    await command('speed', name, '3')
    simulator.configure({ latencyMs: 0 })
    await command('resume', name)
    console.log(`${name}: ${(await command('status', name, '--follow')).json?.outcome}`)
    await save(json.workflowId, 'backfill')
    // The one that was asked to hand its place back.
    await save(window, 'window', runId)
    await save(`${json.workflowId}/transactions/2024-01-01`, 'window-last')
  } finally {
    await simulator.close()
  }
}

/** One window cannot go on, is listed, and is begun again by a person. */
export const backfillStopped: Case = async ({ name, project, save }) => {
  const simulator = await startSimulator({ records: { transactions: 2_000 }, faultAt: { 2: 'status:404' } })
  try {
    await project.write({ [`syncs/${name}.ts`]: syncFile(name, { stream }) })
    const command = commands(project, simulator.url)
    const { json } = await command(name, ...RANGE, '--concurrency', '1')
    await command('retry', name)
    console.log(`${name}: ${json?.outcome}, then ${(await command('status', name, '--follow')).json?.outcome}`)
    await save(json.workflowId, 'backfill')
  } finally {
    await simulator.close()
  }
}

function commands(project: Recording['project'], url: string) {
  return (...args: string[]) => project.isthmus(['backfill', ...args, ...(args.includes('--json') ? [] : ['--json'])], { SIM_URL: url })
}
