import { expect, it } from 'vitest'
import { z } from 'zod'
import { parseExact, stringifyExact } from '../json/index.ts'
import type { MapFunction } from '../ports.ts'
import { columnsOf, compileMapper, decimal, each, fields, t } from './index.ts'

type Result = string | { reason: string; field: string }

function run(schema: z.ZodType, json: string, fn?: MapFunction): Result {
  const model = z.object({ a: schema })
  const columns = columnsOf(model)
  const mapper = compileMapper({ columns, model, mapping: fn ? { kind: 'code', hash: '' } : fields({ a: 'v' }), fn })
  const out = { text: '' }
  const verdict = mapper.map(parseExact(Buffer.from(`{"v":${json}}`), mapper.parse), out)
  // None of the values here holds what COPY escapes.
  return verdict === null ? out.text.trimEnd() : (verdict as Result)
}
const whole: MapFunction = (r) => ({ a: r.v })

interface Tree {
  n: unknown
  kids: Tree[]
}
const tree: z.ZodType<Tree> = z.object({ n: t.decimal(), get kids() { return z.array(tree) } }) as never

const line = z.object({ qty: t.decimal(), sku: z.string().nullable() })

/** Both ways of mapping give the digits of the source, as numbers of JSON. */
it.each<[string, z.ZodType, string, string?]>([
  ['decimal', z.object({ x: t.decimal() }), '{"x":1.10}'], ['many digits', z.object({ x: t.decimal() }), '{"x":0.1000000000000000055}'], ['zero', z.object({ x: t.decimal() }), '{"x":0.00}'], ['text', z.object({ x: t.decimal() }), '{"x":"1.10"}', '{"x":1.10}'], ['whole', z.object({ x: t.decimal() }), '{"x":5}'],
  ['beyond 2^53', z.object({ x: t.decimal() }), '{"x":9007199254740993}'], ['exponent', z.object({ x: t.decimal() }), '{"x":1.5e-3}', '{"x":0.0015}'], ['scale', z.object({ x: t.decimal({ scale: 2 }) }), '{"x":1.500}', '{"x":1.50}'],
  ['lines', z.array(line), '[{"qty":1.00,"sku":"a"},{"qty":0.1000000000000000055,"sku":null}]'], ['array of decimals', z.array(t.decimal()), '[0.00,1.10,-2.50]'], ['tuple', z.tuple([z.string(), t.decimal()]).rest(t.int64()), '["a",1.10,9007199254740993]'],
  ['record', z.record(z.string(), t.decimal()), '{"a":1.10,"b":2.50}'], ['int64', z.object({ x: t.int64() }), '{"x":-9223372036854775808}'], ['int64 of text', z.object({ x: t.int64() }), '{"x":"9007199254740993"}', '{"x":9007199254740993}'],
  ['dates', z.object({ d: t.date(), s: t.timestamp(), l: t.localTimestamp(), m: t.time() }), '{"d":"20260930","s":"2026-09-30T12:00:00.759605Z","l":"2026-09-30 12:00","m":"12:00"}', '{"d":"2026-09-30","s":"2026-09-30T12:00:00.759605Z","l":"2026-09-30T12:00:00","m":"12:00:00"}'],
  ['nullable, optional, default', z.object({ a: t.decimal().nullable(), b: t.decimal().optional(), c: t.decimal().nullable().default(null), e: z.enum(['x', 'y']).nullable() }), '{"a":null,"e":"y"}', '{"a":null,"c":null,"e":"y"}'], ['nullable given', z.object({ a: t.decimal().nullable(), b: t.decimal().optional() }), '{"a":1.10,"b":2.50}'],
  ['refined', z.object({ x: t.decimal().refine((d) => d.length > 3) }).refine((o) => o.x !== ''), '{"x":1.10}'], ['lazy', tree, '{"n":1.10,"kids":[{"n":0.10,"kids":[]},{"n":9007199254740993,"kids":[{"n":1.0,"kids":[]}]}]}'],
  ['numbers', z.array(z.number()), '[9007199254740993,0.1000000000000000055,0.00,5]'], ['bigint', z.array(z.bigint()), '[5,9007199254740993]'], ['t.json inside', z.object({ x: t.json() }), '{"x":{"b":[1.10,0.00,9007199254740993,"c"]}}'], ['loose', z.looseObject({ x: t.decimal() }), '{"x":1.10,"y":{"z":0.00}}'],
  ['catchall', z.object({}).catchall(t.decimal()), '{"y":1.10}'], ['intersection', z.intersection(z.object({ x: t.decimal() }), z.object({ y: z.bigint(), z: t.decimal() })), '{"x":1.10,"y":5,"z":0.10}'], ['union', z.object({ x: z.union([z.object({ k: z.string() }), t.decimal(), z.null()]) }), '{"x":1.10}'], ['union of number and text', z.array(z.union([z.number(), z.string()])), '[9007199254740993,"1.10",1.10,0.0]'],
  ['union keeps texts', z.array(z.union([z.string(), t.decimal()])), '["1.10",1.10]'], ['union or null', z.array(z.union([t.decimal(), z.null()])), '[1.10,null]'], ['discriminated', z.array(z.discriminatedUnion('k', [z.object({ k: z.literal('a'), v: t.decimal() }), z.object({ k: z.literal('b'), v: z.string() })])), '[{"k":"a","v":1.10},{"k":"b","v":"1.10"}]'],
  ['coerced text', z.array(z.coerce.string()), '[1.10,0.00,9007199254740993]', '["1.10","0.00","9007199254740993"]'], ['pipe', z.array(t.decimal().pipe(z.any())), '[1.10]', '["1.10"]'], ['transform', z.array(t.decimal().transform((d) => ({ d }))), '[1.10]', '[{"d":"1.10"}]'], ['any', z.object({ x: z.any() }), '{"x":[1.10,0.00,{"y":9007199254740993}]}'],
])('%s', (_, schema, json, expected = json) => {
  expect(run(schema, json)).toBe(expected)
  expect(run(schema, json, whole)).toBe(expected)
})

it('map functions: casts, whole values and copies', () => {
  const schema = z.object({ lines: z.array(z.object({ qty: t.decimal(), n: t.int64().nullable(), at: t.timestamp().optional() })), sum: z.number() })
  const fn: MapFunction = (r) => ({ a: { lines: each(r.v.lines, (l) => ({ ...l, qty: decimal(l.qty) })), sum: r.v.sum } })
  expect(run(schema, '{"sum":0.10,"lines":[{"qty":1.10,"n":9007199254740993},{"qty":"2.50","n":null,"at":"2026-09-30T12:00:00Z"}]}', fn)).toBe('{"lines":[{"qty":1.10,"n":9007199254740993},{"qty":2.50,"n":null,"at":"2026-09-30T12:00:00Z"}],"sum":0.10}')
  expect(run(schema, '{}', () => ({ a: { sum: 1, lines: [{ qty: 0.1 + 0.2, n: null }] } }))).toMatchObject({ reason: expect.stringMatching(/^a: lines\.0\.qty: 0\.3\d+ is a binary fraction/) as string })
})

it('a constant inside an object is exact as it is written', () => {
  const model = z.object({ a: z.object({ x: t.decimal() }) })
  const mapper = compileMapper({ columns: columnsOf(model), model, mapping: fields({ a: { value: { x: 12.5 } } }) })
  const out = { text: '' }
  expect(mapper.map({}, out)).toBeNull()
  expect(out.text).toBe('{"x":12.5}\n')
})

it.each<[string, z.ZodType, string, RegExp]>([
  ['scale', z.object({ x: t.decimal({ scale: 1 }) }), '{"x":1.25}', /^a.*x: 1\.25 has more than 1 decimals/], ['text', z.array(line), '[{"qty":"many","sku":null}]', /0\.qty: "many" is not a number/], ['missing', z.array(line), '[{"sku":null}]', /0\.qty: is missing/], ['int beyond 2^53', z.array(z.int()), '[9007199254740993]', /Too big.*t\.int64\(\) takes it/],
  ['object', z.array(t.decimal()), '[{"a":1.5}]', /an object/], ['2^63', z.array(t.int64()), '[9223372036854775808]', /64 bits/], ['day', z.object({ d: t.date() }), '{"d":"2026-02-30"}', /d: .*not a day/],
])('refuses, and says where: %s', (_, schema, json, reason) => {
  for (const fn of [undefined, whole]) expect(run(schema, json, fn)).toMatchObject({ field: 'a', reason: expect.stringMatching(reason) as string })
})

it('zeros are numbers in records, and keep their digits in JSON', () => {
  const json = '{"a":0.00,"b":[-0.0,0e3,0],"c":{"d":0.0}}'
  const record = parseExact(Buffer.from(json)) as { a: number; b: number[]; c: object }
  expect(record.a).toBe(0)
  expect(record.b).toEqual([0, 0, 0])
  expect(stringifyExact(record)).toBe(json)
  record.a = 1
  record.b[2] = 7
  expect(stringifyExact(record)).toBe('{"a":1,"b":[-0.0,0e3,7],"c":{"d":0.0}}')
  expect(stringifyExact(parseExact(Buffer.from(json), { revive: false }), { marked: true })).toBe(json)
})
