import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { makeProject, type Dev, type Project } from '../support/cli.ts'
import { startMockSap, type MockSap } from '../support/mock-sap.ts'

const V2 = '/sap/opu/odata/sap'
const V4 = '/sap/opu/odata4/sap'
const BASIC = "basic({ username: env('SAP_USER'), password: env('SAP_PASSWORD') })"
const OAUTH = "oauth2ClientCredentials({ tokenUrl: '/sap/bc/sec/oauth2/token', clientId: env('SAP_USER'), clientSecret: env('SAP_PASSWORD') })"
const CREDENTIALS = { SAP_USER: 'reader', SAP_PASSWORD: 'test-only-secret' }

type Kind = 'text' | 'decimal' | 'date' | 'timestamp' | 'bool'
const MODEL: Record<Kind, string> = { text: 'z.string().nullable()', decimal: 't.decimal().nullable()', date: 't.date().nullable()', timestamp: 't.timestamp().nullable()', bool: 'z.boolean()' }
const COLUMN: Record<Kind, string> = { text: 'text', decimal: 'numeric', date: 'date', timestamp: 'timestamp with time zone', bool: 'boolean' }

interface Case {
  path: string
  key: string[]
  fields: Record<string, Kind>
}

const PARTNER: Case['fields'] = { BusinessPartner: 'text', BusinessPartnerFullName: 'text', Supplier: 'text', Industry: 'text', CreationDate: 'date', LastChangeDate: 'timestamp', BusinessPartnerIsBlocked: 'bool' }
const CASES: Record<string, Case> = {
  v2_partners: { path: `${V2}/API_BUSINESS_PARTNER_SRV/A_BusinessPartner`, key: ['BusinessPartner'], fields: PARTNER },
  v2_journal: { path: `${V2}/API_JOURNALENTRY_SRV/A_JournalEntry`, key: ['AccountingDocument', 'CompanyCode', 'FiscalYear'], fields: { AccountingDocument: 'text', CompanyCode: 'text', FiscalYear: 'text', DocumentDate: 'date', PostingDate: 'timestamp', TransactionCurrency: 'text', AccountingDocumentHeaderText: 'text' } },
  v2_journal_items: { path: `${V2}/API_JOURNALENTRY_SRV/A_JournalEntryItem`, key: ['AccountingDocument', 'CompanyCode', 'FiscalYear', 'AccountingDocumentItem'], fields: { AccountingDocument: 'text', CompanyCode: 'text', FiscalYear: 'text', AccountingDocumentItem: 'text', DebitCreditCode: 'text', AmountInTransactionCurrency: 'decimal', CostCenter: 'text' } },
  v4_partners: { path: `${V4}/api_businesspartner/srvd_a2x/sap/api_businesspartner/0001/BusinessPartner`, key: ['BusinessPartner'], fields: PARTNER },
  v4_orders: { path: `${V4}/api_salesorder/srvd_a2x/sap/api_salesorder/0001/SalesOrder`, key: ['SalesOrder'], fields: { SalesOrder: 'text', TotalNetAmount: 'decimal', SalesOrderDate: 'date', LastChangeDate: 'timestamp', SDDocumentReason: 'text', PricingDate: 'timestamp' } },
  v4_order_items: { path: `${V4}/api_salesorder/srvd_a2x/sap/api_salesorder/0001/SalesOrderItem`, key: ['SalesOrder', 'SalesOrderItem'], fields: { SalesOrder: 'text', SalesOrderItem: 'text', RequestedQuantity: 'decimal', NetAmount: 'decimal', OverdelivTolrtdLmtRatioInPct: 'decimal', RequestedDeliveryDate: 'timestamp' } },
}
const isV2 = (one: Case): boolean => one.path.startsWith(`${V2}/`)

/** The sync as a person writes it who knows OData as plain REST with JSON. */
function syncFile(name: string, one: Case, auth: string): string {
  const [query, records, total] = isV2(one) ? ["{ $format: 'json', $inlinecount: 'allpages' }", 'd.results', "'d.__count'"] : ["{ $count: 'true' }", 'value', "['@odata.count']"]
  const of = (line: (field: string, kind: Kind) => string): string => Object.entries(one.fields).map(([field, kind]) => line(field, kind)).join(', ')
  return `import { basic, defineSync, env, fields, oauth2ClientCredentials, offset, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('SAP_URL'), auth: ${auth}, concurrency: 2 })
    .stream('${name}', { path: '${one.path}', query: ${query}, records: '${records}', key: ${JSON.stringify(one.key)}, page: offset({ param: '$skip', size: 5, sizeParam: '$top', total: ${total} }) }),
  to: postgres.table('${name}'),
  model: z.object({ ${of((field, kind) => `${field.toLowerCase()}: ${one.key.includes(field) ? 'z.string()' : MODEL[kind]}`)} }),
  map: fields({ ${of((field) => `${field.toLowerCase()}: '${field}'`)} }),
})
`
}

/** A source value as PostgreSQL shows it. */
function asShown(value: unknown, kind: Kind): string | null {
  if (value === null || value === undefined) return null
  if (kind !== 'date' && kind !== 'timestamp') return String(value)
  const v2 = /^\/Date\((-?\d+)\)\/$/.exec(String(value))
  const iso = new Date(v2 ? Number(v2[1]) : String(value)).toISOString()
  return kind === 'date' ? iso.slice(0, 10) : iso.replace('Z', '000Z')
}

/** All records by one plain request; numbers stay the text they are. */
async function sourceRows(url: string, one: Case, authorization: string): Promise<string[]> {
  const answer = await fetch(`${url}${one.path}?${isV2(one) ? '$format=json' : '$count=true'}`, { headers: { authorization } })
  expect(answer.status).toBe(200)
  const body = JSON.parse((await answer.text()).replace(/(":\s*)(-?\d+(?:\.\d+)?)(\s*[,}\n])/g, '$1"$2"$3')) as { d?: { results: unknown[] }; value?: unknown[] }
  const records = (body.d?.results ?? body.value) as Record<string, unknown>[]
  return records.map((r) => JSON.stringify(Object.entries(one.fields).map(([field, kind]) => asShown(r[field], kind)))).sort()
}

async function tableRows(dev: Dev, name: string, one: Case): Promise<string[]> {
  const columns = Object.entries(one.fields).map(([field, kind]) => {
    const column = `"${field.toLowerCase()}"`
    return kind === 'timestamp' ? `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')` : `${column}::text`
  })
  const rows = await dev.query<{ row: (string | null)[] }>(`select array[${columns.join(', ')}] as row from "${name}"`)
  return rows.map(({ row }) => JSON.stringify(row)).sort()
}

describe('a server that is not ours', () => {
  let project: Project
  let dev: Dev
  let sap: MockSap | null = null

  beforeAll(async () => {
    project = await makeProject()
    dev = await project.dev()
  })
  afterEach(async () => {
    await sap?.stop()
    sap = null
  })
  afterAll(async () => {
    await project?.close()
  })

  async function check(names: string[], auth: string, authorization: () => Promise<string>): Promise<any[]> {
    const results: any[] = []
    for (const name of names) {
      const one = CASES[name]!
      await project.write({ [`syncs/${name}.ts`]: syncFile(name, one, auth) })
      const { json, stderr } = await project.isthmus(['run', name, '--json'], { SAP_URL: sap!.url, ...CREDENTIALS })
      const expected = await sourceRows(sap!.url, one, await authorization())
      expect(expected.length, name).toBeGreaterThan(5)
      expect(json, stderr).toMatchObject({ outcome: 'completed', total: { read: expected.length, inserted: expected.length, rejected: 0 } })
      expect(await tableRows(dev, name, one)).toEqual(expected)
      const types = await dev.query<{ name: string; type: string }>('select column_name as name, data_type as type from information_schema.columns where table_name = $1', [name])
      expect(Object.fromEntries(types.map((c) => [c.name, c.type]))).toMatchObject(Object.fromEntries(Object.entries(one.fields).map(([field, kind]) => [field.toLowerCase(), COLUMN[kind]])))
      results.push(json)
    }
    return results
  }

  it('OData V2 behind Basic: every row and type', async () => {
    const { SAP_USER, SAP_PASSWORD } = CREDENTIALS
    sap = await startMockSap(['--auth', `${SAP_USER}:${SAP_PASSWORD}`])
    const authorization = `Basic ${Buffer.from(`${SAP_USER}:${SAP_PASSWORD}`).toString('base64')}`
    await check(['v2_partners', 'v2_journal', 'v2_journal_items'], BASIC, () => Promise.resolve(authorization))

    const denied = await project.isthmus(['run', 'v2_partners', '--json'], { SAP_URL: sap.url, SAP_USER, SAP_PASSWORD: 'wrong' })
    expect(denied.code).not.toBe(0)
    expect(denied.stderr + denied.stdout).toContain('AuthFailed')
  })

  it('OData V4 behind OAuth 2.0 with tokens of 3 seconds: every row and type', async () => {
    const { SAP_USER, SAP_PASSWORD } = CREDENTIALS
    sap = await startMockSap(['--oauth', `${SAP_USER}:${SAP_PASSWORD}`, '--token-ttl', '3', '--latency-ms', '600'])
    const results = await check(['v4_partners', 'v4_orders', 'v4_order_items'], OAUTH, async () => {
      const answer = await fetch(`${sap!.url}/sap/bc/sec/oauth2/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials' }), headers: { authorization: `Basic ${Buffer.from(`${SAP_USER}:${SAP_PASSWORD}`).toString('base64')}` } })
      return `Bearer ${((await answer.json()) as { access_token: string }).access_token}`
    })
    // 13 pages of 0.6 s, two at a time, outlive a token.
    expect(results.at(-1).streams.v4_order_items.tokenRefreshes).toBeGreaterThan(0)
  })
})
