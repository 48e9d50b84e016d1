import { expect, it } from 'vitest'
import { z } from 'zod'
import { columnsOf, t } from './index.ts'

const type = (schema: z.ZodType): unknown => columnsOf(z.object({ a: schema }))[0]
const col = (kind: object | string, rest: object = {}): unknown => ({ name: 'a', type: typeof kind === 'string' ? { kind } : kind, nullable: false, checked: false, ...rest })
const json = (rest: object = {}): unknown => col('json', { checked: true, ...rest })

it.each<[string, z.ZodType, unknown]>([
  ['string', z.string(), col('text')], ['min', z.string().min(1), col('text', { checked: true })], ['email', z.email(), col('text', { checked: true })], ['old email', z.string().email(), col('text', { checked: true })],
  ['trim', z.string().trim(), col('text', { checked: true })], ['brand', z.string().brand('x'), col('text')], ['describe', z.string().describe('x'), col('text')],
  ['uuid', z.uuid(), col('uuid')], ['uuidv4', z.uuidv4(), col('uuid', { checked: true })], ['old uuid', z.string().uuid(), col('uuid')], ['guid', z.guid(), col('uuid')],
  ['enum', z.enum(['a', 'b']), col({ kind: 'enum', values: ['a', 'b'] })], ['literal', z.literal('a'), col({ kind: 'enum', values: ['a'] })], ['literal int', z.literal([1, 2]), col('integer', { checked: true })],
  ['literal null', z.literal(['a', null]), col({ kind: 'enum', values: ['a'] }, { nullable: true })], ['literal true', z.literal(true), col('boolean', { checked: true })], ['literal mixed', z.literal(['a', 1]), json()],
  ['int', z.int(), col('integer')], ['number int', z.number().int(), col('integer')], ['int min', z.int().min(0), col('integer', { checked: true })], ['int32', z.int32(), col('integer', { checked: true })],
  ['number', z.number(), col('float')], ['number min', z.number().min(0), col('float', { checked: true })], ['bigint', z.bigint(), col({ kind: 'decimal', precision: null, scale: 0 })], ['int64', z.int64(), col('integer')],
  ['boolean', z.boolean(), col('boolean')], ['date', z.date(), col('timestamp')], ['iso date', z.iso.date(), col('date')], ['iso datetime', z.iso.datetime(), col('timestamp')], ['offset', z.iso.datetime({ offset: true }), col('timestamp')],
  ['local', z.iso.datetime({ local: true }), col('localTimestamp')], ['iso time', z.iso.time(), col('time')], ['precision', z.iso.datetime({ precision: 3 }), col('timestamp', { checked: true })],
  ['array', z.array(z.string()), json()], ['object', z.object({}), json()], ['record', z.record(z.string(), z.int()), json()], ['any', z.any(), col('json', { nullable: true })], ['unknown', z.unknown(), col('json', { nullable: true })],
  ['union', z.union([z.string(), z.int()]), json()], ['nullish union', z.union([z.string(), z.null()]), col('text', { nullable: true })], ['custom', z.custom<string>(), json()], ['map', z.map(z.string(), z.string()), json()],
  ['nullable', z.string().nullable(), col('text', { nullable: true })], ['optional', z.int().optional(), col('integer', { nullable: true })], ['nullish', z.int().nullish(), col('integer', { nullable: true })], ['default', z.int().default(5), col('integer', { nullable: true })],
  ['refine outside', z.string().nullable().refine(() => true), col('text', { nullable: true, checked: true })], ['nonoptional', z.string().optional().nonoptional(), col('text')], ['readonly', z.string().readonly(), col('text')],
  ['catch', z.int().catch(0), col('integer', { nullable: true, checked: true })], ['lazy', z.lazy(() => z.int()), col('integer')], ['transform', z.string().transform((s) => s.length), json()], ['pipe', z.string().transform((s) => s.length).pipe(z.int()), col('integer', { checked: true })],
  ['preprocess', z.preprocess((v) => v, z.number()), col('float', { checked: true })], ['coerce', z.coerce.number(), col('float')], ['stringbool', z.stringbool(), col('boolean', { checked: true })],
  ['t.decimal', t.decimal({ precision: 14, scale: 2 }), col({ kind: 'decimal', precision: 14, scale: 2 })], ['t.decimal any', t.decimal().nullable(), col({ kind: 'decimal', precision: null, scale: null }, { nullable: true })],
  ['t refine', t.decimal().refine(() => true), col({ kind: 'decimal', precision: null, scale: null }, { checked: true })], ['t describe', t.date().describe('x'), col('date')],
  ['t.int64', t.int64(), col('integer')], ['t.timestamp', t.timestamp(), col('timestamp')], ['t.localTimestamp', t.localTimestamp(), col('localTimestamp')], ['t.time', t.time(), col('time')], ['t.json', t.json(), col('json')],
])('%s', (_, schema, expected) => expect(type(schema)).toEqual(expected))

it('keeps order and names', () => {
  expect(columnsOf(z.object({ b: z.string(), 'a b': z.int(), Ä: z.any() })).map((c) => c.name)).toEqual(['b', 'a b', 'Ä'])
})

it('refuses what is no model', () => {
  expect(() => columnsOf(z.string() as never)).toThrow(/not a zod object/)
  expect(() => columnsOf(z.object({}))).toThrow(/no fields/)
  expect(() => t.decimal({ precision: 5 })).toThrow(/not a size/)
  expect(() => t.decimal({ precision: 2, scale: 3 })).toThrow(/not a size/)
})

it('t schemas cast like the mapping', () => {
  const M = z.object({ d: t.decimal({ scale: 2 }), n: t.int64().default(5n), at: t.timestamp().nullable() })
  expect(M.parse({ d: '1.500', at: null })).toEqual({ d: '1.50', n: 5n, at: null })
  expect(M.safeParse({ d: '1.505', at: null }).error?.issues[0]).toMatchObject({ path: ['d'], message: '1.505 has more than 2 decimals' })
  expect(M.safeParse({ at: null }).error?.issues[0]).toMatchObject({ path: ['d'] })
})
