/**
 * The yardstick: what a person writes by hand. undici, JSON.parse, pg-copy-streams; no durability, no checks.
 * Arguments: one JSON object. Prints {records, seconds}.
 */
import { once } from 'node:events'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { request } from 'undici'

interface Job {
  url: string
  databaseUrl: string
  table: string
  paging: 'cursor' | 'offset'
  pageSize: number
  concurrency: number
  headers: Record<string, string>
}

interface Transaction {
  [field: string]: unknown
}

const COLUMNS = ['id', 'ledger_no', 'booked_at', 'amount', 'currency', 'status', 'counterparty', 'reference', 'updated_at'] as const

const escape = (text: string): string => text.replace(/[\\\t\n\r]/g, (c) => (c === '\\' ? '\\\\' : c === '\t' ? '\\t' : c === '\n' ? '\\n' : '\\r'))

function row(r: Transaction): string {
  return `${[r['id'], r['ledgerNo'], r['booked_at'], r['amount'], r['currency'], r['status'], (r['counterparty'] as Transaction)['name'], r['memo'], r['updated_at']]
    .map((v) => (v === null || v === undefined ? '\\N' : escape(String(v))))
    .join('\t')}\n`
}

async function* cursorPages(job: Job): AsyncGenerator<Transaction[]> {
  let after: string | null = null
  do {
    const url: string = `${job.url}/cursor/transactions?limit=${job.pageSize}${after ? `&after=${encodeURIComponent(after)}` : ''}`
    const answer = await request(url, { headers: job.headers })
    const body = JSON.parse(await answer.body.text()) as { result: { records: Transaction[] }; meta: { next_cursor: string | null } }
    yield body.result.records
    after = body.meta.next_cursor
  } while (after)
}

async function* offsetPages(job: Job): AsyncGenerator<Transaction[]> {
  const page = async (offset: number): Promise<Transaction[]> => {
    const answer = await request(`${job.url}/offset/transactions?limit=${job.pageSize}&offset=${offset}`, { headers: job.headers })
    return (JSON.parse(await answer.body.text()) as { items: Transaction[] }).items
  }
  const ahead: Promise<Transaction[]>[] = []
  for (let offset = 0; ; ) {
    while (ahead.length < job.concurrency) {
      ahead.push(page(offset))
      offset += job.pageSize
    }
    const records = await ahead.shift()!
    if (records.length === 0) break
    yield records
    if (records.length < job.pageSize) break
  }
  await Promise.allSettled(ahead)
}

const job = JSON.parse(process.argv[2]!) as Job
const client = new pg.Client({ connectionString: job.databaseUrl })
await client.connect()
const began = performance.now()
const copy = client.query(copyFrom(`COPY ${job.table} (${COLUMNS.join(', ')}) FROM STDIN`))
let records = 0
for await (const page of job.paging === 'cursor' ? cursorPages(job) : offsetPages(job)) {
  let text = ''
  for (const r of page) text += row(r)
  records += page.length
  if (!copy.write(text)) await once(copy, 'drain')
}
copy.end()
await once(copy, 'finish')
console.log(JSON.stringify({ records, seconds: (performance.now() - began) / 1000 }))
await client.end()
process.exit(0)
