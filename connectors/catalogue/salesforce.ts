import { z } from 'zod'
import { jwtBearer, oauth2AuthorizationCode, oauth2ClientCredentials } from '../auth.ts'
import { defineConnector, type DeclaredStream } from '../define.ts'
import { REDIRECT_URI } from './redirect-uri.ts'
import { credential, template } from '../../model/value.ts'

const tokenUrl = template('https://{domain}.my.salesforce.com/services/oauth2/token')

/**
 * An object by SOQL; by SystemModstamp, which automated changes move too, with an overlap for its late commits
 * (https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_query.htm).
 */
const object = (name: string, fields: string): DeclaredStream => ({
  path: '/v{version}.0/query', query: { q: soql(name, fields, 'SystemModstamp >= {since}') }, records: 'records', key: 'Id',
  page: { kind: 'nextUrl', next: 'nextRecordsUrl' },
  incremental: { field: 'SystemModstamp', format: 'iso', start: '1970-01-01T00:00:00Z', overlap: '5m', until: 'q', untilExpression: soql(name, fields, 'SystemModstamp >= {since} and SystemModstamp < {until}') },
})

function soql(name: string, fields: string, bounds: string): string {
  return `select Id, ${fields}, SystemModstamp from ${name} where ${bounds} order by SystemModstamp, Id`
}

/** Salesforce REST. The daily allowance of an org is 100,000 requests and more (https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta). */
export const salesforce = defineConnector('salesforce', {
  title: 'Salesforce',
  docs: 'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flows.htm',
  baseUrl: template('https://{domain}.my.salesforce.com/services/data'),
  settings: z.object({ domain: z.string().regex(/^[a-z0-9-]+(\.sandbox)?$/i).describe('My Domain name, for example acme or acme--dev.sandbox') }),
  limits: [{ requests: 100_000, per: '1d' }],
  auth: {
    code: {
      title: 'sign in with the browser',
      credentials: z.object({ clientId: z.string().min(1).describe(`Consumer key (of an app with the callback URL ${REDIRECT_URI})`), clientSecret: z.string().min(1).describe('Consumer secret') }),
      auth: oauth2AuthorizationCode({ authorizeUrl: template('https://{domain}.my.salesforce.com/services/oauth2/authorize'), tokenUrl, clientId: credential('clientId'), clientSecret: credential('clientSecret'), clientAuth: 'post', scope: 'api refresh_token', redirectUri: REDIRECT_URI }),
    },
    clientCredentials: { title: 'client credentials', auth: oauth2ClientCredentials({ tokenUrl, clientId: credential('clientId'), clientSecret: credential('clientSecret'), clientAuth: 'post' }) },
    jwt: {
      title: 'JWT bearer',
      credentials: z.object({ clientId: z.string().min(1).describe('Consumer key'), username: z.string().min(1).describe('User name'), privateKey: z.string().includes('PRIVATE KEY').describe('Private key (PEM)') }),
      auth: jwtBearer({ tokenUrl, clientId: credential('clientId'), subject: credential('username'), key: credential('privateKey'), audience: 'https://login.salesforce.com' }),
    },
  },
  check: { path: '/' },
  version: '62',
  // An array of errors; a quota that is told as 403 is known by its code.
  errors: [{ path: '*.errorCode', in: ['QUERY_TIMEOUT', 'SERVER_UNAVAILABLE', 'UNABLE_TO_LOCK_ROW'], then: 'transient', reason: '0.message' }, { path: '*.errorCode', in: ['INVALID_QUERY_LOCATOR'], then: 'positionLost', reason: '0.message' }],
  streams: {
    accounts: object('Account', 'Name, Type, Industry, OwnerId'),
    contacts: object('Contact', 'FirstName, LastName, Email, AccountId'),
    opportunities: object('Opportunity', 'Name, StageName, Amount, CloseDate, IsClosed, IsWon, AccountId, OwnerId'),
    opportunityHistory: object('OpportunityHistory', 'OpportunityId, StageName, Amount, CreatedDate'),
  },
  actions: {
    // https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm; the field is yours to make.
    'account.upsert': {
      method: 'PATCH', path: '/v{version}.0/sobjects/Account/External_Id__c/{id}', key: 'id', body: { Name: '{name}' }, reason: '0.message', id: 'id',
      lookup: { path: '/v{version}.0/sobjects/Account/External_Id__c/{id}', match: { Name: '{name}' }, id: 'Id' },
    },
  },
})
