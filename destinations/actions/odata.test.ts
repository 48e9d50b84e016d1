import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { odata, type ODataSource } from '../../connectors/odata.ts'
import type { ActionRef } from '../../connectors/rest.ts'
import type { PostResult, RefusedRow } from '../../model/run.ts'
import { json, testServer, type TestServer } from '../../protocols/testing/server.ts'
import { actionPlan, migrated, openAction } from '../../test/support/action-destination.ts'
import { mockSapOfSuite } from '../../test/support/mock-sap.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { chunkOf, column } from '../../test/support/stream-plan.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
  await migrated(database.url)
})
afterAll(() => database?.close())

/** Posts rows to an action as a run would. */
async function post({ source, action, key }: ActionRef, names: string[], rows: unknown[][]): Promise<{ result: PostResult; refused: RefusedRow[] }> {
  const plan = actionPlan(source.baseUrl as string, action, { columns: names.map((n) => column(n)), key: key ?? [names[0]!] }, source)
  const streamKey = `s/${randomUUID()}`
  const one = openAction(database.url, plan, { streamKey })
  const { epoch } = await one.destination.begin(plan, streamKey, randomUUID())
  const refused: RefusedRow[] = []
  const result = await one.destination.post(...(await chunkOf(rows, { plan, streamKey, epoch, seq: 1 })), async (r) => void refused.push(...r))
  await one.close()
  return { result, refused }
}

describe('an OData server that is not ours', () => {
  const sap = mockSapOfSuite()

  it.each([
    [2, '/sap/opu/odata/sap/API_BUSINESS_PARTNER_SRV', 'A_BusinessPartner'],
    [4, '/sap/opu/odata4/sap/api_businesspartner/srvd_a2x/sap/api_businesspartner/0001', 'BusinessPartner'],
  ] as const)('V%i: creates, changes and deletes behind a CSRF token', async (version, base, set) => {
    const service: ODataSource = odata({ baseUrl: sap.url + base, version, csrf: true })
    const names = ['BusinessPartner', 'BusinessPartnerCategory', 'OrganizationBPName1']
    const ids = [`88${version}0001`, `88${version}0002`]
    const rows = ids.map((id) => [id, '2', "O'Neil & Sons"])
    const get = async (id: string): Promise<any> => {
      const body = (await (await fetch(`${sap.url}${base}/${set}('${id}')?${version === 2 ? '$format=json' : ''}`)).json()) as any
      return body.d ?? body
    }
    expect((await post(service.create(set, { key: 'BusinessPartner' }), names, rows)).result).toMatchObject({ inserted: 2, refused: 0, stop: null })
    expect((await get(ids[0]!)).OrganizationBPName1).toBe("O'Neil & Sons")
    const changed = await post(service.update(set, { key: 'BusinessPartner', body: { OrganizationBPName1: '{OrganizationBPName1}' } }), names, ids.map((id) => [id, '2', 'Neu']))
    expect(changed).toMatchObject({ result: { refused: 0, stop: null } })
    expect((await get(ids[1]!)).OrganizationBPName1).toBe('Neu')
    const stale = await post(service.update(set, { key: 'BusinessPartner', body: { OrganizationBPName1: 'x' }, ifMatch: 'W/"old"' }), names, [rows[0]!])
    expect(stale.result).toMatchObject({ refused: 1, stop: null })
    expect(stale.refused[0]!.reason).toContain('412')
    const gone = await post(service.delete(set, { key: 'BusinessPartner' }), names, rows)
    expect([gone.result.stop, gone.refused.map((r) => r.reason)]).toEqual([null, gone.refused.map(() => expect.stringContaining('not') as string)])
  })

  it('a BAPI that fails in an answer of 200 refuses the record, in its own words', async () => {
    const service = odata({ baseUrl: sap.url, csrf: '/sap/opu/odata/sap/API_BUSINESS_PARTNER_SRV/', errors: [{ path: 'RETURN.*.TYPE', in: ['E', 'A'], then: 'refused', reason: 'RETURN.0.MESSAGE' }] })
    const line = (no: string, amount: string): Record<string, string> => ({ ITEMNO_ACC: no, CURRENCY: 'EUR', AMT_DOCCUR: amount })
    const document = { DOCUMENTHEADER: { COMP_CODE: '1010', DOC_DATE: '20260101', PSTNG_DATE: '20260101', DOC_TYPE: 'SA', USERNAME: 'X' }, ACCOUNTGL: ['1', '2'].map((n) => ({ ITEMNO_ACC: n, GL_ACCOUNT: '0000400000' })), CURRENCYAMOUNT: [line('1', '{debit}'), line('2', '{credit}')] }
    const { result, refused } = await post(service.action('journal.post', { path: '/sap/bc/rfc/BAPI_ACC_DOCUMENT_POST', key: 'ref', body: document }), ['ref', 'debit', 'credit'], [['a', '10.00', '-9.00'], ['b', '10.00', '-10.00']])
    expect(result).toMatchObject({ inserted: 1, refused: 1, stop: null })
    expect(refused[0]!.reason).toContain('Balance in transaction currency: 1.00 EUR')
  })
})

describe('the token against forgery', () => {
  /** Takes a token only with the cookie it came with, at the root with its slash, and forgets both after `lasts` writes. */
  async function strict(lasts: number): Promise<{ server: TestServer; written: string[]; fetched: () => number }> {
    const written: string[] = []
    let sessions = 0
    const left = new Map<string, number>()
    const server = await testServer((req, res) => {
      if (req.method === 'GET') {
        if (req.path !== '/svc/' || req.headers['x-csrf-token'] !== 'Fetch') return json(res, { error: { message: 'redirect' } }, 404)
        sessions += 1
        left.set(`token-${sessions}`, lasts)
        return setTimeout(() => json(res, { value: [] }, 200, { 'x-csrf-token': `token-${sessions}`, 'set-cookie': `SAP_SESSION=token-${sessions}; path=/; HttpOnly` }), 20)
      }
      const token = String(req.headers['x-csrf-token'])
      const uses = left.get(token) ?? 0
      if (uses <= 0 || req.headers.cookie !== `SAP_SESSION=${token}`) return json(res, { error: { code: 'CSRF', message: 'CSRF token validation failed' } }, 403, { 'x-csrf-token': 'Required' })
      left.set(token, uses - 1)
      written.push((JSON.parse(req.body) as { Id: string }).Id)
      return json(res, { Id: '1' }, 201)
    })
    return { server, written, fetched: () => sessions }
  }

  it('is fetched once for all that write at the same time, together with its cookie', async () => {
    const { server, written, fetched } = await strict(1000)
    const service = odata({ baseUrl: `${server.url}/svc`, csrf: true, concurrency: 4 })
    const rows = Array.from({ length: 20 }, (_, i) => [String(i)])
    expect((await post(service.create('Orders', { key: 'Id' }), ['Id'], rows)).result).toMatchObject({ inserted: 20, stop: null })
    expect(written.length).toBe(20)
    expect(fetched()).toBe(1)
    await server.close()
  })

  it('is fetched again when it has run out; nothing is written twice', async () => {
    const { server, written, fetched } = await strict(3)
    const service = odata({ baseUrl: `${server.url}/svc`, csrf: true, concurrency: 1 })
    const rows = Array.from({ length: 7 }, (_, i) => [String(i)])
    expect((await post(service.create('Orders', { key: 'Id' }), ['Id'], rows)).result).toMatchObject({ inserted: 7, stop: null })
    expect([...written].sort()).toEqual(rows.map(([id]) => id))
    expect(fetched()).toBe(3)
    await server.close()
  })

  it('one that is never taken is no missing permission', async () => {
    const { server, written } = await strict(0)
    const { result } = await post(odata({ baseUrl: `${server.url}/svc`, csrf: true }).create('Orders', { key: 'Id' }), ['Id'], [['1']])
    expect(result.stop).toMatchObject({ kind: 'interrupted', type: 'Transient', reason: expect.stringContaining('CSRF') as string })
    expect(written).toEqual([])
    await server.close()
  }, 20_000)
})
