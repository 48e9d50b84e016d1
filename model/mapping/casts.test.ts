import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exactNumber, ExactNumber } from '../json/index.ts'
import { bool, CastError, date, decimal, each, float, int64, integer, json, localTimestamp, money, oneOf, text, time, timestamp } from './index.ts'

const refuses = (fn: () => unknown, reason: RegExp | string = ''): void => {
  try {
    fn()
  } catch (error) {
    expect(error).toBeInstanceOf(CastError)
    expect((error as Error).message).toMatch(reason)
    expect((error as Error).message.length).toBeLessThan(220)
    return
  }
  throw new Error('was accepted')
}

describe('decimal', () => {
  it.each<[unknown, string]>([
    ['12.50', '12.50'], [' 12.50 ', '12.50'], ['+5', '5'], ['007.10', '7.10'], ['.5', '0.5'], ['5.', '5'], ['-0.00', '0.00'], ['-0', '0'], [-0, '0'], [7, '7'], [10n ** 30n, `1${'0'.repeat(30)}`],
    [exactNumber('1E5'), '100000'], [new ExactNumber('1.5e-3'), '0.0015'], [exactNumber('0.1000000000000000055'), '0.1000000000000000055'], ['1e400', `1${'0'.repeat(400)}`],
    [exactNumber('-12.50'), '-12.50'], ['12e0', '12'], ['1.25e1', '12.5'], ['-.5E+1', '-5'],
  ])('%s is %s', (v, expected) => expect(decimal(v)).toBe(expected))
  it.each<[string, ',' | '.', string]>([
    ['1.234,50', ',', '1234.50'], ['1234,5', ',', '1234.5'], ['-1.234.567', ',', '-1234567'], ['1 234 567,89', ',', '1234567.89'], ['1\u00a0234,5', ',', '1234.5'], ["1'234.50", '.', '1234.50'], ['1,234,567.8', '.', '1234567.8'], ['5', ',', '5'],
  ])('%j with %s is %s', (v, sep, expected) => expect(decimal(v, { decimal: sep })).toBe(expected))
  it.each<[unknown, RegExp]>([
    ['12,50', /decimal: ','/], ['abc', /not a number/], ['1.2.3', /not a number/], [0.1 + 0.2, /binary fraction/], [2 ** 53, /2\^53/], [NaN, /not a number/], [{}, /an object/], [true, /not a number/],
    ['1e999999', /too many digits/], ['0x10', /not a number/], [null, /is missing/], ['', /is empty/], ['-', /not a number/], ['1e', /not a number/], ['∞', /not a number/], ['١٢', /not a number/],
  ])('%s is refused', (v, reason) => refuses(() => decimal(v), reason))
  it('more digits than numeric holds', () => refuses(() => decimal('9'.repeat(200_000)), /too many digits/))
  it('misplaced separators', () => {
    for (const v of ['1.23,50', '1,234,5', '1.2345,0', '12.', '1..000']) refuses(() => decimal(v, { decimal: ',' }))
  })
  it('nullable', () => {
    expect(decimal.nullable(null)).toBeNull()
    expect(decimal.nullable(' ')).toBeNull()
    expect(decimal.nullable('1')).toBe('1')
    refuses(() => decimal.nullable('x'))
  })
  it('never changes a value', () => {
    fc.assert(fc.property(fc.bigInt(), fc.integer({ min: 0, max: 20 }), (n, scale) => {
      const digits = (n < 0n ? -n : n).toString().padStart(scale + 1, '0')
      const plain = `${n < 0n ? '-' : ''}${digits.slice(0, digits.length - scale)}${scale ? `.${digits.slice(-scale)}` : ''}`
      expect(decimal(plain)).toBe(n === 0n ? plain.replace('-', '') : plain)
      expect(decimal(`${n}e-${scale}`)).toBe(n === 0n && scale ? `0.${'0'.repeat(scale)}` : plain)
    }))
  })
})

it('money refuses more decimals than its scale', () => {
  expect(money('12.505')).toBe('12.505')
  expect(money('12.50', { scale: 2 })).toBe('12.50')
  expect(money('12.500', { scale: 2 })).toBe('12.50')
  refuses(() => money('12.505', { scale: 2 }), /more than 2 decimals/)
})

it('integers', () => {
  expect(integer('12')).toBe(12)
  expect(integer(exactNumber('12.00'))).toBe(12)
  expect(integer(exactNumber('1E3'))).toBe(1000)
  expect(integer(9007199254740993n)).toBe(9007199254740993n)
  expect(int64('9223372036854775807')).toBe(9223372036854775807n)
  expect(int64(-5)).toBe(-5n)
  for (const v of ['9223372036854775808', '-9223372036854775809', '12.5', 1.5, 1e20, 'x', true, [], `1${'0'.repeat(5000)}`]) refuses(() => integer(v))
})

it('floats', () => {
  expect(float(1.5)).toBe(1.5)
  expect(float('1,5', { decimal: ',' })).toBe(1.5)
  expect(float(exactNumber('12.50'))).toBe(12.5)
  for (const v of ['1e400', Infinity, NaN, 'x', {}]) refuses(() => float(v))
})

it('booleans', () => {
  for (const v of [true, 'true', 'TRUE', 1, '1', 'y', 'Yes', 'on']) expect(bool(v)).toBe(true)
  for (const v of [false, 'false', 0, '0', 'N', 'off']) expect(bool(v)).toBe(false)
  for (const v of ['maybe', 2, {}, [], exactNumber('1.5')]) refuses(() => bool(v), /truthy and falsy/)
  expect(bool('X', { truthy: ['x'], falsy: ['-'] })).toBe(true)
  refuses(() => bool('true', { truthy: ['x'], falsy: [] }))
})

it('texts', () => {
  expect(text('')).toBe('')
  expect(text(exactNumber('1.10'))).toBe('1.10')
  expect(text(5n)).toBe('5')
  expect(text(true)).toBe('true')
  expect(text.nullable(undefined)).toBeNull()
  for (const v of [null, undefined, {}, [], NaN]) refuses(() => text(v))
})

describe('dates', () => {
  it.each<[unknown, object | undefined, string]>([
    ['2026-09-30', undefined, '2026-09-30'], ['20260930', undefined, '2026-09-30'], [20260930, undefined, '2026-09-30'], ['2024-02-29', undefined, '2024-02-29'],
    ['2026-09-30T00:00:00', undefined, '2026-09-30'], ['2026-09-30T00:00:00.000Z', undefined, '2026-09-30'], ['/Date(1790726400000)/', undefined, '2026-09-30'],
    ['30.09.2026', { format: 'dd.MM.yyyy' }, '2026-09-30'], ['9/3/2026', { format: 'M/d/yyyy' }, '2026-09-03'], ['30-Sep-2026', { format: 'dd-MMM-yyyy' }, '2026-09-30'],
    ['2026-09-29T23:30:00Z', { zone: 'Europe/Berlin' }, '2026-09-30'], [1790726400, { format: 'epoch' }, '2026-09-30'],
  ])('%s %j', (v, options, expected) => expect(date(v, options)).toBe(expected))
  it.each<[unknown, object | undefined, RegExp]>([
    ['0000-00-00', undefined, /not a day/], ['2026-02-30', undefined, /not a day/], ['2023-02-29', undefined, /not a day/], ['2026-13-01', undefined, /not a day/], ['30.09.2026', undefined, /format/],
    ['2026-09-30T12:00:00Z', undefined, /time of day/], ['2026-9-30', undefined, /format/], [1790726400, undefined, /format: 'epoch'/], ['31.02.2026', { format: 'dd.MM.yyyy' }, /not a day/], ['x', { format: 'dd.MM.yyyy' }, /format/], [new Date(NaN), undefined, /invalid Date/],
  ])('%s %j is refused', (v, options, reason) => refuses(() => date(v, options), reason))
})

describe('timestamps', () => {
  it.each<[unknown, object | undefined, string]>([
    ['2026-09-30T12:00:00.759605Z', undefined, '2026-09-30T12:00:00.759605Z'], ['2026-09-30T12:00:00.7596059Z', undefined, '2026-09-30T12:00:00.759605Z'], ['2026-09-30 12:00:00+02', undefined, '2026-09-30T12:00:00+02:00'],
    ['2026-09-30T12:00Z', undefined, '2026-09-30T12:00:00Z'], ['2026-09-30T12:00:00,5+0530', undefined, '2026-09-30T12:00:00.5+05:30'], ['20260930T120000Z', undefined, '2026-09-30T12:00:00Z'], ['2026-09-30T12:00:00-00:00', undefined, '2026-09-30T12:00:00Z'],
    ['2026-09-30T12:00:00', { zone: 'Europe/Berlin' }, '2026-09-30T12:00:00+02:00'], ['2026-01-30', { zone: 'Europe/Berlin' }, '2026-01-30T00:00:00+01:00'], ['2026-09-30T12:00:00', { zone: 'UTC' }, '2026-09-30T12:00:00Z'],
    [1790769600, { format: 'epoch' }, '2026-09-30T12:00:00Z'], [exactNumber('1790769600.759605'), { format: 'epoch' }, '2026-09-30T12:00:00.759605Z'], ['1790769600123', { format: 'epochMs' }, '2026-09-30T12:00:00.123Z'],
    [-1, { format: 'epoch' }, '1969-12-31T23:59:59Z'], [-1, { format: 'epochMs' }, '1969-12-31T23:59:59.999000Z'], [0, { format: 'epoch' }, '1970-01-01T00:00:00Z'], [5, { format: 'epochMs' }, '1970-01-01T00:00:00.005Z'],
    ['/Date(1790769600000)/', undefined, '2026-09-30T12:00:00.000Z'], ['/Date(1790769600000+0060)/', undefined, '2026-09-30T12:00:00.000Z'], ['/Date(-1)/', undefined, '1969-12-31T23:59:59.999000Z'],
    ['30.09.2026 12:00:01.25', { format: 'dd.MM.yyyy HH:mm:ss.SS', zone: 'UTC' }, '2026-09-30T12:00:01.25Z'], ['09/30/2026 12:15 AM', { format: 'MM/dd/yyyy hh:mm a', zone: 'UTC' }, '2026-09-30T00:15:00Z'], ["2026-09-30T12:00+02:00", { format: "yyyy-MM-dd'T'HH:mmXXX" }, '2026-09-30T12:00:00+02:00'],
    [new Date(Date.UTC(2026, 8, 30, 12)), undefined, '2026-09-30T12:00:00.000Z'],
  ])('%s %j', (v, options, expected) => expect(timestamp(v, options)).toBe(expected))
  it.each<[unknown, RegExp]>([
    ['2026-09-30T12:00:00', /zone: 'Europe\/Berlin'/], ['2026-09-30T24:00:00Z', /time of the day/], ['2026-09-30T12:60:00Z', /time of the day/], ['2026-02-30T12:00:00Z', /not a day/], ['0000-00-00T00:00:00Z', /not a day/], ['2026-09-30T12:00:00+99:00', /offset/],
    ['2026-09-30T12:00:0xZ', /ISO/], ['2026-09-30T12:00:00.Z', /ISO/], ['2026-09-30T1a:00:00Z', /ISO/], [1790769600, /format: 'epoch'/], ['yesterday', /format/], [{}, /not a date/], [true, /not a date/],
  ])('%s is refused', (v, reason) => refuses(() => timestamp(v), reason))
  it('impossible counts', () => refuses(() => timestamp('99999999999999999', { format: 'epoch' })))
  it('bad options are an error of the sync, not of the record', () => {
    expect(() => timestamp('x', { zone: 'Mars/Base' })).toThrow(/"Mars\/Base" is not a time zone/)
    expect(() => timestamp('x', { format: 'dd.QQ' })).toThrow(/not a pattern/)
    expect(() => timestamp('x', { format: 'hh:mm' })).toThrow(/belong together/)
  })
  it('changes of the clock', () => {
    const zone = 'Europe/Berlin'
    expect(timestamp('2026-03-29T02:30:00', { zone })).toBe('2026-03-29T02:30:00+01:00') // skipped: means 03:30
    expect(timestamp('2026-03-29T01:59:59', { zone })).toBe('2026-03-29T01:59:59+01:00')
    expect(timestamp('2026-03-29T03:00:00', { zone })).toBe('2026-03-29T03:00:00+02:00')
    expect(timestamp('2026-10-25T02:30:00', { zone })).toBe('2026-10-25T02:30:00+02:00') // twice: the earlier one
    expect(timestamp('2026-10-25T03:00:00', { zone })).toBe('2026-10-25T03:00:00+01:00')
    expect(timestamp('2026-11-01T01:30:00', { zone: 'America/New_York' })).toBe('2026-11-01T01:30:00-04:00')
    expect(timestamp('2026-04-05T01:45:00', { zone: 'Australia/Lord_Howe' })).toBe('2026-04-05T01:45:00+11:00')
    expect(timestamp('1890-01-01T00:00:00', { zone })).toBe('1890-01-01T00:00:00+00:53:28')
  })
  it('agrees with Date for every second', () => {
    fc.assert(fc.property(fc.integer({ min: -62135596800, max: 253402300799 }), (s) => {
      expect(timestamp(s, { format: 'epoch' })).toBe(new Date(s * 1000).toISOString().replace('.000', ''))
    }))
  })
  it('zones agree with Intl', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Apia', 'Australia/Lord_Howe', 'Africa/Casablanca']
    fc.assert(fc.property(fc.constantFrom(...zones), fc.integer({ min: 0, max: 2_000_000_000 }), (zone, s) => {
      const local = localTimestamp(new Date(s * 1000).toISOString(), { zone })
      const p = Object.fromEntries(new Intl.DateTimeFormat('en-CA', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' }).formatToParts(s * 1000).map((x) => [x.type, x.value]))
      expect(local).toBe(`${p['year']}-${p['month']}-${p['day']}T${p['hour']}:${p['minute']}:${p['second']}.000`)
      const back = Date.parse(timestamp(local, { zone }))
      expect([0, 1800_000, 3600_000]).toContain(s * 1000 - back)
    }), { numRuns: 300 })
  })
})

it('local timestamps', () => {
  expect(localTimestamp('2026-09-30T12:00:00.1234567')).toBe('2026-09-30T12:00:00.123456')
  expect(localTimestamp('2026-09-30T12:00:00Z', { zone: 'Europe/Berlin' })).toBe('2026-09-30T14:00:00')
  expect(localTimestamp('/Date(1790769600000)/')).toBe('2026-09-30T12:00:00.000')
  refuses(() => localTimestamp('2026-09-30T12:00:00Z'), /has a zone/)
})

it('times', () => {
  expect(time('12:30')).toBe('12:30:00')
  expect(time('12:30:15.1234567')).toBe('12:30:15.123456')
  expect(time('PT12H30M')).toBe('12:30:00')
  expect(time('0930', { format: 'HHmm' })).toBe('09:30:00')
  for (const v of ['24:00', '12:60', 'PT', 'PT25H', 'x', 5]) refuses(() => time(v))
})

it('oneOf, each, json', () => {
  expect(oneOf('A', { A: 'active' })).toBe('active')
  expect(oneOf(1, { 1: true })).toBe(true)
  expect(oneOf('b', ['a', 'b'])).toBe('b')
  refuses(() => oneOf('toString', { A: 1 }), /not one of A/)
  refuses(() => oneOf(null, ['a']), /missing/)
  expect(each([1, 2], (x: number) => x + 1)).toEqual([2, 3])
  expect(each(null, () => 1)).toEqual([])
  expect(each({ a: 1 }, (x: { a: number }) => x.a)).toEqual([1])
  expect(json({ a: [1n] })).toEqual({ a: [1n] })
  const loop: unknown[] = []
  loop.push(loop)
  refuses(() => json(loop))
})
