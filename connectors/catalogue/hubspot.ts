import { z } from 'zod'
import { bearer, oauth2AuthorizationCode } from '../auth.ts'
import { defineConnector, type DeclaredStream } from '../define.ts'
import { REDIRECT_URI } from './redirect-uri.ts'
import { credential } from '../../model/value.ts'

/** Every record of an object, archived ones not: https://developers.hubspot.com/docs/reference/api/crm/objects/deals */
const listed = (object: string, properties: string): DeclaredStream => ({
  path: `/crm/v3/objects/${object}`, query: { properties }, records: 'results', key: 'id',
  page: { kind: 'cursor', send: 'after', next: 'paging.next.after', size: 100, sizeParam: 'limit' },
})

/**
 * What changed since, by search: at most 10,000 records of one query, and its index lags behind, so the time is gone through in windows, and by id where a
 * moment holds more (https://developers.hubspot.com/docs/api-reference/search/guide).
 */
const changed = (object: string, properties: string[], modified = 'hs_lastmodifieddate'): DeclaredStream => ({
  path: `/crm/v3/objects/${object}/search`, method: 'POST', records: 'results', key: 'id',
  body: {
    filterGroups: [{ filters: [{ propertyName: modified, operator: 'GTE', value: '{from}' }, { propertyName: modified, operator: 'LT', value: '{to}' }, { propertyName: 'hs_object_id', operator: 'GT', value: '{after}' }] }],
    sorts: [{ propertyName: 'hs_object_id', direction: 'ASCENDING' }], properties: [...properties, modified],
  },
  page: { kind: 'cursor', in: 'body', send: 'after', next: 'paging.next.after', size: 200, sizeParam: 'limit' },
  window: { start: '2006-01-01', size: '90d', lag: '5m', format: 'epochMs', cap: 10_000, total: 'total', minimum: '1s', split: 'id', splitFrom: '0' },
  incremental: { field: ['properties', modified], overlap: '5m' },
})

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
  streams: {
    contacts: listed('contacts', 'email,firstname,lastname,lifecyclestage,lastmodifieddate'),
    companies: listed('companies', 'name,domain,hs_lastmodifieddate'),
    deals: listed('deals', 'dealname,amount,dealstage,pipeline,closedate,hs_lastmodifieddate'),
    'contacts.changed': changed('contacts', ['email', 'firstname', 'lastname', 'lifecyclestage'], 'lastmodifieddate'),
    'companies.changed': changed('companies', ['name', 'domain']),
    'deals.changed': changed('deals', ['dealname', 'amount', 'dealstage', 'pipeline', 'closedate']),
    'pipelines.deals': { path: '/crm/v3/pipelines/deals', records: 'results', key: 'id' },
  },
  actions: {
    // https://developers.hubspot.com/docs/reference/api/crm/objects/contacts#upsert-contacts
    'contact.upsert': {
      path: '/crm/v3/objects/contacts/batch/upsert', key: 'email',
      body: { idProperty: 'email', id: '{email}', properties: { email: '{email}', firstname: '{firstname}', lastname: '{lastname}' } },
      batch: { size: 100, records: 'inputs' },
      lookup: { path: '/crm/v3/objects/contacts/{email}', query: { idProperty: 'email', properties: 'email,firstname,lastname' }, match: { 'properties.firstname': '{firstname}', 'properties.lastname': '{lastname}' }, id: 'id' },
      reason: 'message',
    },
  },
})
