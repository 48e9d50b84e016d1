import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { IsthmusError } from '../errors.ts'
import { parseExact } from '../json/index.ts'
import type { MapFunction, Mapper } from '../ports.ts'
import { columnsOf, compileMapper, decimal, fields, t } from './index.ts'

/** PostgreSQL's COPY text format as its manual describes it, written apart from the encoder. */
function decode(copy: string): (string | null)[][] {
  expect(copy === '' || copy.endsWith('\n')).toBe(true)
  return copy.split('\n').slice(0, -1).map((line) => line.split('\t').map((cell) => {
    if (cell === '\\N') return null
    const letters: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }
    let out = ''
    for (let i = 0; i < cell.length; i++) {
      if (cell[i] === '\\') out += letters[cell[++i]!] ?? cell[i]
      else out += cell[i]
    }
    return out
  }))
}

type Result = (string | null)[] | { reason: string; field: string } | 'filtered'
function apply(mapper: Mapper & { parse: object }, json: string): Result {
  const out = { text: '' }
  const result = mapper.map(parseExact(Buffer.from(json), mapper.parse), out)
  if (result === null) return decode(out.text)[0]!
  expect(out.text).toBe('')
  if (result !== 'filtered') expect(result.reason.length).toBeLessThan(260)
  return result
}
/** Both ways of mapping one field `a` from `v`. */
function both(schema: z.ZodType, json: string, rule: object = {}): [Result, Result] {
  const model = z.object({ a: schema })
  const columns = columnsOf(model)
  const data = compileMapper({ columns, model, mapping: fields({ a: { path: 'v', ...rule } }) })
  const code = compileMapper({ columns, model, mapping: { kind: 'code', hash: '' }, fn: (r: { v: unknown }) => ({ a: r.v }) })
  return [apply(data, `{"v":${json}}`), apply(code, `{"v":${json}}`)]
}
const fieldsOnly = (schema: z.ZodType, json: string, rule: object): Result => {
  const model = z.object({ a: schema })
  return apply(compileMapper({ columns: columnsOf(model), model, mapping: fields({ a: { path: 'v', ...rule } }) }), json)
}
const row = (schema: z.ZodType, json: string, expected: string | null): void => expect(both(schema, json)).toEqual([[expected], [expected]])
const rejects = (schema: z.ZodType, json: string, reason: RegExp): void => {
  for (const result of both(schema, json)) expect(result).toMatchObject({ field: 'a', reason: expect.stringMatching(reason) as string })
}
const invalid = (fn: () => unknown): IsthmusError => {
  try {
    fn()
  } catch (error) {
    expect((error as IsthmusError).type).toBe('InvalidInput')
    expect((error as IsthmusError).field).toBeTruthy()
    expect((error as IsthmusError).cure).toBeTruthy()
    return error as IsthmusError
  }
  throw new Error('was accepted')
}

describe('every column type', () => {
  it.each<[string, z.ZodType, string, string | null]>([
    ['text', z.string(), '"a\\tb\\n\\\\N\\r\\b\\f\\u000b\\u0001é😀"', 'a\tb\n\\N\r\b\f\v\u0001é😀'], ['text of a number', z.string(), '1.10', '1.10'], ['empty text', z.string(), '""', ''], ['text like null', z.string(), '"\\\\N"', '\\N'], ['text of bigint', z.string(), '9007199254740993', '9007199254740993'],
    ['marked text', z.string(), '"\\u007f12.5"', '\u007f12.5'], ['enum', z.enum(['a\tb', 'c']), '"a\\tb"', 'a\tb'], ['enum with empty', z.enum(['', 'c']), '""', ''], ['integer', z.int(), '5', '5'], ['integer text', z.int(), '"5"', '5'], ['id', z.int(), '9007199254740993', '9007199254740993'],
    ['int64', t.int64(), '-9223372036854775808', '-9223372036854775808'], ['bigint', z.bigint(), '123456789012345678901234567890', '123456789012345678901234567890'], ['float', z.number(), '12.50', '12.5'], ['float -0', z.number(), '-0', '0'],
    ['decimal', t.decimal(), '12.50', '12.50'], ['decimal exact', t.decimal(), '0.1000000000000000055', '0.1000000000000000055'], ['decimal zero', t.decimal({ scale: 2 }), '0.00', expect.stringMatching(/^0(\.00)?$/) as unknown as string], ['decimal exponent', t.decimal(), '1E5', '100000'], ['decimal int', t.decimal({ precision: 5, scale: 2 }), '999', '999'], ['decimal cut zeros', t.decimal({ scale: 1 }), '1.500', '1.5'],
    ['boolean', z.boolean(), 'true', 't'], ['boolean text', z.boolean(), '"No"', 'f'], ['date', z.iso.date(), '"2026-09-30"', '2026-09-30'], ['t.date', t.date(), '"20260930"', '2026-09-30'], ['timestamp', t.timestamp(), '"2026-09-30T12:00:00.759605Z"', '2026-09-30T12:00:00.759605Z'],
    ['z.date', z.date(), '"2026-09-30T12:00:00.759605Z"', '2026-09-30T12:00:00.759605Z'], ['local', t.localTimestamp(), '"2026-09-30 12:00"', '2026-09-30T12:00:00'], ['time', z.iso.time(), '"12:00"', '12:00:00'], ['uuid', z.uuid(), '"{0F8FAD5B-D9CB-469F-A165-70867728950E}"', '0f8fad5b-d9cb-469f-a165-70867728950e'],
    ['json', t.json(), '{"a":[1.50,12345678901234567890,"\\\\\\n\\""],"b":"\\u007f"}', '{"a":[1.50,12345678901234567890,"\\\\\\n\\""],"b":"\u007f"}'], ['json text', z.any(), '"x"', '"x"'], ['json number', z.any(), '12.50', '12.50'], ['json null', z.any(), 'null', null],
    ['array', z.array(z.number()), '[1.50,2]', '[1.50,2]'], ['object', z.object({ n: z.number(), s: z.string().default('d') }), '{"n":1.50,"x":1}', '{"n":1.50,"s":"d"}'], ['nullable', z.string().nullable(), 'null', null], ['blank number', z.int().nullable(), '" "', null], ['blank default', z.int().default(7), '""', '7'], ['default for null', z.int().default(7), 'null', '7'], ['nullable default', z.int().nullable().default(7), 'null', null],
    ['catch', z.int().catch(9), '"x"', '9'], ['catch not needed', z.int().catch(9), '"5"', '5'], ['trim', z.string().trim().toUpperCase(), '" a "', 'A'], ['transform', z.string().transform((s) => ({ n: s.length })), '"abc"', '{"n":3}'], ['pipe', z.string().transform((s) => s.length).pipe(z.int()), '"abc"', '3'], ['stringbool', z.stringbool(), '"yes"', 't'],
    ['codec', z.codec(z.iso.datetime(), z.date(), { decode: (s) => new Date(s), encode: (d) => d.toISOString() }), '"2026-09-30T12:00:00+02:00"', '2026-09-30T10:00:00.000Z'], ['checked', z.int().min(3), '3', '3'], ['checked decimal', t.decimal().refine((d) => d.length > 3), '12.50', '12.50'],
    ['checked datetime', z.iso.datetime().refine(() => true), '"2026-09-30T12:00:00+02:00"', '2026-09-30T10:00:00Z'], ['checked bigint', z.bigint().min(1n), '5', '5'], ['checked bool', z.literal(true), '"yes"', 't'], ['email', z.email(), '"a@b.co"', 'a@b.co'], ['checked null', z.int().min(3).nullable(), 'null', null], ['optional null', z.int().min(3).optional(), 'null', null],
  ])('%s', (_, schema, json, expected) => row(schema, json, expected))
})

describe('poison', () => {
  it.each<[string, z.ZodType, string, RegExp]>([
    ['NUL', z.string(), '"a\\u0000b"', /NUL/], ['lone surrogate', z.string(), '"a\\ud800b"', /surrogate/], ['NUL in json', t.json(), '{"a":"\\u0000"}', /NUL/], ['NUL after backslash', t.json(), '"\\\\\\u0000"', /NUL/], ['NUL in a key', t.json(), '{"\\u0000":1}', /NUL/], ['surrogate in json', t.json(), '["\\udc00"]', /surrogate/],
    ['huge number in json', t.json(), '[1e99999]', /too many digits/], ['long number in json', t.json(), `[${'9'.repeat(20_000)}]`, /too many digits/], ['float 1e400', z.number(), '1e400', /float/], ['2^63', t.int64(), '9223372036854775808', /64 bits/], ['0000-00-00', t.date(), '"0000-00-00"', /not a day/], ['object for text', z.string(), '{"a":1}', /an object/],
    ['list for decimal', t.decimal(), '[1]', /list of 1/], ['text for int', z.int(), '"x"', /not a number/], ['enum', z.enum(['a', 'b']), '"c"', /"c" is not one of a, b/], ['scale', t.decimal({ scale: 2 }), '1.005', /more than 2 decimals/], ['precision', t.decimal({ precision: 4, scale: 2 }), '100', /more than 2 digits before/], ['huge exponent', t.decimal(), '1e200000', /too many digits/],
    ['missing', z.string(), 'null', /a.*(is empty|missing)/], ['blank', z.int(), '""', /is empty/], ['no zone', t.timestamp(), '"2026-09-30T12:00:00"', /zone: 'Europe/], ['check', z.int().min(3), '2', />=3/], ['uuid', z.uuid(), '"x"', /UUID/], ['array', z.array(z.string()), '[1]', /expected string/], ['nested', z.object({ n: z.int() }), '{"n":1.5}', /expected int/],
  ])('%s', (_, schema, json, reason) => rejects(schema, json, reason))

  it('a missing path names field and path', () => {
    const mapper = compileMapper({ columns: columnsOf(z.object({ a: z.string() })), mapping: fields({ a: 'b.c' }) })
    expect(apply(mapper, '{"b":{}}')).toEqual({ field: 'a', reason: 'a (path b.c): is missing' })
  })
  it('a field of 5 MB passes, and reasons stay short', () => {
    const big = 'x'.repeat(5_000_000)
    row(z.string(), JSON.stringify(`${big}\n`), `${big}\n`)
    for (const schema of [z.int(), t.date(), z.enum(['a']), z.uuid(), t.decimal(), z.string().max(5), z.boolean()]) {
      for (const result of both(schema, JSON.stringify(big))) {
        expect((result as { reason: string }).reason.split('x').length).toBeLessThan(81)
      }
    }
  })
  it('a jsonb text that only looks like an escape passes', () => row(t.json(), '"\\\\u0000 \\\\\\\\ud800 e12345"', '"\\\\u0000 \\\\\\\\ud800 e12345"'))
})

describe('rules of a data mapping', () => {
  it.each<[z.ZodType, string, object, string | null]>([
    [t.decimal({ scale: 2 }), '"1.234,50"', { decimal: ',' }, '1234.50'], [z.string(), '" a "', { trim: true }, 'a'], [z.int().nullable(), '"n/a"', { nulls: ['n/a'] }, null], [z.int(), '"n/a"', { nulls: ['n/a'], default: 3 }, '3'], [z.string(), 'null', { default: 'x\ty' }, 'x\ty'],
    [z.enum(['active', 'off']), '"A"', { table: { A: 'active', '*': 'off' } }, 'active'], [z.enum(['active', 'off']), '"Z"', { table: { A: 'active', '*': 'off' } }, 'off'], [z.boolean(), '"X"', { truthy: ['X'], falsy: ['-'] }, 't'], [z.boolean(), '"ja"', { table: { ja: true, nein: false } }, 't'],
    [t.timestamp(), '"30.09.2026 12:00"', { format: 'dd.MM.yyyy HH:mm', zone: 'Europe/Berlin' }, '2026-09-30T12:00:00+02:00'], [t.timestamp(), '1790769600', { format: 'epoch' }, '2026-09-30T12:00:00Z'], [t.timestamp(), '1790769600.759605', { format: 'epoch' }, '2026-09-30T12:00:00.759605Z'],
    [z.string(), '"\\u007f "', { trim: true }, '\u007f'], [t.decimal(), '12.50', { trim: true }, '12.50'], [t.decimal(), '12.50', { table: { '12.50': '1.00' } }, '1.00'], [t.decimal(), '12.50', { nulls: [''] }, '12.50'],
  ])('%# %s', (schema, json, rule, expected) => expect(fieldsOnly(schema, `{"v":${json}}`, rule)).toEqual([expected]))
  it('a value outside the table', () => {
    expect(fieldsOnly(z.string(), '{"v":"B"}', { table: { A: 'a' } })).toMatchObject({ reason: 'a (path v): "B" has no entry in the table' })
  })
  it('constants, lists and the record itself', () => {
    const model = z.object({ c: z.string(), d: t.decimal(), n: z.int().nullable(), l: z.array(z.string()), all: t.json(), opt: z.string().optional(), def: z.string().default('x') })
    const mapper = compileMapper({ columns: columnsOf(model), model, mapping: fields({ c: { value: 'k' }, d: { value: 12.5 }, n: { value: null }, l: 'i.*.s', all: '' }) })
    expect(apply(mapper, '{"i":[{"s":"1"},{"s":"\\u007f"}]}')).toEqual(['k', '12.5', null, '["1","\u007f"]', '{"i":[{"s":"1"},{"s":"\u007f"}]}', null, 'x'])
  })
  it('what cannot work is refused when compiled', () => {
    const model = z.object({ a: t.decimal(), b: z.string().optional() })
    const columns = columnsOf(model)
    const compile = (spec: Record<string, unknown>): unknown => compileMapper({ columns, model, mapping: fields(spec) })
    expect(invalid(() => compile({})).message).toMatch(/a: has no rule/)
    expect(invalid(() => compile({ a: 'x', c: 'y' })).message).toMatch(/no field c/)
    expect(invalid(() => compile({ a: { value: 'x' } })).message).toMatch(/value does not fit/)
    expect(invalid(() => compile({ a: { value: null } })).message).toMatch(/is null/)
    expect(invalid(() => compile({ a: { path: 'x', default: 'y' } })).field).toBe('map.a')
    expect(invalid(() => compile({ a: { path: 'x', zone: 'UTC' } })).message).toMatch(/zone has no meaning/)
    expect(invalid(() => compile({ a: { decimal: ',' } })).message).toMatch(/neither path nor value/)
    expect(invalid(() => compile({ a: { path: 'x', decimals: ',' } })).field).toMatch(/^map\.a/)
    expect(invalid(() => compile({ a: 5 })).field).toMatch(/^map\.a/)
    expect(invalid(() => compileMapper({ columns: columnsOf(z.object({ a: t.timestamp() })), mapping: fields({ a: { path: 'x', zone: 'Mars' } }) }).map).message).toMatch(/Mars/)
    expect(invalid(() => compileMapper({ columns: columnsOf(z.object({ a: z.email() })), mapping: fields({ a: 'x' }) })).message).toMatch(/model is not known/)
  })
})

describe('map functions', () => {
  const model = z.object({ id: z.string(), total: t.decimal({ scale: 2 }), note: z.string().nullable() })
  const columns = columnsOf(model)
  const code = (fn: MapFunction): Mapper & { parse: object } => compileMapper({ columns, model, mapping: { kind: 'code', hash: '' }, fn })
  it('maps, leaves out', () => {
    const mapper = code((r) => (r.skip ? null : { id: r.id, total: decimal(r.t), note: r.note ?? null }))
    expect(apply(mapper, '{"id":"a","t":12.50}')).toEqual(['a', '12.50', null])
    expect(apply(mapper, '{"skip":true}')).toBe('filtered')
  })
  it('names where a cast failed', () => {
    const mapper = code((r) => ({ id: r.id, total: decimal(r.sum.net), note: null }))
    expect(apply(mapper, '{"id":"a","sum":{"net":"x"}}')).toEqual({ field: '', reason: 'sum.net: "x" is not a number' })
    expect(apply(mapper, '{"id":"a","sum":{}}')).toEqual({ field: '', reason: 'sum.net: is missing' })
    expect(apply(mapper, '{"id":"a"}')).toMatchObject({ reason: expect.stringMatching(/^sum: Cannot read/) as string })
  })
  it('refuses floats, typos, and what is no object', () => {
    expect(apply(code(() => ({ id: 'a', total: 0.1 + 0.2, note: null })), '{}')).toMatchObject({ field: 'total', reason: expect.stringMatching(/binary fraction/) as string })
    expect(apply(code(() => ({ id: 'a', total: '1', note: null, nots: 1 })), '{}')).toMatchObject({ reason: expect.stringMatching(/"nots"/) as string })
    expect(apply(code(() => ({ id: 'a', note: null, totl: 1 })), '{}')).toMatchObject({ field: 'total' })
    expect(apply(code(() => undefined), '{}')).toMatchObject({ reason: expect.stringMatching(/returned nothing/) as string })
    expect(apply(code(() => [] as never), '{}')).toMatchObject({ reason: expect.stringMatching(/a list/) as string })
    expect(apply(code((r) => { throw new Error(`secret ${r.x}`) }), `{"x":"${'s'.repeat(500)}"}`)).toMatchObject({ reason: expect.stringMatching(/^.{1,85}$/) as string })
    expect(invalid(() => code((async () => ({})) as never).map({}, { text: '' })).message).toMatch(/async/)
    expect(invalid(() => compileMapper({ columns, mapping: { kind: 'code', hash: '' } })).field).toBe('map')
  })
})

describe('conditions over the whole model', () => {
  const model = z.object({ from: t.date(), to: t.date().nullable(), sum: t.decimal(), kind: z.enum(['a', 'b']), n: z.int().default(4) }).refine((m) => m.to === null || m.from <= m.to, { error: 'from is after to', path: ['to'] })
  const columns = columnsOf(model)
  const data = compileMapper({ columns, model, mapping: fields({ from: 'f', to: 't', sum: 's', kind: { path: 'k', table: { A: 'a' }, default: 'b' } }) })
  const code = compileMapper({ columns, model, mapping: { kind: 'code', hash: '' }, fn: (r: Record<string, unknown>) => ({ from: r['f'], to: r['t'] ?? null, sum: r['s'], kind: 'b' }) })
  it('are checked', () => {
    expect(apply(data, '{"f":"2026-01-01","t":"20260102","s":1.50,"k":"A"}')).toEqual(['2026-01-01', '2026-01-02', '1.50', 'a', '4'])
    expect(apply(data, '{"f":"2026-01-01","s":1.50}')).toEqual(['2026-01-01', null, '1.50', 'b', '4'])
    expect(apply(code, '{"f":"2026-01-01","s":1.50}')).toEqual(['2026-01-01', null, '1.50', 'b', '4'])
    for (const m of [data, code]) expect(apply(m, '{"f":"2026-01-03","t":"2026-01-02","s":1}')).toEqual({ field: 'to', reason: expect.stringMatching(/from is after to/) as string })
    for (const m of [data, code]) expect(apply(m, '{"f":"2026-01-03","t":null,"s":"x"}')).toMatchObject({ field: 'sum' })
    for (const m of [data, code]) expect(apply(m, '{"t":null,"s":1}')).toMatchObject({ field: 'from', reason: expect.stringMatching(/missing/) as string })
    expect(apply(data, '{"f":"2026-01-03","s":1,"k":"Z"}')).toMatchObject({ field: 'kind' })
  })
})

it('asynchronous checks are an error of the sync', () => {
  const model = z.object({ a: z.string().refine(async () => true) })
  const mapper = compileMapper({ columns: columnsOf(model), model, mapping: fields({ a: 'a' }) })
  expect(invalid(() => mapper.map({ a: 'x' }, { text: '' })).message).toMatch(/asynchronous/)
})

it('every text comes back from COPY, or is refused for NUL or half a pair', () => {
  const string = fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.constantFrom('\\', 'N', '\t', '\n', '\r', '\b', '\f', '\v', '.', 'x', '\u007f', 'é', '😀', '\ud800', '\u0000')).map((a) => a.join('')), fc.string({ minLength: 60, maxLength: 200 }))
  fc.assert(fc.property(string, (s) => {
    for (const result of both(z.string(), JSON.stringify(s))) {
      if (s.includes('\u0000') || !Buffer.from(s).toString().split('').every((c, i) => c === s[i])) expect(result).toMatchObject({ field: 'a' })
      else expect(result).toEqual([s])
    }
    const [json] = both(t.json(), JSON.stringify({ s }))
    if (Array.isArray(json)) expect(JSON.parse(json[0]!)).toEqual({ s })
  }), { numRuns: 1000 })
})

const NAUGHTY = '../shared/vectors/naughty-strings/blns.json'
it.skipIf(!existsSync(NAUGHTY))('naughty strings come back', () => {
  for (const s of JSON.parse(readFileSync(NAUGHTY, 'utf8')) as string[]) {
    row(z.string(), JSON.stringify(s), s)
    row(t.json(), JSON.stringify([s]), JSON.stringify([s]))
  }
})
