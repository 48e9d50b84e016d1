/** Compiled by tsc, never run: what the types of mappings accept and refuse. */
import { z } from 'zod'
import type { CheckFields, FieldsMapping, MapFor } from './index.ts'
import { date, decimal, each, fields, float, int64, integer, localTimestamp, money, oneOf, t, text, timestamp } from './index.ts'

/** Stands for defineSync. */
declare function define<M extends z.ZodObject, const S>(sync: { model: M; map: MapFor<M> | (FieldsMapping<S> & CheckFields<M, S>) }): void

const Invoice = z.object({
  id: z.string(),
  seq: t.int64(),
  lines: z.int(),
  total: t.decimal({ precision: 14, scale: 2 }),
  due: t.date().nullable(),
  booked: t.timestamp(),
  local: t.localTimestamp().optional(),
  status: z.enum(['open', 'paid']),
  note: z.string().optional(),
  tags: z.array(z.string()).default([]),
  rate: z.number().nullable(),
  extra: t.json().optional(),
})
const good = { id: 'Id', seq: 'Seq', lines: 'n', total: 'Total', due: 'Due', booked: 'At', status: 'Status', rate: 'Rate' } as const

// ---------------------------------------------------------------- data mappings
define({ model: Invoice, map: fields(good) })
define({ model: Invoice, map: fields({ ...good, total: { path: 'Total', decimal: ',', default: '0.00' } }) })
define({ model: Invoice, map: fields({ ...good, total: { path: ['a.b', 'c'], default: 0 }, note: { value: 'x' }, due: { value: null } }) })
define({ model: Invoice, map: fields({ ...good, status: { path: 'S', table: { O: 'open', P: 'paid' }, default: 'open' } }) })
define({ model: Invoice, map: fields({ ...good, tags: { path: 't.*', default: ['a'] }, seq: { value: 1 }, booked: { path: 'd', format: 'dd.MM.yyyy', zone: 'UTC' } }) })
define({ model: Invoice, map: fields({ ...good, tags: { path: 't', nulls: [''], trim: true }, extra: { value: { a: [1] } } }) })

// @ts-expect-error total is missing
define({ model: Invoice, map: fields({ id: 'Id', seq: 'Seq', lines: 'n', due: 'Due', booked: 'At', status: 'Status', rate: 'Rate' }) })
// @ts-expect-error a nullable field is not optional
define({ model: Invoice, map: fields({ id: 'Id', seq: 'Seq', lines: 'n', total: 'T', booked: 'At', status: 'Status', rate: 'Rate' }) })
// @ts-expect-error the model has no totl
define({ model: Invoice, map: fields({ ...good, totl: 'Total' }) })
// @ts-expect-error a default of the wrong type
define({ model: Invoice, map: fields({ ...good, lines: { path: 'n', default: 'none' } }) })
// @ts-expect-error a constant of the wrong type
define({ model: Invoice, map: fields({ ...good, id: { value: 5 } }) })
// @ts-expect-error a constant that is not in the enum
define({ model: Invoice, map: fields({ ...good, status: { value: 'closed' } }) })
// @ts-expect-error a table value that is not in the enum
define({ model: Invoice, map: fields({ ...good, status: { path: 'S', table: { O: 'open', X: 'closed' } } }) })
// @ts-expect-error null where the model wants a value
define({ model: Invoice, map: fields({ ...good, id: { value: null } }) })
// @ts-expect-error an option that does not exist
define({ model: Invoice, map: fields({ ...good, total: { path: 'Total', decimals: ',' } }) })
// @ts-expect-error a separator that does not exist
define({ model: Invoice, map: fields({ ...good, total: { path: 'Total', decimal: ';' } }) })
// @ts-expect-error neither path nor value
define({ model: Invoice, map: fields({ ...good, total: { decimal: ',' } }) })
// @ts-expect-error a path is a text or a list of keys
define({ model: Invoice, map: fields({ ...good, total: 5 }) })

// ---------------------------------------------------------------- map functions
define({
  model: Invoice,
  map: (r) => ({
    id: r.Id, seq: int64(r.Seq), lines: integer(r.n), total: money(r.Total, { scale: 2 }), due: date.nullable(r.Due), booked: timestamp(r.At),
    local: localTimestamp(r.L), status: oneOf(r.S, { O: 'open', P: 'paid' }), tags: each(r.tags, (x) => text(x)), rate: float.nullable(r.Rate),
  }),
})
const base = {
  id: 'a', seq: 1n, lines: 1, total: decimal('1'), due: null, booked: new Date(), status: 'open' as const, rate: 1.5,
}
define({ model: Invoice, map: (r) => (r.test ? null : base) })
define({ model: Invoice, map: () => ({ ...base, total: 12n, seq: integer('5') }) })
// @ts-expect-error a field is missing
define({ model: Invoice, map: () => ({ id: 'a' }) })
// @ts-expect-error a plain text is not a decimal
define({ model: Invoice, map: () => ({ ...base, total: '12.50' }) })
// @ts-expect-error a float is not a decimal
define({ model: Invoice, map: () => ({ ...base, total: 0.1 + 0.2 }) })
// @ts-expect-error a decimal that may be null into a field that may not
define({ model: Invoice, map: (r) => ({ ...base, total: decimal.nullable(r.x) }) })
// @ts-expect-error a plain text is not a date
define({ model: Invoice, map: () => ({ ...base, due: '2026-09-30' }) })
// @ts-expect-error a date is not a moment
define({ model: Invoice, map: (r) => ({ ...base, booked: date(r.x) }) })
// @ts-expect-error a time without zone is not a moment
define({ model: Invoice, map: (r) => ({ ...base, booked: localTimestamp(r.x) }) })
// @ts-expect-error not in the enum
define({ model: Invoice, map: (r) => ({ ...base, status: oneOf(r.s, ['open', 'closed']) }) })
// @ts-expect-error text is not a number
define({ model: Invoice, map: (r) => ({ ...base, lines: text(r.n) }) })
// @ts-expect-error a decimal is not a number
define({ model: Invoice, map: (r) => ({ ...base, rate: decimal(r.n) }) })
// @ts-expect-error a list of numbers is not a list of texts
define({ model: Invoice, map: (r) => ({ ...base, tags: each(r.tags, (x) => integer(x)) }) })
// @ts-expect-error map functions are not async
define({ model: Invoice, map: async () => base })
