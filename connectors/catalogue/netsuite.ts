import { z } from 'zod'
import { oauth1, oauth2ClientCredentials } from '../auth.ts'
import { defineConnector, type DeclaredStream } from '../define.ts'
import { credential, setting, template } from '../../model/value.ts'

/**
 * Records by SuiteQL. Times are forced into one form: as plain dates they come in the user's own. At most 100,000 rows a query
 * (https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_157909186990.html).
 */
const table = (name: string, columns: string): DeclaredStream => ({
  path: '/query/v1/suiteql', method: 'POST', headers: { Prefer: 'transient' }, records: 'items', key: 'id',
  body: { q: `select id, ${columns}, to_char(lastmodifieddate, 'YYYY-MM-DD"T"HH24:MI:SS') as modified from ${name} where lastmodifieddate >= to_date('{since}', 'YYYY-MM-DD"T"HH24:MI:SS') order by id` },
  page: { kind: 'offset', size: 1000, hasMore: 'hasMore', total: 'totalResults' },
  incremental: { field: 'modified', start: '1970-01-01T00:00:00', overlap: '10m' },
})

/**
 * NetSuite REST. Limits are concurrent requests of the whole account, of which the smallest tier has 5
 * (https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/bridgehead_156224824287.html).
 */
export const netsuite = defineConnector('netsuite', {
  title: 'NetSuite',
  docs: 'https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/chapter_1540391670.html',
  baseUrl: template('https://{account}.suitetalk.api.netsuite.com/services/rest'),
  settings: z.object({
    account: z.string().regex(/^[a-z0-9-]+$/).describe('Account as in the web address, for example 1234567-sb1'),
    realm: z.string().regex(/^[A-Z0-9_]+$/).describe('Account ID as in Company Information, for example 1234567_SB1'),
  }),
  concurrency: 4,
  auth: {
    tba: {
      title: 'token-based (OAuth 1.0a)',
      credentials: z.object({
        consumerKey: z.string().min(1).describe('Consumer key of the integration record'), consumerSecret: z.string().min(1).describe('Consumer secret'),
        tokenId: z.string().min(1).describe('Token ID'), tokenSecret: z.string().min(1).describe('Token secret'),
      }),
      auth: oauth1({ consumerKey: credential('consumerKey'), consumerSecret: credential('consumerSecret'), token: credential('tokenId'), tokenSecret: credential('tokenSecret'), realm: setting('realm') }),
    },
    m2m: {
      title: 'machine to machine (OAuth 2.0 with a certificate)',
      credentials: z.object({
        clientId: z.string().min(1).describe('Client ID of the integration record'), certificateId: z.string().min(1).describe('Certificate ID of the mapping'),
        privateKey: z.string().includes('PRIVATE KEY').describe('Private key of the certificate (PEM)'),
      }),
      auth: oauth2ClientCredentials({
        tokenUrl: template('https://{account}.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token'), clientId: credential('clientId'), scope: 'rest_webservices',
        // The scope is read from the assertion: https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_162790605110.html
        clientAssertion: { algorithm: 'PS256', key: credential('privateKey'), keyId: credential('certificateId'), ttl: '5m', claims: { scope: 'rest_webservices' } },
      }),
    },
  },
  check: { path: '/record/v1/metadata-catalog', query: { select: 'customer' } },
  streams: {
    transactions: table('transaction', 'tranid, type, trandate, entity, foreigntotal, currency, status'),
    customers: table('customer', 'entityid, companyname, email'),
    vendors: table('vendor', 'entityid, companyname, email'),
  },
  actions: {
    // https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_156334828635.html
    'customer.upsert': { method: 'PUT', path: '/record/v1/customer/eid:{id}', key: 'id', body: { companyName: '{name}', email: '{email}', subsidiary: { id: '{subsidiary}' } }, reason: ['o:errorDetails', '0', 'detail'] },
    'journalEntry.create': {
      path: '/record/v1/journalEntry', key: 'id', body: { externalId: '{id}', tranDate: '{date}', memo: '{memo}', subsidiary: { id: '{subsidiary}' }, line: { items: '{lines}' } },
      lookup: { path: '/record/v1/journalEntry/eid:{id}', id: 'id' }, changes: 'ignore', reason: ['o:errorDetails', '0', 'detail'],
    },
  },
})
