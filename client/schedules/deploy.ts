import { IsthmusError } from '../../model/errors.ts'
import type { Plan } from '../../model/plan.ts'
import type { Store } from '../../model/ports.ts'
import { scheduleText } from '../../model/schedule.ts'
import { deployedSettings, type DeployedSchedule } from '../../model/schedules.ts'
import { requireEnvironment, type Environment, type LoadedSync } from '../../project/index.ts'
import { deleteSchedule, describeSchedule, print, putSchedule, scheduleId } from '../../workers/schedules.ts'
import type { Opened } from '../isthmus.ts'
import { inTurns } from './in-turns.ts'
import { planChanges, settingChanges, shownSchedule, type FieldChange, type ScheduleChange } from './diff.ts'

export interface DeployOptions {
  /** Only tells the difference. Default false. */
  dryRun?: boolean
  /** Seal what `env()` stands for now, for the runs that schedules start. `false` leaves it to the environment of the workers. Default true. */
  settings?: boolean
  /** Hears the difference before anything is changed; false leaves everything as it is. */
  confirm?: (changes: ScheduleChange[]) => Promise<boolean>
}

export interface Deployed {
  /** By sync. */
  changes: ScheduleChange[]
  /** false: nothing was changed, since there was no difference, none was wanted, or it was not confirmed. */
  applied: boolean
}

interface Wanted {
  sync: string
  plan: Plan
  settings: Record<string, string>
}

/** Compares what the syncs declare with what is deployed, and brings the latter in line. `keeps`: whether the schedule of a sync that is not among `syncs` stays. */
export async function deploy(opened: Opened, syncs: LoadedSync[], environment: Environment, options: DeployOptions, keeps: (sync: string) => boolean = () => false): Promise<Deployed> {
  const { store } = opened
  const wanted = syncs.filter(({ plan }) => plan.schedule !== null).map(({ plan }): Wanted => ({ sync: plan.id, plan, settings: options.settings === false ? {} : settingsOf(plan, environment) }))
  const deployed = new Map((await store.listSchedules()).map((d) => [d.sync, d]))
  const compared = await inTurns(wanted, (one) => compare(opened, one, deployed.get(one.sync)))
  const gone = [...deployed.values()].filter((d) => !keeps(d.sync) && !wanted.some((w) => w.sync === d.sync))
  const changes = [...compared.map((c) => c.change), ...gone.map((d): ScheduleChange => ({ sync: d.sync, change: 'removed', schedule: scheduleText(d.schedule), fields: [] }))].sort((a, b) => (a.sync < b.sync ? -1 : 1))
  const some = changes.some((c) => c.change !== 'unchanged')
  if (!some || options.dryRun || (options.confirm && !(await options.confirm(changes)))) return { changes, applied: false }
  const due = wanted.map((one, i) => ({ one, ...compared[i]! })).filter(({ change }) => change.change !== 'unchanged')
  await inTurns(due, ({ one, there }) => put(opened, one, there))
  await inTurns(gone, async ({ sync }) => {
    await deleteSchedule(opened.client, sync)
    await store.saveSettings(deployedSettings(sync), {})
    await store.removeSchedule(sync)
  })
  return { changes, applied: true }
}

function settingsOf(plan: Plan, environment: Environment): Record<string, string> {
  try {
    return requireEnvironment(plan, environment)
  } catch (error) {
    if (!(error instanceof IsthmusError)) throw error
    const { type, message, file, field, cure } = error
    throw new IsthmusError(type, message, { file, field, cure: `${cure}; or leave it to the environment of the workers: isthmus deploy --no-settings` })
  }
}

/** What is to be done about a sync, and whether Temporal has its schedule. */
async function compare({ store, client }: Opened, { sync, plan, settings }: Wanted, deployed: DeployedSchedule | undefined): Promise<{ change: ScheduleChange; there: boolean }> {
  const schedule = shownSchedule(plan)
  if (!deployed) return { change: { sync, change: 'added', schedule, fields: [{ field: 'schedule', from: '', to: schedule }] }, there: false }
  const [before, sealed, there] = await Promise.all([knownPlan(store, deployed.plan), store.getSettings(deployedSettings(sync)), describeSchedule(client, sync)])
  const fields: FieldChange[] = []
  if (deployed.plan !== plan.hash) fields.push(...(before ? planChanges(before, plan) : [{ field: 'plan', from: deployed.plan.slice(0, 12), to: plan.hash.slice(0, 12) }]))
  fields.push(...settingChanges(sealed, settings))
  if (!there) fields.push({ field: 'temporal', from: 'no schedule there', to: schedule })
  // '' after a deploy that did not come to its end.
  else if (print(there) !== deployed.print) fields.push({ field: 'temporal', from: deployed.print ? 'changed in Temporal by somebody' : 'not completely deployed', to: schedule })
  return { change: { sync, change: fields.length > 0 ? 'changed' : 'unchanged', schedule, fields }, there: there !== null }
}

function knownPlan(store: Store, hash: string): Promise<Plan | null> {
  return store.getPlan(hash).catch((error: unknown) => {
    if (error instanceof IsthmusError && error.type === 'NotFound') return null
    throw error
  })
}

/** What the runs need comes first, then the schedule that starts them. */
async function put({ store, client, searchAttributes }: Opened, { sync, plan, settings }: Wanted, known: boolean): Promise<void> {
  const connections = [...new Set(plan.streams.flatMap((s) => [s.connection, ...(s.destination.kind === 'action' ? [s.destination.connection] : [])]))]
  await store.savePlan(plan)
  await store.saveSettings(deployedSettings(sync), settings)
  await store.saveSchedule({ sync, scheduleId: scheduleId(sync), plan: plan.hash, schedule: plan.schedule!, connections })
  await store.setSchedulePrint(sync, await putSchedule(client, sync, plan.schedule!, { searchAttributes, known }))
}
