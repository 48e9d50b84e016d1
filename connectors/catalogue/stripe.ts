import { z } from 'zod'
import { bearer } from '../auth.ts'
import { defineConnector, type DeclaredStream } from '../define.ts'
import { credential } from '../../model/value.ts'

/** A list of Stripe, newest first (https://docs.stripe.com/api/pagination). */
const list = (path: string): DeclaredStream => ({
  path, records: 'data', key: 'id', page: { kind: 'cursor', from: 'lastRecord', next: 'id', send: 'starting_after', hasMore: 'has_more', size: 100, sizeParam: 'limit' },
  incremental: { field: 'created', send: 'created[gte]', until: 'created[lt]', format: 'epoch' },
})

/** Stripe (https://docs.stripe.com/rate-limits: 100 requests a second; in test mode 25). */
export const stripe = defineConnector('stripe', {
  title: 'Stripe',
  docs: 'https://docs.stripe.com/keys',
  baseUrl: 'https://api.stripe.com/v1',
  limits: [{ requests: 25, per: '1s' }],
  auth: { key: { title: 'secret or restricted key', credentials: z.object({ apiKey: z.string().regex(/^[sr]k_/).describe('Secret or restricted key') }), auth: bearer({ token: credential('apiKey') }) } },
  check: { path: '/balance' },
  streams: { balance_transactions: list('/balance_transactions'), payouts: list('/payouts'), charges: list('/charges'), customers: list('/customers'), invoices: list('/invoices') },
  actions: {
    // https://docs.stripe.com/api/customers/create, https://docs.stripe.com/api/idempotent_requests
    'customer.create': { path: '/customers', key: 'id', bodyFormat: 'form', body: { name: '{name}', email: '{email}', metadata: { external_id: '{id}' } }, idempotency: { header: 'Idempotency-Key' }, changes: 'ignore', id: 'id', reason: 'error.message' },
  },
})
