import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { searchId, soap, tokenPassport } from '../../connectors/soap.ts'
import { actionSchema, sourceSchema, streamSchema } from '../../model/index.ts'
import type { Position } from '../../model/index.ts'
import { openConnection, openRest, readPages } from '../rest/index.ts'
import { wide } from '../testing/reading.ts'
import { NETSUITE, startNetSuite, type NetSuite } from './testing/netsuite.ts'

const COUNT = 205
const env: Record<string, string> = { KEY: 'key', SECRET: 'secret-of-consumer', TOKEN: 'token', TOKEN_SECRET: 'secret-of-token' }
const resolve = (value: unknown) => (typeof value === 'string' ? value : env[(value as { env: string }).env]!)

describe.skipIf(NETSUITE === null)('NetSuite by its own WSDL, at a server made by the soap library', () => {
  let server: NetSuite
  beforeAll(async () => {
    server = await startNetSuite(COUNT)
  })
  afterAll(() => server?.close())

  const describeIt = () =>
    soap({
      wsdl: 'wsdl/netsuite.wsdl', baseUrl: server.url, timeout: '20s',
      security: tokenPassport({ account: '1234567', consumerKey: { env: 'KEY' }, consumerSecret: { env: 'SECRET' }, token: { env: 'TOKEN' }, tokenSecret: { env: 'TOKEN_SECRET' } }),
      soapHeaders: { searchPreferences: { bodyFieldsOnly: true, pageSize: 40 } },
    })
  const customers = () =>
    describeIt().stream('customers', {
      path: '/services', operation: 'search',
      args: { searchRecord: { '@xsi:type': 'CustomerSearchBasic', lastModifiedDate: { '@operator': 'onOrAfter', searchValue: '{since}' } } },
      records: 'searchResponse.searchResult.recordList.record', key: '@internalId',
      page: searchId({ id: 'searchResponse.searchResult.searchId', totalPages: 'searchResponse.searchResult.totalPages' }),
      more: { operation: 'searchMoreWithId', args: { searchId: '{cursor}', pageIndex: '{page}' } },
      incremental: { field: 'lastModifiedDate', start: '1970-01-01T00:00:00Z' },
    })

  async function read(since: string | null = '1970-01-01T00:00:00Z') {
    const { source, stream } = customers()
    const plan = streamSchema.parse(stream)
    const reader = openRest({ source: sourceSchema.parse(source), stream: plan, resolve, projectDir: server.projectDir })
    const records: any[] = []
    try {
      const result = await readPages({
        reader, since, position: null as Position | null, budget: wide, token: async () => null, pacer: null, signal: new AbortController().signal,
        onPage: async (page) => {
          records.push(...JSON.parse(page.body.toString()).searchResponse.searchResult.recordList.record)
        },
      })
      return { records, result }
    } finally {
      await reader.close()
    }
  }

  test('is read in full page by page while 2.4 MB of schemas are parsed, and the event loop is never held up for 200 ms', async () => {
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    await new Promise((r) => setTimeout(r, 50))
    delay.reset()
    const { records, result } = await read()
    delay.disable()
    expect(result.stop).toEqual({ kind: 'done' })
    expect(records.map((r) => r['@internalId'])).toEqual(Array.from({ length: COUNT }, (_, i) => String(i + 1)))
    expect(records[204]).toEqual({ '@xsi:type': 'Customer', '@internalId': '205', entityId: '205', companyName: 'Müller & <Söhne> "205" 漢字', balance: '10000000000000204.10', lastModifiedDate: '2024-01-09T12:00:00.000Z' })
    expect(server.seen.map((s) => s.call)).toEqual(['search', ...Array(5).fill('searchMoreWithId')])
    expect(server.seen[2]!.args).toMatchObject({ searchId: 'S1', pageIndex: 3 })
    const passports = server.seen.map((s) => s.headers.tokenPassport)
    expect(new Set(passports.map((p) => p.nonce)).size).toBe(6)
    expect(passports[0]).toMatchObject({ account: '1234567', signature: { attributes: { algorithm: 'HMAC-SHA256' } } })
    expect(server.seen[0]!.headers.searchPreferences).toEqual({ bodyFieldsOnly: 'true', pageSize: '40' })
    expect(delay.max / 1e6).toBeLessThan(200)
  })

  test('is read incrementally; a single record is a list, and none an empty one', async () => {
    expect((await read('2024-01-09T12:00:00Z')).records.map((r) => r['@internalId'])).toEqual(['205'])
    expect(await read('2025-01-01T00:00:00Z')).toMatchObject({ records: [], result: { stop: { kind: 'done' } } })
  })

  test.each([
    ['insufficientPermissionFault', 'INSUFFICIENT_PERMISSION', 'refused'],
    ['invalidCredentialsFault', 'USER_ERROR', 'refused'],
  ])('the fault %s ends in the right state', async (element, code, kind) => {
    await server.fail(Array(10).fill({ element, code }))
    const { result } = await read()
    await server.fail([])
    expect(result.stop).toMatchObject({ kind, reason: expect.stringContaining(code), ...(element.startsWith('invalidC') ? { type: 'AuthFailed' } : {}) })
  })

  test('a limit is waited for', async () => {
    await server.fail([{ element: 'exceededConcurrentRequestLimitFault', code: 'WS_CONCUR_SESSION_DISALLWD' }])
    expect(await read('2024-01-09T12:00:00Z')).toMatchObject({ records: [{ entityId: '205' }], result: { stop: { kind: 'done' }, requests: 2 } })
  })

  test('is written to; results are told one by one', async () => {
    const { source, action } = describeIt().action('customers.add', { operation: 'addList', args: { record: [] }, batch: { size: 10, records: 'record', results: 'addListResponse.writeResponseList.writeResponse' } })
    const { operation } = actionSchema.parse(action).soap!
    const connection = openConnection({ source: sourceSchema.parse(source), resolve, projectDir: server.projectDir })
    const record = ['O\'Neil & <Sons>]]>', 'bad', '</record><record>'].map((companyName, i) => ({ '@xsi:type': 'Customer', '@externalId': `" x="${i}`, isPerson: false, companyName, subsidiary: { '@internalId': i + 1, '@type': 'subsidiary' } }))
    const made = await connection.soap!.request({ operation, args: { record }, headers: null }, null)
    const answer = await connection.http.request({ url: `${server.url}/services`, method: 'POST', body: made.body, headers: made.headers })
    const { addListResponse } = (await connection.soap!.read(operation, answer.body)) as any
    await connection.close()
    expect(addListResponse.writeResponseList.writeResponse.map((r: any) => r.status['@isSuccess'])).toEqual(['true', 'false', 'true'])
    expect(addListResponse.writeResponseList.writeResponse[1].status.statusDetail).toEqual([{ '@type': 'ERROR', code: 'INVALID_KEY_OR_REF', message: 'this one is bad' }])
    const heard = server.seen.at(-1)!.args.record
    expect(heard.map((r: any) => r.companyName)).toEqual(record.map((r) => r.companyName))
    expect(heard.map((r: any) => r.attributes.externalId)).toEqual(['" x="0', '" x="1', '" x="2'])
    expect(heard[2].subsidiary.attributes).toEqual({ internalId: '3', type: 'subsidiary' })
  })
})
