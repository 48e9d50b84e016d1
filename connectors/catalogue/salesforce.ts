import { z } from 'zod'
import { jwtBearer, oauth2AuthorizationCode, oauth2ClientCredentials } from '../auth.ts'
import { defineConnector } from '../define.ts'
import { REDIRECT_URI } from './redirect-uri.ts'
import { credential, template } from '../../model/value.ts'

const tokenUrl = template('https://{domain}.my.salesforce.com/services/oauth2/token')

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
})
