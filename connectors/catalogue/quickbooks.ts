import { z } from 'zod'
import { oauth2AuthorizationCode } from '../auth.ts'
import { defineConnector, type DeclaredStream } from '../define.ts'
import { REDIRECT_URI } from './redirect-uri.ts'
import { credential, template } from '../../model/value.ts'

const CHANGED = 'MetaData.LastUpdatedTime'

/**
 * Entities by query, in the order of their change (https://developer.intuit.com/app/developer/qbo/docs/learn/explore-the-quickbooks-online-api/data-queries).
 * An empty result has no list at all.
 */
const entity = (name: string): DeclaredStream => ({
  path: '/query', records: ['QueryResponse', name], key: 'Id',
  query: { query: select(name, `${CHANGED} >= '{since}'`), minorversion: '75' },
  page: { kind: 'offset', param: '', sizeParam: '', start: 1, size: 1000 },
  incremental: { field: CHANGED, start: '1970-01-01T00:00:00Z', overlap: '1m', order: 'ascending', until: 'query', untilExpression: select(name, `${CHANGED} >= '{since}' and ${CHANGED} < '{until}'`) },
  errors: [{ status: [200], path: 'QueryResponse', in: [{}], then: 'empty' }],
})

function select(name: string, bounds: string): string {
  return `select * from ${name} where ${bounds} orderby ${CHANGED}, Id startposition {offset} maxresults {size}`
}

/** QuickBooks Online. Limits per company and app (https://developer.intuit.com/app/developer/qbo/docs/learn/rest-api-features#limits-and-throttles). */
export const quickbooks = defineConnector('quickbooks', {
  title: 'QuickBooks Online',
  docs: 'https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0',
  baseUrl: template('https://{host}.api.intuit.com/v3/company/{realmId}'),
  settings: z.object({
    host: z.enum(['quickbooks', 'sandbox-quickbooks']).default('quickbooks').describe('Production, or the sandbox'),
    realmId: z.string().regex(/^\d+$/).describe('Company ID (realm)'),
  }),
  limits: [{ requests: 500, per: '1m' }, { requests: 10, per: '1s' }],
  concurrency: 10,
  auth: {
    default: {
      title: 'sign in with the browser',
      credentials: z.object({ clientId: z.string().min(1).describe(`Client ID of the app (with the redirect URI ${REDIRECT_URI})`), clientSecret: z.string().min(1).describe('Client secret of the app') }),
      auth: oauth2AuthorizationCode({
        authorizeUrl: 'https://appcenter.intuit.com/connect/oauth2', tokenUrl: 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
        clientId: credential('clientId'), clientSecret: credential('clientSecret'), scope: 'com.intuit.quickbooks.accounting',
        redirectUri: REDIRECT_URI,
      }),
    },
  },
  check: { path: '/query', query: { query: 'select * from CompanyInfo' } },
  streams: {
    invoices: entity('Invoice'), bills: entity('Bill'), payments: entity('Payment'), journalEntries: entity('JournalEntry'), customers: entity('Customer'), vendors: entity('Vendor'), accounts: entity('Account'),
  },
  actions: {
    // https://developer.intuit.com/app/developer/qbo/docs/api/accounting/all-entities/journalentry; requestid: https://blogs.intuit.com/2015/04/06/15346
    'journalEntry.create': {
      path: '/journalentry', key: 'number', query: { minorversion: '75' }, body: { DocNumber: '{number}', TxnDate: '{date}', PrivateNote: '{note}', Line: '{lines}' },
      idempotency: { query: 'requestid' }, changes: 'ignore', id: 'JournalEntry.Id', reason: 'Fault.Error.0.Detail',
    },
  },
})
