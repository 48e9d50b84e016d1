import { cursor, defineSync, env, fields, oauth2ClientCredentials, postgres, rest, t, z } from 'isthmus'

const auth = oauth2ClientCredentials({ tokenUrl: '/oauth/token', clientId: env('DEMO_CLIENT_ID'), clientSecret: env('DEMO_CLIENT_SECRET') })

export default defineSync({
  from: rest({ baseUrl: env('DEMO_URL'), auth })
    .stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 500, sizeParam: 'limit' }) }),
  to: postgres.table('transactions'),
  model: z.object({ id: z.string(), booked_at: t.timestamp(), amount: t.decimal(), currency: z.string(), status: z.string(), counterparty: z.string(), memo: z.string().nullable() }),
  map: fields({ id: 'id', booked_at: 'booked_at', amount: 'amount', currency: 'currency', status: 'status', counterparty: 'counterparty.name', memo: 'memo' }),
})
