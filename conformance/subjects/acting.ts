import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { graphql, odata, sessionHeader, soap, usernameToken, type ActionRef } from '../../connectors/index.ts'
import { actionSchema, sourceSchema } from '../../model/index.ts'
import { startODataSink } from '../acting/odata.ts'
import { startSoapSink } from '../acting/soap.ts'
import type { ActingSubject } from '../acting/types.ts'
import { startYogaSink } from '../acting/yoga.ts'
import { missingPackage } from './missing.ts'
import { WSDL } from './wsdl.ts'

type Made = [name: string, action: ActionRef]
const env = (name: string): { env: string } => ({ env: name })
const basic = { kind: 'basic' as const, username: env('USER'), password: env('PASSWORD') }
const oauth = { kind: 'oauth2ClientCredentials' as const, tokenUrl: '/oauth/token', clientId: env('ID'), clientSecret: env('SECRET') }

function subject([name, ref]: Made, more: Pick<ActingSubject, 'server' | 'start' | 'missing'>): ActingSubject {
  return { name, source: sourceSchema.parse(ref.source), action: actionSchema.parse(ref.action), key: ref.key!, ...more }
}

const service = { wsdl: 'shop.wsdl', baseUrl: 'http://127.0.0.1/shop' }
const shop = soap({ ...service, auth: oauth, security: sessionHeader() })
const find = { operation: 'find', args: { Id: '{id}', name: '{name}' }, records: 'findResponse.result.records', match: { Id: '{id}', name: '{name}' } }
const result = { success: { path: 'putResponse.result.success', in: ['true'] }, reason: 'putResponse.result.message', id: 'putResponse.result.id' }
const order = { Id: '{id}', name: '{name}' }
const SOAP: Made[] = [
  ['act-soap', shop.action('order.put', { operation: 'put', args: { order }, ...result, lookup: find, key: 'id' })],
  ['act-soap-key', soap({ ...service, security: usernameToken({ username: env('USER'), password: env('PASSWORD') }) }).action('order.put', { operation: 'put', args: { order }, ...result, idempotency: { field: 'requestId' }, key: 'id' })],
  ['act-soap-fault', soap({ ...service, auth: basic }).action('order.put', { operation: 'put', args: { order }, lookup: find, key: 'id' })],
  ['act-soap-batch', shop.action('order.upsert', { operation: 'upsert', record: order, batch: { size: 3, records: 'orders', results: 'upsertResponse.result', success: { path: 'success', in: ['true'] } }, reason: 'message', id: 'id', lookup: find, key: 'id' })],
]

const api = graphql({ baseUrl: 'http://127.0.0.1/graphql', auth: oauth })
const update = { args: { input: { type: 'OrderInput!', value: { id: '{id}', name: '{name}' } } }, key: 'id' }
const written = { query: 'query($id: ID!) { written(id: $id) { id name } }', variables: { id: '{id}' }, records: 'data.written', match: { id: '{id}', name: '{name}' }, id: 'id' }
const GRAPHQL: Made[] = [
  ['act-graphql-key', api.mutation('orderUpdate', { ...update, userErrors: 'userErrors', id: 'order.id', idempotency: { field: 'input.clientMutationId' } })],
  ['act-graphql-lookup', api.mutation('orderUpdate', { ...update, userErrors: 'userErrors', lookup: written })],
  ['act-graphql-errors', api.mutation('orderUpdate', { ...update, id: 'order.id', lookup: written })],
]

const v2 = odata({ baseUrl: 'http://127.0.0.1/sap/opu/odata', version: 2, csrf: true, auth: basic })
const v4 = odata({ baseUrl: 'http://127.0.0.1/api/v4', csrf: '/Orders', auth: oauth })
/** What a change came to; an entity that was there says nothing. */
const there = (records: string): object => ({ lookup: { path: "/Orders('{id}')", records, match: { name: '{name}' } } })
const ODATA: Made[] = [
  // A service refuses to create what it has: a record that changed is none to create.
  ['act-odata-v2-create', v2.create('Orders', { key: 'id', changes: 'ignore' })],
  ['act-odata-v2-merge', v2.action('Orders.merge', { path: "/Orders('{id}')", method: 'POST', headers: { 'x-http-method': 'MERGE', 'if-match': '*' }, body: { name: '{name}' }, key: 'id', ...there('d') })],
  ['act-odata-v2-delete', v2.delete('Orders', { key: 'id' })],
  ['act-odata-v4-create', v4.create('Orders', { key: 'id', changes: 'ignore' })],
  ['act-odata-v4-update', v4.update('Orders', { key: 'id', body: { name: '{name}' }, ...there('') })],
  ['act-odata-v4-delete', v4.delete('Orders', { key: 'id' })],
  ['act-odata-v4-batch', v4.action('Orders.batch', {
    path: '/$batch', headers: { prefer: 'odata.continue-on-error' }, key: 'id', changes: 'ignore', body: { id: '{id}', name: '{name}' }, lookup: { path: "/Orders('{id}')", records: '' },
    batch: { size: 3, records: 'requests', item: { id: '{index}', method: 'POST', url: 'Orders', headers: { 'content-type': 'application/json' }, body: '{record}' }, results: 'responses', key: { result: 'id', column: '{index}' }, success: { path: 'status', in: [201] } },
    reason: 'body.error.message',
  })],
]

/** Actions over SOAP, GraphQL and OData, against servers that speak them. */
export const ACTING_OVER: ActingSubject[] = [
  ...SOAP.map((made) => subject(made, {
    server: 'soap library',
    start: async (options) => {
      await writeFile(join(options.projectDir, 'shop.wsdl'), WSDL)
      return startSoapSink(options)
    },
  })),
  ...GRAPHQL.map((made) => subject(made, { server: 'graphql-yoga', missing: missingPackage('graphql-yoga'), start: startYogaSink })),
  ...ODATA.map((made) => subject(made, { server: 'double', start: startODataSink })),
]
