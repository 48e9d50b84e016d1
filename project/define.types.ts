/** Checked by tsc alone: mappings that miss or mistype a field of their model do not compile. */
import { cursor, defineSync, env, fields, postgres, rest, t, z, decimal } from './authoring.ts'

const from = rest({ baseUrl: env('URL') }).stream('orders', { path: '/orders', key: 'id', page: cursor({ send: 'after', next: 'next' }) })
const to = postgres.table('orders')
const model = z.object({ id: z.string(), total: t.decimal(), paid: z.boolean(), note: z.string().nullable().optional() })

defineSync({ from, to, model, map: fields({ id: 'id', total: 'sum.total', paid: { path: 'state', truthy: ['paid'], falsy: ['open'] } }) })
defineSync({ from, to, model, map: (r) => ({ id: r.id, total: decimal(r.total), paid: r.paid === true }) })
defineSync({ from, to, model, map: (r) => (r.deleted ? null : { id: r.id, total: decimal(r.total), paid: true, note: null }) })

// @ts-expect-error the field "paid" is missing
defineSync({ from, to, model, map: fields({ id: 'id', total: 'total' }) })
// @ts-expect-error the model has no field "extra"
defineSync({ from, to, model, map: fields({ id: 'id', total: 'total', paid: 'paid', extra: 'x' }) })
// @ts-expect-error a constant of the wrong type
defineSync({ from, to, model, map: fields({ id: 'id', total: 'total', paid: { value: 'yes' } }) })
// @ts-expect-error the function misses "paid"
defineSync({ from, to, model, map: (r) => ({ id: r.id, total: decimal(r.total) }) })
// @ts-expect-error a boolean is no decimal
defineSync({ from, to, model, map: (r) => ({ id: r.id, total: r.total > 3, paid: true }) })
// @ts-expect-error a secret must be env('NAME')
rest({ baseUrl: 'https://api.example.com', auth: { kind: 'bearer', token: 'abc' } })
// @ts-expect-error "recods" is no option
rest({ baseUrl: 'https://api.example.com' }).stream('x', { path: '/x', recods: 'data' })
