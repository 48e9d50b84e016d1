import { describe, expect, it } from 'vitest'
import { odata, type EntityOptions } from '../../connectors/odata.ts'
import { mockSapOfSuite } from '../../test/support/mock-sap.ts'
import type { SourceInput } from '../../model/index.ts'
import { reading, type Reading } from '../testing/reading.ts'
import { json, testServer } from '../testing/server.ts'

const V2 = '/sap/opu/odata/sap/API_BUSINESS_PARTNER_SRV'
const V4 = '/sap/opu/odata4/sap/api_businesspartner/srvd_a2x/sap/api_businesspartner/0001'

/** Reads a stream of `entity` and gives its records. */
async function read(baseUrl: string, version: 2 | 4, set: string, options: EntityOptions, since: string | null = null): Promise<{ records: any[]; stop: any; marks: (string | null)[] }> {
  const { source, stream } = odata({ baseUrl, version }).entity(set, options)
  const one: Reading = reading(baseUrl, stream as never, source as Partial<SourceInput>)
  const records: unknown[] = []
  const marks: (string | null)[] = []
  const { stop } = await one.read({ since, onPage: (page) => Promise.resolve(void (records.push(...page.list), marks.push(page.mark))) })
  await one.close()
  return { records, stop, marks }
}

describe('an OData server that is not ours', () => {
  const sap = mockSapOfSuite()

  it.each([
    [2, V2, 'A_BusinessPartner', '$format=json', (body: any) => body.d.results],
    [4, V4, 'BusinessPartner', '', (body: any) => body.value],
  ] as const)('V%i: in full by both kinds of paging, selected, filtered, and what changed since', async (version, base, set, query, listOf) => {
    const all: any[] = listOf(await (await fetch(`${sap.url}${base}/${set}?${query}`)).json())
    const ids = (list: any[]): string[] => list.map((r) => r.BusinessPartner as string)
    expect(all.length).toBeGreaterThan(10)
    for (const paging of ['server', 'client'] as const) {
      const { records, stop } = await read(sap.url + base, version, set, { key: 'BusinessPartner', paging, size: 4, select: ['BusinessPartner', 'LastChangeDate'], orderby: 'BusinessPartner' })
      expect(stop).toEqual({ kind: 'done' })
      expect(ids(records).sort()).toEqual(ids(all).sort())
      expect(Object.keys(records[0]).filter((k) => !k.startsWith('@') && k !== '__metadata')).toEqual(['BusinessPartner', 'LastChangeDate'])
    }
    const time = (r: any): number => (version === 2 ? Number(/\d+/.exec(r.LastChangeDate)![0]) : Date.parse(r.LastChangeDate))
    const since = [...all].map(time).sort((a, b) => a - b)[5]!
    const expected = all.filter((r) => time(r) >= since && r.BusinessPartnerIsBlocked === false)
    const changed = await read(sap.url + base, version, set, { key: 'BusinessPartner', filter: 'BusinessPartnerIsBlocked eq false or 1 eq 2', incremental: 'LastChangeDate' }, new Date(since).toISOString())
    expect(changed.stop).toEqual({ kind: 'done' })
    expect(expected.length).toBeLessThan(all.length)
    expect(ids(changed.records).sort()).toEqual(ids(expected).sort())
  })

  it('V4: what changed since the last run, by its delta link', async () => {
    const first = await read(sap.url + V4, 4, 'BusinessPartner', { delta: true })
    const mark = first.marks.at(-1)!
    expect(mark).toContain('deltatoken')
    expect((await read(sap.url + V4, 4, 'BusinessPartner', { delta: true }, mark)).records.length).toBe(0)
  })

  it('says why in the words of the error body', async () => {
    const { stop } = await read(sap.url + V2, 2, 'A_BusinessPartner', { select: ['Nothing'] })
    expect(stop).toMatchObject({ kind: 'refused', type: 'Contract', reason: expect.stringContaining('Nothing') as string })
    expect(stop.reason).not.toContain('{')
  })
})

describe.concurrent('answers', () => {
  it('next links: absolute, relative, and to another host', async () => {
    const pages: Record<string, unknown> = {
      '': { value: [{ Id: 1 }], '@odata.nextLink': 'Orders?$skiptoken=2' },
      '2': { value: [{ Id: 2 }], '@odata.nextLink': 'URL/svc/Orders?$skiptoken=3' },
      '3': { value: [{ Id: 3 }], '@odata.deltaLink': 'Orders?$deltatoken=9' },
      d9: { value: [{ Id: 4 }], '@odata.deltaLink': 'Orders?$deltatoken=9' },
    }
    const server = await testServer((req, res) => {
      const body = JSON.stringify(pages[req.query.has('$deltatoken') ? `d${req.query.get('$deltatoken')}` : (req.query.get('$skiptoken') ?? '')]).replace('URL', server.url)
      res.setHeader('content-type', 'application/json')
      res.end(body)
    })
    const { records, stop, marks } = await read(`${server.url}/svc/`, 4, 'Orders', { delta: true, size: 50 })
    expect(records.map((r) => r.Id as number)).toEqual([1, 2, 3])
    expect(stop).toEqual({ kind: 'done' })
    expect(server.seen[0]!.headers['prefer']).toBe('odata.track-changes, odata.maxpagesize=50')
    expect((await read(`${server.url}/svc/`, 4, 'Orders', { delta: true }, marks.at(-1)!)).records).toEqual([{ Id: 4 }])
    pages['']= { value: [], '@odata.nextLink': 'http://127.0.0.2:1/svc/Orders?$skiptoken=2' }
    expect((await read(`${server.url}/svc/`, 4, 'Orders', {})).stop).toMatchObject({ kind: 'refused', type: 'ForeignOrigin' })
    await server.close()
  })

  it.each([
    [200, { value: [{ Id: 1 }], error: { code: 'X', message: 'the database went away' } }, { kind: 'interrupted', type: 'Transient' }, 'the database went away'],
    [423, { error: { code: 'LOCK', message: { lang: 'en', value: 'locked by CB1' } } }, { kind: 'interrupted', type: 'Transient' }, 'locked by CB1'],
    [400, { error: { code: 'E1', message: { value: 'no' }, innererror: { errordetails: [{ message: 'no' }, { message: 'field Amount' }] } } }, { kind: 'refused', type: 'Contract' }, 'no (E1); field Amount'],
    [403, { error: { code: 'P', message: 'not you' } }, { kind: 'refused', type: 'PermissionDenied' }, 'not you'],
  ])('HTTP %i', async (status, body, stop, reason) => {
    const server = await testServer((_req, res) => json(res, body, status))
    const found = await read(server.url, 4, 'Orders', {})
    expect(found.stop).toMatchObject(stop)
    expect(found.stop.reason).toContain(reason)
    expect(found.records).toEqual([])
    await server.close()
  }, 15_000)
})
