import { z } from 'zod'
import { bearer, oauth2AuthorizationCode } from '../auth.ts'
import { defineConnector } from '../define.ts'
import { REDIRECT_URI } from './redirect-uri.ts'
import { credential } from '../../model/value.ts'

/** HubSpot CRM. Limits are those of the smallest plan (https://developers.hubspot.com/docs/guides/apps/api-usage/usage-details). */
export const hubspot = defineConnector('hubspot', {
  title: 'HubSpot',
  docs: 'https://developers.hubspot.com/docs/guides/apps/private-apps/overview',
  baseUrl: 'https://api.hubapi.com',
  limits: [{ requests: 100, per: '10s' }, { requests: 250_000, per: '1d' }],
  auth: {
    token: {
      title: 'access token of a private app',
      credentials: z.object({ accessToken: z.string().min(10).describe('Access token of the private app') }),
      auth: bearer({ token: credential('accessToken') }),
    },
    oauth: {
      title: 'OAuth 2.0 app',
      credentials: z.object({ clientId: z.string().min(1).describe(`Client ID of the app (with the redirect URL ${REDIRECT_URI})`), clientSecret: z.string().min(1).describe('Client secret of the app') }),
      auth: oauth2AuthorizationCode({
        authorizeUrl: 'https://app.hubspot.com/oauth/authorize', tokenUrl: 'https://api.hubapi.com/oauth/v1/token', clientAuth: 'post',
        clientId: credential('clientId'), clientSecret: credential('clientSecret'), scope: 'oauth crm.objects.contacts.read crm.objects.companies.read crm.objects.deals.read',
        redirectUri: REDIRECT_URI,
      }),
    },
  },
  check: { path: '/account-info/v3/details' },
})
