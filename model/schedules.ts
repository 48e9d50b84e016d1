import type { Schedule } from './schedule.ts'

/** Schedules that were deployed from this database: these, and no others, are changed or deleted in Temporal. */

/** Where runs that nobody starts by hand find what `env()` stood for when their sync was deployed. */
export function deployedSettings(sync: string): string {
  return `deploy/${sync}`
}

export interface DeployedSchedule {
  sync: string
  /** Id in Temporal. */
  scheduleId: string
  /** Hash of the stored plan that its runs follow. */
  plan: string
  schedule: Schedule
  /** Connections that its streams use. */
  connections: string[]
  /** How Temporal described it after the deploy: another text means that somebody has changed it there. '' while the deploy is not complete. */
  print: string
  /** The connection for which Isthmus has paused it, until a person has signed in; null when it has not. */
  pausedFor: string | null
  /** Due times that came while a run was open in another way than by this schedule, and the last one's reason. */
  skipped: number
  skippedAt: Date | null
  skipReason: string
  deployedAt: Date
}

export interface ScheduleStore {
  /** Stores what is about to be deployed; `print` is then ''. What is known of skips and pauses stays. */
  saveSchedule(schedule: Pick<DeployedSchedule, 'sync' | 'scheduleId' | 'plan' | 'schedule' | 'connections'>): Promise<void>
  /** The deploy is complete. */
  setSchedulePrint(sync: string, print: string): Promise<void>
  getSchedule(sync: string): Promise<DeployedSchedule | null>
  /** By sync. `connection`: only those whose streams use it. */
  listSchedules(filter?: { connection?: string }): Promise<DeployedSchedule[]>
  removeSchedule(sync: string): Promise<void>
  setSchedulePausedFor(sync: string, connection: string | null): Promise<void>
  noteScheduleSkip(sync: string, reason: string): Promise<void>
}

/** What activities may do with Temporal beside their own step. workers/ implements it. */
export interface ScheduleControl {
  /** The namespace knows the search attributes of Isthmus. */
  searchAttributes: boolean
  /** A workflow of that id runs. */
  isOpen(workflowId: string): Promise<boolean>
  /** Pauses the schedules of the syncs that use a connection; those that are paused already stay as they are. Gives the syncs. */
  pauseFor(connection: string, reason: string): Promise<string[]>
}
