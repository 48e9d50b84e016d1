import { deployedSettings } from '../model/schedules.ts'
import { tableName } from '../model/table-name.ts'
import type { ActivityDeps } from './deps.ts'
import type { BeginRequest, BeginResult } from './types.ts'

/** Says `off` where scheduled runs are not to start: servers that run for one command, or `isthmus dev --no-schedules`. */
const SWITCH = 'ISTHMUS_SCHEDULES'

/** Makes the run that a schedule starts, with plan and settings as they were deployed. Repeatable. */
export async function beginRun(deps: ActivityDeps, { sync, run, dueAt, plan: given }: BeginRequest): Promise<BeginResult> {
  const { store, schedules } = deps
  const skip = async (reason: string): Promise<BeginResult> => {
    if (given === undefined) await store.noteScheduleSkip(sync, reason)
    return { kind: 'skipped', reason }
  }
  if (process.env[SWITCH] === 'off') return skip('schedules are switched off here')
  const deployed = await store.getSchedule(sync)
  const hash = deployed?.plan ?? given
  if (hash === undefined) return skip('its schedule is no longer deployed')
  const workflowId = `sync/${sync}`
  if (await schedules?.isOpen(workflowId)) return skip(await openReason(deps, sync))
  const plan = await store.getPlan(hash)
  await store.saveSettings(`run/${run}`, await store.getSettings(deployedSettings(sync)))
  await store.startRun({ run, sync, plan: plan.hash, workflowId, dueAt: dueAt === null ? null : new Date(dueAt) })
  return { kind: 'run', plan: plan.hash, searchAttributes: schedules?.searchAttributes ?? false, streams: plan.streams.map((s) => ({ name: s.name, connection: s.connection, table: tableName(s) })) }
}

/** Takes back a run that was not started: another one was faster, or its start was cancelled. */
export async function unbeginRun({ store }: ActivityDeps, { sync, run, reason, plan }: BeginRequest & { reason: string }): Promise<void> {
  await store.deleteRun(run)
  await store.saveSettings(`run/${run}`, {})
  if (plan === undefined) await store.noteScheduleSkip(sync, reason)
}

/** Which run is open, and whether it waits for a person. */
async function openReason({ store }: ActivityDeps, sync: string): Promise<string> {
  const open = (await store.listRuns({ sync, limit: 1 }))[0]
  if (open?.outcome !== 'running') return 'a run of this sync is open'
  const parked = (await store.progress(open.run)).filter((p) => p.phase === 'parked').map((p) => p.stream)
  return parked.length > 0 ? `run ${open.run} is parked (${parked.join(', ')}): isthmus status ${sync} tells why` : `run ${open.run} is under way`
}
