import { describe, expect, it } from 'vitest'
import { actionSchema, type ActionInput } from '../../model/action.ts'
import { redactor } from '../../model/redact/index.ts'
import { sourceSchema, type SourceInput } from '../../model/source.ts'
import type { Connection } from '../../protocols/rest/index.ts'
import { createReader, type Reading } from './answer.ts'
import type { Item } from './item.ts'
import { createListener } from './listener.ts'
import { createRequests } from './requests.ts'

/** Bodies as the vendors' documentation shows them (systems.md 1.1 to 1.3, 3); what they mean is said there too. */
const connection = { http: { redactor }, soap: null, baseUrl: 'https://api.example.com/v1/' } as unknown as Connection
const items = (n: number): Item[] => Array.from({ length: n }, (_, i) => ({ key: `k${i}`, row: { line: i, text: '', cells: { id: String(i + 1), email: `u${i + 1}@example.com` }, values: { id: i + 1, email: `u${i + 1}@example.com`, date: '2026-01-02' } } }) as unknown as Item)

async function read(action: Partial<ActionInput>, answer: { status?: number; body?: unknown; headers?: Record<string, string>; n?: number }, source: Partial<SourceInput> = {}): Promise<Reading> {
  const plan = actionSchema.parse({ name: 'a', path: '/a', ...action })
  const from = sourceSchema.parse({ baseUrl: connection.baseUrl, ...source })
  const { status = 200, body = '', headers = {}, n = 1 } = answer
  const heard = await createListener(from, plan, connection, null)({ status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) } as never)
  return createReader(from, plan, redactor)(heard, items(n))
}
const kinds = (reading: Reading): string[] => (reading.kind === 'each' ? reading.results.map((r) => (r.kind === 'delivered' && r.remoteId !== null ? r.remoteId : r.kind)) : [reading.kind])

describe('one record', () => {
  const netsuite = { status: 400, body: { title: 'Bad Request', status: 400, 'o:errorDetails': [{ detail: 'used', 'o:errorCode': 'IDEMPOTENCY_ERROR' }] } }
  const job = { location: 'https://1.suitetalk.api.netsuite.com/services/rest/async/v1/job/5' }
  const gocardless = { status: 409, body: { error: { type: 'invalid_state', errors: [{ reason: 'idempotent_creation_conflict', links: { conflicting_resource_id: 'PM0007' } }] } } }
  const key = { header: 'Idempotency-Key' }
  it.each<[string, Partial<ActionInput>, Parameters<typeof read>[1], string]>([
    ['NetSuite: created, 204 with Location', {}, { status: 204, headers: { location: 'https://x/record/v1/customer/107' } }, '107'],
    ['NetSuite: a repeated key names the first job', { idempotency: { ...key, repeated: [400] } }, { ...netsuite, headers: job }, '5'],
    ['... another 400 does not', { idempotency: { ...key, repeated: [400] } }, { ...netsuite, body: { title: 'Invalid field' } }, 'refused'],
    ['GoCardless: a repeated key links the first', { idempotency: { ...key, repeated: [409], first: 'error.errors.0.links.conflicting_resource_id' } }, gocardless, 'PM0007'],
    ['Stripe: the key with other parameters', { idempotency: key, reason: 'error.message' }, { status: 400, body: { error: { type: 'idempotency_error', message: 'Keys for idempotent requests can only be used with the same parameters' } } }, 'refused'],
    ['a rule that says it is done', { errors: [{ status: [409], path: 'code', in: ['DUPLICATE'], then: 'ok' }], id: 'existing' }, { status: 409, body: { code: 'DUPLICATE', existing: 7 } }, '7'],
    ['BAPI: an E among the messages of a 200', { errors: [{ path: 'RETURN.*.TYPE', in: ['E', 'A'], then: 'refused', reason: 'RETURN.*.MESSAGE' }] }, { body: { RETURN: [{ TYPE: 'S' }, { TYPE: 'E', MESSAGE: 'Period closed' }] } }, 'refused'],
    ['a limit in a 400', { errors: [{ path: 'error.code', in: ['SSS_REQUEST_LIMIT_EXCEEDED'], then: 'throttled' }] }, { status: 400, body: { error: { code: 'SSS_REQUEST_LIMIT_EXCEEDED' } } }, 'throttled'],
    ['a limit that a 500 tells of in its body was not taken', { errors: [{ path: 'code', in: ['BUSY'], then: 'throttled' }] }, { status: 500, body: { code: 'BUSY' } }, 'throttled'],
    ['a 503 with Retry-After alone says nothing', {}, { status: 503, headers: { 'retry-after': '1' } }, 'unclear'],
    ['a sign-in page in a 200', {}, { body: '<html><form>', headers: { 'content-type': 'text/html' } }, 'unclear'],
    ['XML', { format: 'xml', id: 'Contact.Id', success: { path: 'Contact.Status', in: ['OK'] } }, { body: '<?xml version="1.0"?><Contact><Id>0042</Id><Status>OK</Status></Contact>' }, '0042'],
    ['half of an XML', { format: 'xml', success: { path: 'Contact.Status', in: ['OK'] } }, { body: '' }, 'unclear'],
    ['an error in JSON where XML is spoken', { format: 'xml', reason: 'message' }, { status: 422, body: { message: 'no' } }, 'refused'],
    ['DELETE of what is gone', { method: 'DELETE', path: '/a/{id}' }, { status: 404, body: { error: 'gone' } }, 'delivered'],
    ['a lock', {}, { status: 423, body: {} }, 'refused'],
  ])('%s', async (_name, action, answer, kind) => {
    expect(kinds(await read(action, answer))).toEqual([kind])
  })

  it('reads a mutation that took effect although a field below it failed, and no other one', async () => {
    const action = { path: '', id: 'data.create.id' }
    const source = { kind: 'graphql' as const, errors: [] }
    expect(kinds(await read(action, { body: 'Bad gateway' }, source))).toEqual(['unclear'])
    expect(kinds(await read(action, { body: { data: { create: { id: 'x1' } } } }, source))).toEqual(['x1'])
    const errors = [{ message: 'no such tag', path: ['create', 'tags'], extensions: { code: 'BAD_USER_INPUT' } }]
    expect(kinds(await read(action, { body: { data: { create: { id: 'x1', tags: null } }, errors } }, source))).toEqual(['x1'])
    expect(kinds(await read(action, { body: { data: { create: null }, errors } }, source))).toEqual(['refused'])
    expect(kinds(await read(action, { body: { data: null, errors: [{ message: 'Throttled', extensions: { code: 'THROTTLED' } }] } }, source))).toEqual(['throttled'])
  })
})

describe('many records in one request', () => {
  const hubspot = { size: 10, records: 'inputs', results: 'results', key: { result: 'properties.email', column: 'email' } }
  const contact = (i: number) => ({ id: `h${i}`, properties: { email: `u${i}@example.com` } })
  it.each<[string, Partial<ActionInput>, Parameters<typeof read>[1], string[]]>([
    ['HubSpot: 207 with results apart from errors', { batch: hubspot, id: 'id' }, { status: 207, n: 2, body: { status: 'COMPLETE', results: [contact(2)], numErrors: 1, errors: [{ status: 'error', category: 'VALIDATION_ERROR', message: 'bad' }] } }, ['refused', 'h2']],
    ['... without errors what is missing is unclear', { batch: hubspot, id: 'id' }, { n: 2, body: { results: [contact(2)] } }, ['unclear', 'h2']],
    ['Salesforce collections: by place', { batch: { size: 10, records: 'records', results: '' }, id: 'id' }, { n: 2, body: [{ id: '001', success: true, errors: [] }, { success: false, errors: [{ statusCode: 'REQUIRED_FIELD_MISSING' }] }] }, ['001', 'refused']],
    ['... a lock is worth another try', { batch: { size: 10, records: 'records', results: '', again: { path: 'errors.*.statusCode', in: ['UNABLE_TO_LOCK_ROW'] } } }, { n: 1, body: [{ success: false, errors: [{ statusCode: 'UNABLE_TO_LOCK_ROW' }] }] }, ['again']],
    ['fewer results than records by place', { batch: { size: 10, records: 'records', results: '' } }, { n: 2, body: [{ success: true }] }, ['unclear', 'unclear']],
    ['QuickBooks: in another order, by place', { batch: { size: 10, records: 'BatchItemRequest', item: { bId: '{index}', Customer: '{record}' }, results: 'BatchItemResponse', key: { result: 'bId', column: '{index}' } }, id: 'Customer.Id' }, { n: 2, body: { BatchItemResponse: [{ bId: '1', Customer: { Id: '9' } }, { bId: '0', Fault: { Error: [{ code: '6240' }] } }] } }, ['refused', '9']],
    ['OData $batch', { batch: { size: 10, records: 'requests', results: 'responses', key: { result: 'id', column: '{index}' } }, id: 'body.ID' }, { n: 4, body: { responses: [{ id: '0', status: 201, body: { ID: 5 } }, { id: '1', status: 400 }, { id: '2', status: 429 }, { id: '3', status: 502 }] } }, ['5', 'refused', 'again', 'unclear']],
  ])('%s', async (_name, action, answer, expected) => {
    expect(kinds(await read(action, answer))).toEqual(expected)
  })
})

describe('requests', () => {
  const build = async (action: Partial<ActionInput>, n = 1, source: Partial<SourceInput> = {}, soap: unknown = null) => {
    const destination = { kind: 'action', connection: 'c', source: sourceSchema.parse({ baseUrl: connection.baseUrl, ...source }), action: actionSchema.parse({ name: 'a', path: '/a', ...action }) } as const
    return createRequests(destination, { ...connection, soap } as unknown as Connection, String).send(items(n), { version: 1, accessToken: 'tok', expiresAt: null, refreshToken: null })
  }

  it('puts a key at a path, records around and inside of what the API wants', async () => {
    expect(JSON.parse((await build({ body: { variables: { input: { email: '{email}' } } }, idempotency: { field: 'variables.input.clientMutationId' } })).body!)).toEqual({ variables: { input: { email: 'u1@example.com', clientMutationId: 'k0' } } })
    expect(JSON.parse((await build({ body: { Id: '{id}' }, batch: { size: 2, records: 'BatchItemRequest', item: { bId: '{index}', operation: 'create', Customer: '{record}' }, body: { minor: 75 } } }, 2)).body!)).toEqual({
      minor: 75, BatchItemRequest: [{ bId: '0', operation: 'create', Customer: { Id: 1 } }, { bId: '1', operation: 'create', Customer: { Id: 2 } }],
    })
    expect((await build({ headers: { 'If-Match': '"{id}"' }, path: '/{version}/a/{id}', method: 'PATCH' }, 1, { version: 'v7' }))).toMatchObject({ method: 'PATCH', headers: { 'if-match': '"1"' }, url: new URL('https://api.example.com/v1/v7/a/1') })
  })

  it('calls an operation with columns filled in, and one with many records', async () => {
    const calls: unknown[] = []
    const soap = { request: async (call: unknown, token: { accessToken: string }) => (calls.push([call, token.accessToken]), { body: '<E/>', headers: { SOAPAction: '"add"', 'Content-Type': 'text/xml' } }) }
    const one = await build({ path: '', soap: { operation: 'add', args: { record: { tranDate: '{date}', externalId: '{id}' } }, headers: { preferences: { for: '{id}' } } }, idempotency: { field: 'record.key' } }, 1, {}, soap)
    expect(one).toMatchObject({ method: 'POST', body: '<E/>', headers: { soapaction: '"add"', 'content-type': 'text/xml' } })
    await build({ soap: { operation: 'addList', args: { all: true } }, body: { id: '{id}' }, batch: { size: 9, records: 'record' } }, 2, {}, soap)
    expect(calls).toEqual([
      [{ operation: 'add', args: { record: { tranDate: '2026-01-02', externalId: 1, key: 'k0' } }, headers: { preferences: { for: 1 } } }, 'tok'],
      [{ operation: 'addList', args: { all: true, record: [{ id: 1 }, { id: 2 }] }, headers: null }, 'tok'],
    ])
  })
})
