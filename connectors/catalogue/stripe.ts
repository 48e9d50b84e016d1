import { z } from 'zod'
import { bearer } from '../auth.ts'
import { defineConnector } from '../define.ts'
import { credential } from '../../model/value.ts'

/** Stripe (https://docs.stripe.com/rate-limits: 100 requests a second; in test mode 25). */
export const stripe = defineConnector('stripe', {
  title: 'Stripe',
  docs: 'https://docs.stripe.com/keys',
  baseUrl: 'https://api.stripe.com/v1',
  limits: [{ requests: 25, per: '1s' }],
  auth: { key: { title: 'secret or restricted key', credentials: z.object({ apiKey: z.string().regex(/^[sr]k_/).describe('Secret or restricted key') }), auth: bearer({ token: credential('apiKey') }) } },
  check: { path: '/balance' },
})
