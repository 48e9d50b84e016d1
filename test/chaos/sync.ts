import type { ChaosOptions } from './options.ts'

/** The sync under test. Rows are appended where the source stands still: no key of the table would hide one that came twice. */
export function syncFile(o: ChaosOptions, more: { auth: boolean; ownDatabase: boolean }): string {
  const sized = `size: ${o.pageSize}`
  const page = {
    cursor: `cursor({ send: 'after', next: 'meta.next_cursor', ${sized}, sizeParam: 'limit' })`,
    page: `pageNumber({ param: 'page', totalPages: 'total_pages', ${sized}, sizeParam: 'per_page' })`,
    offset: `offset({ param: 'offset', total: 'total', ${sized}, sizeParam: 'limit' })`,
    link: `link({ ${sized}, sizeParam: 'per_page' })`,
  }[o.paging]
  const records = { cursor: 'result.records', page: 'data', offset: 'items', link: '' }[o.paging]
  const auth = `auth: oauth2ClientCredentials({ tokenUrl: '/oauth/token', clientId: 'sim-client', clientSecret: env('CHAOS_SECRET') }),`
  return `import { cursor, defineSync, env, fields, link, oauth2ClientCredentials, offset, pageNumber, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('CHAOS_URL'), timeout: '4s', concurrency: 4, ${more.auth ? auth : ''} }).stream('transactions', { path: '/${o.paging}/transactions', records: '${records}', key: 'id', page: ${page} }),
  to: ${more.ownDatabase ? `postgres({ url: env('CHAOS_DB') })` : 'postgres'}.table('chaos'),
  mode: '${isUpsert(o) ? 'upsert' : 'append'}',
  model: z.object({ id: z.string(), ledger_no: t.int64(), amount: t.decimal(), currency: z.string(), status: z.string(), counterparty: z.string(), reference: z.string().nullable(), updated_at: t.timestamp() }),
  map: fields({ id: 'id', ledger_no: 'ledgerNo', amount: 'amount', currency: 'currency', status: 'status', counterparty: 'counterparty.name', reference: 'memo', updated_at: 'updated_at' }),
})
`
}

/** Where records change while they are read, or a scan begins again, the same key comes more than once and must end as one row. */
export function isUpsert(o: ChaosOptions): boolean {
  return o.target === 'api' || o.target === 'all'
}
