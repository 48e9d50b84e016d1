import { apiKey, cursor, defineSync, env, fields, postgres, rest, t, z } from 'isthmus'

export default defineSync({
  from: rest({ baseUrl: env('SHOP_URL'), auth: apiKey({ key: env('SHOP_KEY') }) })
    .stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 500, sizeParam: 'limit' }) }),
  to: postgres.table('transactions'),
  model: z.object({ id: z.string(), booked_at: t.timestamp(), amount: t.decimal(), currency: z.string() }),
  map: fields({ id: 'id', booked_at: 'booked_at', amount: 'amount', currency: 'currency' }),
})
