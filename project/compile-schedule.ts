import { Cron } from 'croner'
import { z } from 'zod'
import { durationMs } from '../model/duration.ts'
import { at, IsthmusError } from '../model/errors.ts'
import { isZone, zoneName } from '../model/mapping/cast/zone.ts'
import type { Schedule } from '../model/schedule.ts'
import { parseOr } from './issues.ts'

/** A schedule as a sync declares it: `every` or `cron`, the rest as needed. */
export interface ScheduleOptions {
  /** Interval, at least a second, counted from midnight UTC where it divides the day: `15m`, `1h`, `1d`. */
  every?: string
  /** Shifts the interval: `{ every: '1h', offset: '20m' }` is twenty past each hour. Default 0. */
  offset?: string
  /** One or several cron expressions of five fields (minute, hour, day of month, month, day of week), or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. */
  cron?: string | string[]
  /** IANA name of the zone that `cron` is meant in, for example `Europe/Berlin`. Default `UTC`. */
  timeZone?: string
  /** Starts each run up to so much later, by chance. Default 0. */
  jitter?: string
  /** What happens when a run is due while the scheduled one before is open: `skip` it (default), start it afterwards (`bufferOne`), or cancel the open one (`cancelOther`). */
  overlap?: Schedule['overlap']
  /** How old a missed start may be that is made up for. Default: the interval, at most an hour; `cron`: an hour. At least `10s`. */
  catchUp?: string
}

const optionsSchema = z.strictObject({
  every: z.string().optional(),
  offset: z.string().optional(),
  cron: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  timeZone: z.string().optional(),
  jitter: z.string().optional(),
  overlap: z.enum(['skip', 'bufferOne', 'cancelOther'], { error: "must be 'skip', 'bufferOne' or 'cancelOther'" }).optional(),
  catchUp: z.string().optional(),
})

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Temporal takes no smaller one. */
const MIN_CATCH_UP = 10_000
const NAMED: Record<string, string> = { '@hourly': '0 * * * *', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@weekly': '0 0 * * 0', '@monthly': '0 0 1 * *', '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *' }

/** Compiles `every` and `schedule` of a sync; null without both. Throws InvalidInput naming file, field and cure. */
export function compileSchedule(every: unknown, given: unknown, file: string): Schedule | null {
  if (every === null && given === null) return null
  if (every !== null && given !== null) throw refuse('every', 'the schedule says when runs start, too', 'write one of them: `every` is short for schedule: { every }')
  const options = given === null ? { every: every as string } : parseOr(optionsSchema, given, { file, field: 'schedule' })
  const field = (name: string): string => (given === null ? name : `schedule.${name}`)
  if (given !== null && (options.every === undefined) === (options.cron === undefined)) throw refuse('schedule', 'says when runs start in no way, or in two', "give it every: '15m', or cron: '0 6 * * 1-5'")
  const ms = (name: 'every' | 'offset' | 'jitter' | 'catchUp', least: number, most: number): number => {
    const text = options[name]
    const value = duration(text, field(name))
    if (value < least) throw refuse(field(name), `"${text}" is too short`, `give at least ${least / 1000}s`)
    if (value > most) throw refuse(field(name), `"${text}" is too long`, `give at most ${most / 1000}s, written as for example 30s, 15m, 1h or 1d`)
    if (value % 1000 !== 0) throw refuse(field(name), `"${text}" is no whole number of seconds`, 'give whole seconds')
    return value
  }
  function duration(text: unknown, name: string): number {
    try {
      return durationMs(String(text))
    } catch (error) {
      throw at(error, { file, field: name })
    }
  }
  function refuse(name: string, message: string, cure: string): IsthmusError {
    return new IsthmusError('InvalidInput', message, { file, field: name, cure })
  }

  const everyMs = options.every === undefined ? null : ms('every', 1_000, 366 * DAY)
  if (everyMs === null && options.offset !== undefined) throw refuse(field('offset'), 'an offset shifts an interval, and there is none', 'leave it out, or write the times in `cron`')
  if (everyMs !== null && options.timeZone !== undefined) throw refuse(field('timeZone'), 'an interval is the same in every zone', "leave it out, or write cron: '0 6 * * *' with the zone")
  const timeZone = options.timeZone ?? 'UTC'
  checkZone(timeZone, (message, cure) => refuse(field('timeZone'), message, cure))
  const cron = [options.cron ?? []].flat().flatMap((text, i) => expressions(text, timeZone, (message) => refuse(field(Array.isArray(options.cron) ? `cron[${i}]` : 'cron'), message, "write five fields, for example '0 6 * * 1-5': minute, hour, day of month, month, day of week")))
  return {
    everyMs,
    offsetMs: options.offset === undefined ? 0 : ms('offset', 0, everyMs! - 1_000),
    cron,
    timeZone,
    jitterMs: options.jitter === undefined ? 0 : ms('jitter', 0, Math.min(everyMs ?? DAY, DAY)),
    overlap: options.overlap ?? 'skip',
    catchUpMs: options.catchUp === undefined ? Math.max(MIN_CATCH_UP, Math.min(everyMs ?? HOUR, HOUR)) : ms('catchUp', MIN_CATCH_UP, 366 * DAY),
  }
}

/** Temporal knows zones by their exact names; Node.js takes other cases and offsets, too. */
function checkZone(zone: string, refuse: (message: string, cure: string) => IsthmusError): void {
  if (!isZone(zone) || !/^[A-Z][A-Za-z]/.test(zone)) throw refuse(`"${zone}" is no time zone`, "write it as in the IANA list, for example 'Europe/Berlin', 'America/New_York' or 'UTC'")
  const known = zoneName(zone)
  if (known !== zone && known.toLowerCase() === zone.toLowerCase()) throw refuse(`"${zone}" is no time zone`, `write it as '${known}'`)
}

/**
 * One cron expression in Temporal's form. As in cron, of two restricted day fields either suffices; Temporal would ask for both, so they become two expressions.
 */
function expressions(given: string, timeZone: string, refuse: (message: string) => IsthmusError): string[] {
  const text = NAMED[given.trim().toLowerCase()] ?? given.trim().replace(/\s+/g, ' ')
  const fields = text.split(' ')
  if (fields.length !== 5) throw refuse(`"${given}" has ${fields.length} field${fields.length === 1 ? '' : 's'} instead of five`)
  const strange = /[^\w*,/ -]|[LW](?![A-Z])|_/i.exec(text.replace(/\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)\b/gi, '1'))
  if (strange) throw refuse(`"${given}" holds "${strange[0]}", which is not known here`)
  let next: Date | null
  try {
    next = new Cron(text, { mode: '5-part', timezone: timeZone, paused: true }).nextRun()
  } catch (error) {
    throw refuse(`"${given}" is no cron expression (${(error as Error).message.replace(/^CronPattern: /, '').replace(/\.$/, '')})`)
  }
  if (next === null) throw refuse(`"${given}" names a time that never comes`)
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string]
  if (day.startsWith('*') || weekday.startsWith('*')) return [text]
  return [`${minute} ${hour} ${day} ${month} *`, `${minute} ${hour} * ${month} ${weekday}`]
}
