import { createHash } from 'node:crypto'
import { ALL } from '../../simulator/data/collection.ts'
import type { Dev } from '../support/cli.ts'
import type { Source } from './source.ts'

/** Rows as they should be, or as they are. */
export interface Content {
  rows: number
  ids: Map<string, number>
  /** Sum over the first 60 bits of each row's MD5, as text. */
  checksum: string
}

export const TABLE = 'chaos'
/** A row as one text, in PostgreSQL. `textOf` says the same of a source record. */
const ROW_TEXT = `concat_ws('|', id, ledger_no::text, amount::text, currency, status, counterparty, coalesce(reference, '<null>'), to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'))`

/** What the source holds now: computed from the seed, apart from anything Isthmus says. */
export function expected(source: Source): Content {
  const content: Content = { rows: 0, ids: new Map(), checksum: '' }
  let sum = 0n
  const records = source.dataset.collections.transactions
  for (const segment of records.slice(ALL, 0, Number.MAX_SAFE_INTEGER)) {
    for (let i = 0; i < segment.count; i += 1) {
      const text = source.dataset.record('transactions', segment.index + i)!
      const row = textOf(text)
      content.rows += 1
      content.ids.set(row.slice(0, row.indexOf('|')), 1)
      sum += BigInt(`0x${createHash('md5').update(row).digest('hex').slice(0, 15)}`)
    }
  }
  return { ...content, checksum: `${sum}` }
}

/** Reads the fields by pattern, so that no parser rounds a number. */
function textOf(record: string): string {
  const field = (pattern: RegExp): string => pattern.exec(record)![1]!
  const parsed = JSON.parse(record) as { memo: string | null; counterparty: { name: string } }
  return [
    field(/"id":"([^"]*)"/), field(/"ledgerNo":(\d+)/), field(/"amount":([-\d.]+)/), field(/"currency":"([^"]*)"/), field(/"status":"([^"]*)"/),
    parsed.counterparty.name, parsed.memo ?? '<null>', field(/"updated_at":"([^"]*)"/).replace(/Z$/, ''),
  ].join('|')
}

/** What the destination's table holds. */
export async function found(dev: Pick<Dev, 'query'>): Promise<Content> {
  const [sum] = await dev.query<{ rows: string; checksum: string }>(`select count(*) as rows, coalesce(sum(('x' || substr(md5(${ROW_TEXT}), 1, 15))::bit(60)::bigint), 0)::text as checksum from ${TABLE}`)
  const ids = await dev.query<{ id: string; n: string }>(`select id, count(*) as n from ${TABLE} group by id`)
  return { rows: Number(sum!.rows), checksum: sum!.checksum, ids: new Map(ids.map(({ id, n }) => [id, Number(n)])) }
}

export interface Verdict {
  expected: number
  found: number
  missing: number
  doubled: number
  /** Rows nobody asked for. */
  foreign: number
  checksumEqual: boolean
}

export function compare(should: Content, is: Content): Verdict {
  const missing = [...should.ids.keys()].filter((id) => !is.ids.has(id)).length
  const foreign = [...is.ids.keys()].filter((id) => !should.ids.has(id)).length
  return { expected: should.rows, found: is.rows, missing, doubled: is.rows - is.ids.size, foreign, checksumEqual: should.checksum === is.checksum }
}
