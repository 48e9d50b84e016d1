import { actionSchema, sourceSchema } from '../../model/index.ts'
import type { ActionInput, SourceInput } from '../../model/index.ts'
import type { ActingSubject } from '../acting/types.ts'

/** Every way in which an action can send, recognise and look up. */
const DESCRIBED: [string, Partial<ActionInput>, Partial<SourceInput>?][] = [
  ['act-post-key', { idempotency: { header: 'Idempotency-Key' }, id: 'id' }],
  ['act-post-repeated', { idempotency: { field: 'request.id', repeated: [409] }, body: { external: '{id}', title: '{name}', request: { source: 'isthmus' } } }],
  ['act-post-lookup', { lookup: { path: '/records', query: { external: '{id}', name: '{name}' }, records: 'data', match: { external: '{id}', label: '{name}' }, id: 'id' } }],
  ['act-post-search', { body: { external: '{id}', title: '{name}' }, lookup: { path: '/search', method: 'POST', body: { filter: { external: '{id}', title: '{name}' } }, records: 'results', match: { external: '{id}', title: '{name}' } } }],
  ['act-put', { method: 'PUT', path: '/records/{id}' }],
  ['act-patch', { method: 'PATCH', path: '/records/{id}', body: { title: '{name}' }, lookup: { path: '/records/{id}', match: { title: '{name}' } } }],
  ['act-delete', { method: 'DELETE', path: '/records/{id}' }],
  ['act-form', { bodyFormat: 'form', body: { metadata: { external: '{id}' }, name: '{name}' }, idempotency: { header: 'Idempotency-Key' }, id: 'id' }],
  ['act-batch', { batch: { size: 3, records: 'items', results: 'results' }, idempotency: { field: 'key' } }],
  ['act-batch-key', { batch: { size: 3, records: 'inputs', results: 'results', key: { result: 'external', column: 'id' }, success: { path: 'status', in: ['ok'] } }, body: { external: '{id}', title: '{name}' }, idempotency: { field: 'key' }, reason: 'message' }],
  ['act-batch-items', { path: '/$batch', batch: { size: 3, records: 'requests', item: { id: '{index}', method: 'POST', url: 'Records', body: '{record}' }, results: 'responses', success: { path: 'status', in: [201] } }, body: { external: '{id}', title: '{name}' }, lookup: { path: '/records', query: { external: '{id}', title: '{name}' }, records: 'value', match: { external: '{id}', title: '{name}' } } }],
  ['act-success-inside', { success: { path: 'return.type', notIn: ['E', 'A'] }, reason: 'return.message', idempotency: { query: 'requestid' } }],
  ['act-mutation', { path: '', graphql: { query: 'mutation($input: In!) { create(input: $input) { userErrors { message } } }', operationName: null, variables: { input: { id: '{id}', name: '{name}' } } }, success: { path: 'data.create.userErrors', empty: true }, reason: 'data.create.userErrors.0', idempotency: { field: 'variables.input.clientMutationId' } }, { kind: 'graphql' }],
]

export const ACTIONS: ActingSubject[] = DESCRIBED.map(([name, action, source = {}]) => ({
  name,
  source: sourceSchema.parse({ baseUrl: 'http://127.0.0.1/api', ...source }),
  action: actionSchema.parse({ name, path: '/records', ...action }),
  key: ['id'],
}))
