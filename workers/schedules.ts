import { createHash } from 'node:crypto'
import { ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy, WorkflowNotFoundError, type Client, type ScheduleDescription, type ScheduleHandle } from '@temporalio/client'
import { IsthmusError } from '../model/errors.ts'
import type { Store } from '../model/ports.ts'
import { redactor } from '../model/redact/index.ts'
import { scheduleText, type Schedule } from '../model/schedule.ts'
import type { DeployedSchedule, ScheduleControl, ScheduleStore } from '../model/schedules.ts'
import type { scheduled } from '../workflows/scheduled.ts'
import { patient } from './patience.ts'
import { TASK_QUEUE } from './queues.ts'

const OVERLAP = { skip: ScheduleOverlapPolicy.SKIP, bufferOne: ScheduleOverlapPolicy.BUFFER_ONE, cancelOther: ScheduleOverlapPolicy.CANCEL_OTHER } as const
/** Memo that marks a schedule as made here. It is encrypted, so it opens with the keys of the database that deployed it and with no others. */
const MARK = 'isthmus'

export function scheduleId(sync: string): string {
  return `isthmus/${sync}`
}

/** What of a schedule the deploy decides; whether it is paused is not its matter. */
function definition(sync: string, schedule: Schedule, searchAttributes: boolean) {
  const { everyMs, offsetMs, cron, timeZone, jitterMs, overlap, catchUpMs } = schedule
  return {
    spec: { ...(everyMs === null ? { cronExpressions: cron, timezone: timeZone } : { intervals: [{ every: everyMs, offset: offsetMs }] }), jitter: jitterMs },
    policies: { overlap: OVERLAP[overlap], catchupWindow: catchUpMs },
    action: {
      type: 'startWorkflow' as const,
      workflowType: 'scheduled',
      workflowId: `scheduled/${sync}`,
      taskQueue: TASK_QUEUE,
      args: [{ sync }] as Parameters<typeof scheduled>,
      staticSummary: `${sync}: ${scheduleText(schedule)}`,
      staticDetails: 'A due time of a schedule: starts a run of the sync as a child workflow and waits for its end. *Current Details* tells which run, or why none was started.',
      ...(searchAttributes && { searchAttributes: { IsthmusSync: [sync] } }),
    },
  }
}

/**
 * Creates or changes a schedule in Temporal, and gives its print. One that is paused stays so. `known`: it was there a moment ago, which saves two calls.
 * Throws AlreadyRunning when another database has made one of that id.
 */
export function putSchedule(client: Client, sync: string, schedule: Schedule, options: { searchAttributes: boolean; known: boolean }): Promise<string> {
  return patient(() => put(client, sync, schedule, options))
}

async function put(client: Client, sync: string, schedule: Schedule, { searchAttributes, known }: { searchAttributes: boolean; known: boolean }): Promise<string> {
  const id = scheduleId(sync)
  const handle = client.schedule.getHandle(id)
  const made = definition(sync, schedule, searchAttributes)
  const change = (): Promise<void> => handle.update<typeof scheduled>(({ state }) => ({ ...made, state }))
  if (!known || !(await unlessGone(change()))) {
    try {
      await client.schedule.create<typeof scheduled>({ scheduleId: id, ...made, memo: { [MARK]: { sync } }, ...(searchAttributes && { searchAttributes: { IsthmusSync: [sync] } }) })
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error
      const there = await handle.describe().catch(() => null)
      if (there?.memo?.[MARK] === undefined) throw foreign(id)
      await change()
    }
  }
  return print(await handle.describe())
}

function foreign(id: string): IsthmusError {
  return new IsthmusError('AlreadyRunning', `Temporal has a schedule "${id}" that was not deployed from this database`, {
    cure: `give the sync another id, or delete it when nothing needs it: temporal schedule delete --schedule-id "${id}"`,
  })
}

/** A schedule as Temporal has it; null when it has none, or one that was not made here. */
export async function describeSchedule(client: Client, sync: string): Promise<ScheduleDescription | null> {
  try {
    const described = await patient(() => client.schedule.getHandle(scheduleId(sync)).describe())
    return described.memo?.[MARK] === undefined ? null : described
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null
    throw error
  }
}

/** Sum over what the deploy decides, as Temporal describes it. */
export function print({ spec, policies, action }: ScheduleDescription): string {
  const { workflowType, workflowId, taskQueue, args } = action
  return createHash('sha256').update(JSON.stringify([spec, policies, workflowType, workflowId, taskQueue, args])).digest('hex').slice(0, 32)
}

/** Deletes a schedule that was made here; an open run goes on. */
export async function deleteSchedule(client: Client, sync: string): Promise<void> {
  if (!(await describeSchedule(client, sync))) return
  await unlessGone(client.schedule.getHandle(scheduleId(sync)).delete())
}

export function scheduleHandle(client: Client, sync: string): ScheduleHandle {
  return client.schedule.getHandle(scheduleId(sync))
}

/** Whether it was there. */
async function unlessGone(done: Promise<unknown>): Promise<boolean> {
  return done.then(() => true, (error: unknown) => {
    if (!(error instanceof ScheduleNotFoundError)) throw error
    return false
  })
}

/** The note with which schedules are paused until a person has signed in. */
function signInNote(connection: string, reason = ''): string {
  return redactor.text(`Isthmus: somebody has to sign in to ${connection} again (isthmus connect); it goes on by itself then.${reason ? ` ${reason}` : ''}`).slice(0, 500)
}

/** What the activities of a worker do with Temporal's schedules. */
export function scheduleControl(client: Client, store: ScheduleStore, searchAttributes: boolean): ScheduleControl {
  return {
    searchAttributes,
    async isOpen(workflowId) {
      try {
        return (await client.workflow.getHandle(workflowId).describe()).status.name === 'RUNNING'
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false
        throw error
      }
    },
    async pauseFor(connection, reason) {
      const paused: string[] = []
      for (const { sync, pausedFor } of await store.listSchedules({ connection })) {
        const described = await describeSchedule(client, sync)
        // Paused by a person, or for this or another connection: that stays as it is.
        if (!described || described.state.paused || pausedFor !== null) continue
        await store.setSchedulePausedFor(sync, connection)
        await unlessGone(scheduleHandle(client, sync).pause(signInNote(connection, reason)))
        paused.push(sync)
      }
      return paused
    },
  }
}

/** Lets the schedules go on that were paused until a person has signed in to a connection, and have not been touched by a person since. Gives the syncs. */
export async function resumeFor(client: Client, store: ScheduleStore, connection: string): Promise<string[]> {
  const resumed: string[] = []
  for (const deployed of await store.listSchedules({ connection })) {
    if (deployed.pausedFor !== connection) continue
    if (await resumeOwn(client, store, deployed)) resumed.push(deployed.sync)
  }
  return resumed
}

async function resumeOwn(client: Client, store: Pick<Store, 'setSchedulePausedFor'>, { sync, pausedFor }: DeployedSchedule): Promise<boolean> {
  const state = (await describeSchedule(client, sync))?.state
  const own = state?.paused === true && state.note?.startsWith(signInNote(pausedFor!)) === true
  if (own) await unlessGone(scheduleHandle(client, sync).unpause(`Isthmus: somebody has signed in to ${pausedFor} again`))
  await store.setSchedulePausedFor(sync, null)
  return own
}
