import { z } from 'zod'
import { formatDuration } from './duration.ts'

/** When runs of a sync start by themselves. Compiled: every option has its value, durations are milliseconds. */
export const scheduleSchema = z.strictObject({
  /** Interval, counted from 1970 in UTC (plus `offsetMs`), whole seconds; null when `cron` tells the times. */
  everyMs: z.int().nullable(),
  offsetMs: z.int(),
  /** Expressions of five fields; a time of any of them counts. [] with an interval. */
  cron: z.array(z.string()),
  /** IANA name; `UTC` with an interval. */
  timeZone: z.string(),
  /** Each start comes up to so much later, by chance. */
  jitterMs: z.int(),
  /** What happens when a run is due while the scheduled one before is still open. */
  overlap: z.enum(['skip', 'bufferOne', 'cancelOther']),
  /** Starts that were missed (Temporal or all of it was down) are made up for when they are not older than this. */
  catchUpMs: z.int(),
})
export type Schedule = z.output<typeof scheduleSchema>
export type Overlap = Schedule['overlap']

/** `every 15 min`, `cron 0 6 * * 1-5 in Europe/Berlin, up to 30 s later`. */
export function scheduleText({ everyMs, offsetMs, cron, timeZone, jitterMs }: Schedule): string {
  const times = everyMs === null ? `cron ${cron.join(' and ')} in ${timeZone}` : `every ${durationText(everyMs)}${offsetMs > 0 ? `, ${durationText(offsetMs)} past` : ''}`
  return `${times}${jitterMs > 0 ? `, up to ${durationText(jitterMs)} later` : ''}`
}

/** A whole number of its largest unit where there is one: `15 min`, `1 h`, `90 s`. */
export function durationText(ms: number): string {
  for (const [unit, size] of [['d', 86_400_000], ['h', 3_600_000], ['min', 60_000], ['s', 1_000]] as const) if (ms >= size && ms % size === 0) return `${ms / size} ${unit}`
  return formatDuration(ms)
}
