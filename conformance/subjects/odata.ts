import { odata, type EntityOptions } from '../../connectors/index.ts'
import type { Subject } from '../types.ts'
import { doubleSubject } from './double.ts'

const env = (name: string): { env: string } => ({ env: name })
const base = { baseUrl: 'http://127.0.0.1/sap/opu/odata', auth: { kind: 'basic' as const, username: env('USER'), password: env('PASSWORD') } }
const oauth = { baseUrl: 'http://127.0.0.1/api/v4', auth: { kind: 'oauth2ClientCredentials' as const, tokenUrl: '/oauth/token', clientId: env('ID'), clientSecret: env('SECRET') } }
const shared: EntityOptions = { key: 'Id', orderby: 'Id' }

const STREAMS: [string, 2 | 4, EntityOptions][] = [
  ['odata-v4', 4, { ...shared, size: 5, incremental: 'ChangedAt', filter: "State eq 'open' or contains(Name,'x')" }],
  ['odata-v4-top', 4, { ...shared, paging: 'client', size: 5 }],
  ['odata-v4-delta', 4, { ...shared, delta: true }],
  ['odata-v2', 2, { ...shared, incremental: { field: 'ChangedAt', overlap: '1m' }, filter: "substringof('x',Name) or State eq 'it''s'" }],
  ['odata-v2-top', 2, { ...shared, paging: 'client', size: 5, incremental: { field: 'ChangedAt', type: 'datetimeoffset' } }],
]

/** Streams of OData 2 and 4. */
export const ODATA: Subject[] = STREAMS.map(([name, version, options]) => {
  const { source, stream } = odata({ ...(version === 2 ? base : oauth), version, query: { 'sap-client': '100' } }).entity('Orders', options)
  return doubleSubject(name, source, stream)
})
