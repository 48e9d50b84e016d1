import { IsthmusError } from '../model/errors.ts'
import type { Plan } from '../model/plan.ts'
import type { StreamRemap } from '../model/remap.ts'
import { tableName, tableOf } from '../model/table-name.ts'
import { loadSync, type Environment } from '../project/index.ts'
import type { RemapInput } from '../workflows/remap.ts'
import { newRunId, syncWorkflowId } from './ids.ts'
import type { Opened } from './isthmus.ts'
import { destinationEnvironment, runRepair } from './repair.ts'

export interface RemapOptions {
  /** Only this stream of the sync. */
  stream?: string
  /** Only the pages of the newest runs. Default: all that are staged. */
  runs?: number
  /** Change the rows. Default: only tell the difference. */
  apply?: boolean
  signal?: AbortSignal
}

/** Applies the mapping of a sync, as it is now, to the pages that are still staged. Throws IsthmusError; then nothing was changed in the stream it names. */
export async function remapSync(projectDir: string, environment: () => Environment, connect: () => Promise<Opened>, id: string, options: RemapOptions): Promise<StreamRemap[]> {
  const { plan } = await loadSync(projectDir, id)
  const streams = plan.streams.filter((s) => options.stream === undefined || s.name === options.stream)
  if (streams.length === 0) {
    throw new IsthmusError('NotFound', `the sync has no stream "${options.stream}"`, { file: plan.file, field: 'stream', cure: `use one of ${plan.streams.map((s) => s.name).join(', ')}` })
  }
  refuseAppend(plan, streams)
  const apply = options.apply === true
  const values = destinationEnvironment({ ...plan, streams }, environment())
  // What an API holds cannot be compared.
  for (const s of streams) tableOf(s)
  const { store, client, searchAttributes } = await connect()
  if (apply && (await client.workflow.getHandle(syncWorkflowId(plan.id)).describe().then((d) => d.status.name, () => null)) === 'RUNNING') {
    throw new IsthmusError('AlreadyRunning', `a run of "${plan.id}" is under way`, { file: plan.file, cure: `wait for it (isthmus status ${plan.id}), then remap` })
  }
  const remap = `remap-${newRunId()}`
  await store.savePlan(plan)
  await store.saveSettings(`run/${remap}`, values)
  const input: RemapInput = {
    id: remap, sync: plan.id, plan: plan.hash, runs: options.runs ?? 0, apply, carried: null,
    streams: streams.map((s) => ({ name: s.name, table: tableName(s) })),
  }
  try {
    await runRepair(client, { type: 'remap', workflowId: `remap/${plan.id}`, sync: plan.id, input, summary: `new mapping of ${plan.id}${apply ? '' : ' (difference only)'}`, searchAttributes }, options.signal)
    return await store.remapResults(remap)
  } finally {
    await store.saveSettings(`run/${remap}`, {})
  }
}

function refuseAppend(plan: Plan, streams: Plan['streams']): void {
  const append = streams.find((s) => s.mode === 'append')
  if (!append) return
  throw new IsthmusError('InvalidInput', `rows of ${append.name} were appended and have no key, so they cannot be found again to be changed`, {
    file: plan.file, field: 'mode', cure: "use mode 'upsert' with a key, or empty the table and run the sync again",
  })
}
