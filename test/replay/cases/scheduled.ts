import { ScheduleOverlapPolicy, type Client } from '@temporalio/client'
import { startSimulator } from '../../../simulator/index.ts'
import { syncFile } from './sync-file.ts'
import type { Case, Recording } from './types.ts'
import { closed, until } from './wait.ts'

/** A due time of a schedule that makes a run. */
export const scheduled: Case = async ({ name, project, client, save }) => {
  const simulator = await startSimulator({ records: { transactions: 300 } })
  try {
    await deploy({ name, project }, simulator.url)
    await save(await trigger(client, name), 'scheduled')
  } finally {
    await simulator.close()
  }
}

/** One that comes while somebody's run is open. */
export const scheduledSkipped: Case = async ({ name, project, client, save }) => {
  const simulator = await startSimulator({ records: { transactions: 300 }, latencyMs: 2_000 })
  try {
    await deploy({ name, project }, simulator.url)
    const run = project.isthmus(['run', name, '--json'], { SIM_URL: simulator.url })
    await until(() => client.workflow.getHandle(`sync/${name}`).describe().catch(() => null))
    await save(await trigger(client, name), 'scheduled')
    await run
  } finally {
    await simulator.close()
  }
}

async function deploy({ name, project }: Pick<Recording, 'name' | 'project'>, url: string): Promise<void> {
  await project.write({ [`syncs/${name}.ts`]: syncFile(name, { more: "every: '7d'," }) })
  const { code, stderr } = await project.isthmus(['deploy', '--yes'], { SIM_URL: url })
  if (code !== 0) throw new Error(stderr)
}

/** Has a schedule be due, as its time does. Gives the id of the workflow when it is over. */
async function trigger(client: Client, name: string): Promise<string> {
  const handle = client.schedule.getHandle(`isthmus/${name}`)
  await handle.trigger(ScheduleOverlapPolicy.ALLOW_ALL)
  // As the server says it: what else it knows of a schedule is encrypted.
  const info = async () => (await client.connection.workflowService.describeSchedule({ namespace: client.options.namespace, scheduleId: handle.scheduleId })).info
  const id = await until(async () => (await info())?.recentActions?.at(-1)?.startWorkflowResult?.workflowId)
  await closed(client, id)
  return id
}
