import { describe, expect, it } from 'vitest'
import type { IsthmusError } from '../model/errors.ts'
import { planSchema } from '../model/plan.ts'
import { compileSchedule } from './compile-schedule.ts'

const compile = (schedule: unknown) => compileSchedule(null, schedule, 'syncs/a.ts')
function refusal(make: () => unknown): { file: string | undefined; field: string | undefined; text: string } {
  try {
    make()
  } catch (error) {
    const { file, field, message, cure } = error as IsthmusError
    return { file, field, text: `${message} / ${cure}` }
  }
  throw new Error('was taken')
}

describe('a schedule', () => {
  it('is compiled with every option', () => {
    const defaults = { everyMs: null, offsetMs: 0, cron: [], timeZone: 'UTC', jitterMs: 0, overlap: 'skip' }
    expect(compileSchedule('15m', null, 'f')).toEqual({ ...defaults, everyMs: 900_000, catchUpMs: 900_000 })
    expect(compileSchedule('1d', null, 'f')).toMatchObject({ catchUpMs: 3_600_000 })
    expect(compileSchedule('2s', null, 'f')).toMatchObject({ everyMs: 2_000, catchUpMs: 10_000 })
    expect(compile({ cron: ' 0 6  * * MON-FRI ', timeZone: 'Europe/Berlin', jitter: '30s', overlap: 'cancelOther', catchUp: '2h' })).toEqual({
      ...defaults, cron: ['0 6 * * MON-FRI'], timeZone: 'Europe/Berlin', jitterMs: 30_000, overlap: 'cancelOther', catchUpMs: 7_200_000,
    })
    expect(compile({ every: '1h', offset: '20m' })).toMatchObject({ everyMs: 3_600_000, offsetMs: 1_200_000 })
    expect(compileSchedule(null, null, 'f')).toBeNull()
  })

  it('takes either of two restricted day fields, as cron does', () => {
    expect(compile({ cron: ['0 6 1 * 1', '@daily'] })!.cron).toEqual(['0 6 1 * *', '0 6 * * 1', '0 0 * * *'])
    expect(compile({ cron: '0 6 */2 * 1' })!.cron).toEqual(['0 6 */2 * 1'])
  })

  it.each([
    [{ cron: '0 25 * * *' }, 'schedule.cron', 'hour: 25'],
    [{ cron: '0 6 * *' }, 'schedule.cron', 'has 4 fields'],
    [{ cron: '0 0 6 * * *' }, 'schedule.cron', 'has 6 fields'],
    [{ cron: ['0 6 * * *', '0 6 L * *'] }, 'schedule.cron[1]', '"L"'],
    [{ cron: '0 6 * * FOO' }, 'schedule.cron', 'five fields'],
    [{ cron: '0 0 31 2 *' }, 'schedule.cron', 'never comes'],
    [{ cron: '0 6 * * *', timeZone: 'Europe/Bärlin' }, 'schedule.timeZone', 'Europe/Berlin'],
    [{ cron: '0 6 * * *', timeZone: 'Europe/berlin' }, 'schedule.timeZone', "'Europe/Berlin'"],
    [{ cron: '0 6 * * *', timeZone: '+02:00' }, 'schedule.timeZone', 'IANA'],
    [{ every: '1h', timeZone: 'Europe/Berlin' }, 'schedule.timeZone', 'every zone'],
    [{ every: '1h', cron: '0 6 * * *' }, 'schedule', 'in two'],
    [{ every: '10m', jitter: '11m' }, 'schedule.jitter', 'at most 600s'],
    [{ every: '1h', jitter: 'some' }, 'schedule.jitter', 'not a duration'],
    [{ every: '100ms' }, 'schedule.every', 'at least 1s'],
    [{ every: '1h', overlap: 'allow' }, 'schedule.overlap', 'bufferOne'],
    [{ every: '1h', catchUp: '1s' }, 'schedule.catchUp', 'at least 10s'],
    [{ every: '1h', zone: 'UTC' }, 'schedule.zone', 'remove the field'],
  ])('%j is refused at its field', (given, field, text) => {
    const found = refusal(() => compile(given))
    expect(found).toMatchObject({ file: 'syncs/a.ts', field })
    expect(found.text).toContain(text)
  })

  it('stands in one place', () => {
    expect(refusal(() => compileSchedule('1h', { every: '1h' }, 'f')).field).toBe('every')
    expect(refusal(() => compileSchedule('sometimes', null, 'f'))).toMatchObject({ field: 'every' })
  })

  it('may be missing in plans of older releases', () => {
    expect(planSchema.shape.schedule.parse(undefined)).toBeNull()
  })
})
