import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { column, streamPlan } from '../../test/support/stream-plan.ts'
import { compareMarks, highestMark } from './marks.ts'
import { lowerBound } from './since.ts'

const plan = (overlap: string, more: object = {}) => streamPlan({ table: 't', columns: [column('id')], incremental: { field: 'at', overlap, ...more } })

describe('marks', () => {
  it('are compared as what they are', () => {
    expect(compareMarks('9', '10')).toBeLessThan(0)
    expect(compareMarks('9007199254740993', '9007199254740992.9')).toBeGreaterThan(0)
    expect(compareMarks('-1.5', '-1.25')).toBeLessThan(0)
    expect(compareMarks('2024-01-01T00:00:00.000001Z', '2024-01-01T00:00:00Z')).toBeGreaterThan(0)
    expect(compareMarks('2024-01-01T01:00:00+02:00', '2024-01-01T00:00:00Z')).toBeLessThan(0)
    expect(compareMarks('2024-01-01', '2024-01-01 00:00:00')).toBe(0)
    expect(compareMarks('b', 'a10')).toBeGreaterThan(0)
    expect([highestMark(null, null), highestMark('1', null), highestMark(null, '2')]).toEqual([null, '1', '2'])
  })

  it('of times in order are in order', () => {
    const time = fc.tuple(fc.date({ min: new Date('1950-01-01'), max: new Date('2090-01-01'), noInvalidDate: true }), fc.integer({ min: 0, max: 999 }))
    const text = ([d, micros]: [Date, number]) => d.toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`)
    fc.assert(fc.property(time, time, (a, b) => Math.sign(compareMarks(text(a), text(b))) === Math.sign(a[0].getTime() - b[0].getTime() || a[1] - b[1])))
  })
})

describe('lowerBound', () => {
  it('takes the overlap off times, in the form they came in', () => {
    const cases: [string, string, string][] = [
      ['2024-03-01T00:00:00.123456Z', '1h', '2024-02-29T23:00:00.123456Z'], ['2024-03-01 00:00:00', '1s', '2024-02-29 23:59:59'],
      ['2024-03-01T00:30+05:30', '31m', '2024-02-29T23:59+05:30'], ['2024-03-01', '1h', '2024-02-29'], ['2024-03-01T00:00:00,5+0100', '500ms', '2024-03-01T00:00:00,0+0100'],
      ['2024-03-01T00:00:01Z', '500ms', '2024-03-01T00:00:00Z'], ['1969-12-31T23:59:59.5Z', '1s', '1969-12-31T23:59:58.5Z'], ['abc', '1h', 'abc'], ['1700000000', '1h', '1700000000'],
    ]
    for (const [mark, overlap, since] of cases) expect(lowerBound(plan(overlap), mark), mark).toBe(since)
    expect(lowerBound(plan('1h', { format: 'epoch' }), '1700000000.25')).toBe('1699996400.25')
    expect(lowerBound(plan('1h', { format: 'epochMs' }), '1700000000000')).toBe('1699996400000')
    expect(lowerBound(plan(''), '5')).toBe('5')
  })

  it('starts where it is told, and reads all when it replaces', () => {
    expect(lowerBound(plan('', { start: '2020-01-01' }), null)).toBe('2020-01-01')
    expect(lowerBound(plan(''), null)).toBeNull()
    expect(lowerBound({ ...plan(''), mode: 'replace' }, '5')).toBeNull()
  })
})
