import { z } from 'zod'
import { oauth2AuthorizationCode } from '../auth.ts'
import { defineConnector } from '../define.ts'
import { REDIRECT_URI } from './redirect-uri.ts'
import { credential, template } from '../../model/value.ts'

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
})
