import type { ScheduleDescription } from '@temporalio/client'
import type { RunSummary } from '../../model/ports.ts'
import { scheduleText } from '../../model/schedule.ts'
import type { DeployedSchedule } from '../../model/schedules.ts'

/** A deployed schedule and how it stands. Times are moments. */
export interface ScheduleView {
  sync: string
  /** Id in Temporal. */
  scheduleId: string
  /** `every 15 min, up to 30 s later`. */
  schedule: string
  overlap: DeployedSchedule['schedule']['overlap']
  catchUpMs: number
  paused: boolean
  /** Why it is paused, or what was said when it was resumed; '' when nothing was. */
  note: string
  /** The connection somebody has to sign in to before it goes on by itself; null when it is not paused for that. */
  pausedFor: string | null
  /** Somebody has deleted it in Temporal: `isthmus deploy` makes it anew. */
  missing: boolean
  /** Next starts, jitter included; [] while it is paused. */
  next: Date[]
  /** The open run of the sync, whoever started it; `parked`: a stream of it waits for a person. */
  open: { run: string; parked: boolean } | null
  /** Newest runs that it started; `dueAt` is without jitter. */
  last: { run: string; dueAt: Date; startedAt: Date; outcome: RunSummary['outcome'] }[]
  /** Due times for which nothing was started: the scheduled run before was still open; one was open that somebody had started; all of Temporal was down for longer than the catch-up. */
  skipped: { overlap: number; open: number; missed: number; reason: string; at: Date | null }
  /** Hash of the plan its runs follow. */
  plan: string
  deployedAt: Date
}

/** Puts together what the database and Temporal know. */
export function scheduleView(d: DeployedSchedule, there: ScheduleDescription | null, runs: RunSummary[], open: ScheduleView['open']): ScheduleView {
  const paused = there?.state.paused ?? false
  return {
    sync: d.sync, scheduleId: d.scheduleId, schedule: scheduleText(d.schedule), overlap: d.schedule.overlap, catchUpMs: d.schedule.catchUpMs,
    paused, note: there?.state.note ?? '', pausedFor: paused ? d.pausedFor : null, missing: there === null,
    next: paused || !there ? [] : there.info.nextActionTimes.slice(0, 5),
    open,
    last: runs.filter((r) => r.dueAt !== null).map((r) => ({ run: r.run, dueAt: r.dueAt!, startedAt: r.startedAt, outcome: r.run === open?.run && open.parked ? 'parked' : r.outcome })),
    skipped: { overlap: there?.info.numActionsSkippedOverlap ?? 0, open: d.skipped, missed: there?.info.numActionsMissedCatchupWindow ?? 0, reason: d.skipReason, at: d.skippedAt },
    plan: d.plan, deployedAt: d.deployedAt,
  }
}
