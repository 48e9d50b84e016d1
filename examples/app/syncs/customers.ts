import { apiKey, cursor, defineSync, env, fields, postgres, rest, z } from 'isthmus'

export default defineSync({
  from: rest({ baseUrl: env('SHOP_URL'), auth: apiKey({ key: env('SHOP_KEY') }) })
    .stream('customers', { path: '/cursor/customers', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 100, sizeParam: 'limit' }) }),
  to: postgres.table('customers'),
  model: z.object({ id: z.int(), name: z.string() }),
  map: fields({ id: 'id', name: 'name' }),
})
