/** `npm run bench:formats`: XML and CSV over HTTP, mapped to rows, by a hand-written script and by Isthmus, in turn, in one process. Ends with one JSON line. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parse as parseCsv } from 'csv-parse/sync'
import { SaxesParser } from 'saxes'
import { request } from 'undici'
import { z } from 'zod'
import { sourceSchema, streamSchema, type StreamInput } from '../model/index.ts'
import { revive } from '../model/json/index.ts'
import { columnsOf, compileMapper, t } from '../model/mapping/index.ts'
import { mappingSchema } from '../model/plan.ts'
import { openRest, readPages } from '../protocols/rest/index.ts'

const PAGES = 40
const RECORDS = 1000
const ROUNDS = 5
const FIELDS = ['id', 'number', 'amount', 'currency', 'name', 'updated_at', 'city', 'note'] as const
type Row = Record<(typeof FIELDS)[number], string>

function record(n: number): Row {
  return { id: String(n), number: `INV-${n}`, amount: `${n}.25`, currency: 'EUR', name: `Müller & Söhne ${n}`, updated_at: '2026-01-01T00:00:00Z', city: 'Hamburg', note: `a, "b" ${n}` }
}
const escaped = (text: string): string => text.replace(/[&<]/g, (c) => (c === '&' ? '&amp;' : '&lt;'))
const BODIES = {
  xml: (list: Row[]): string => `<?xml version="1.0"?><response><items>${list.map((r) => `<item>${FIELDS.map((f) => `<${f}>${escaped(r[f])}</${f}>`).join('')}</item>`).join('\n')}</items></response>`,
  csv: (list: Row[]): string => [[...FIELDS], ...list.map((r) => FIELDS.map((f) => (/[",]/.test(r[f]) ? `"${r[f].replaceAll('"', '""')}"` : r[f])))].map((cells) => `${cells.join(',')}\r\n`).join(''),
}
type Kind = keyof typeof BODIES

const pages = (kind: Kind): Buffer[] => Array.from({ length: PAGES }, (_, p) => Buffer.from(BODIES[kind](Array.from({ length: RECORDS }, (_, i) => record(p * RECORDS + i)))))
const served: Record<Kind, Buffer[]> = { xml: pages('xml'), csv: pages('csv') }
const server = createServer((req, res) => {
  const url = new URL(req.url!, 'http://x')
  const kind = url.pathname.slice(1) as Kind
  const body = served[kind][Number(url.searchParams.get('page')) - 1]
  res.writeHead(200, { 'content-type': kind === 'xml' ? 'application/xml' : 'text/csv' })
  res.end(body ?? BODIES[kind]([]))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** A record as PostgreSQL's COPY takes it, the types looked at as a careful person would. */
function line(r: Row): string {
  if (!/^\d+$/.test(r.id) || !/^-?\d+(\.\d+)?$/.test(r.amount) || Number.isNaN(Date.parse(r.updated_at))) throw new Error('not the type expected')
  return `${FIELDS.map((f) => r[f].replace(/[\\\t\n\r]/g, (c) => (c === '\\' ? '\\\\' : c === '\t' ? '\\t' : c === '\n' ? '\\n' : '\\r'))).join('\t')}\n`
}

/** The records of an XML page, as a script with the same parser reads them. */
function xmlRows(text: string): Row[] {
  const rows: Row[] = []
  let row: Record<string, string> = {}
  let value = ''
  const parser = new SaxesParser({ position: false })
  parser.on('opentag', (tag) => {
    if (tag.name === 'item') row = {}
    value = ''
  })
  parser.on('text', (t) => void (value += t))
  parser.on('closetag', (tag) => {
    if (tag.name === 'item') rows.push(row as Row)
    else row[tag.name] = value
  })
  parser.write(text).close()
  return rows
}

async function script(kind: Kind): Promise<{ rows: number; bytes: number }> {
  let rows = 0
  let bytes = 0
  for (let page = 1; ; page++) {
    const answer = await request(`${url}/${kind}?page=${page}`)
    const text = await answer.body.text()
    const list = kind === 'xml' ? xmlRows(text) : (parseCsv(text, { columns: true }) as unknown as Row[])
    let out = ''
    for (const r of list) out += line(r)
    rows += list.length
    bytes += Buffer.byteLength(out)
    if (list.length < RECORDS) return { rows, bytes }
  }
}

const model = z.object({ id: t.int64(), number: z.string(), amount: t.decimal(), currency: z.string(), name: z.string(), updated_at: t.timestamp(), city: z.string(), note: z.string() })

async function isthmus(kind: Kind): Promise<{ rows: number; bytes: number }> {
  const stream: StreamInput = { name: kind, path: `/${kind}`, format: kind, records: kind === 'xml' ? 'response.items.item' : '', key: 'id', page: { kind: 'page', size: RECORDS } }
  const reader = openRest({ source: sourceSchema.parse({ baseUrl: url, concurrency: 1 }), stream: streamSchema.parse(stream), resolve: (v) => v as string })
  const mapping = mappingSchema.parse({ kind: 'fields', fields: Object.fromEntries(FIELDS.map((f) => [f, { path: f }])) })
  const mapper = compileMapper({ columns: columnsOf(model), mapping, model })
  let rows = 0
  let bytes = 0
  const { stop } = await readPages({
    reader, position: null, since: null, token: () => Promise.resolve(null), pacer: null, signal: new AbortController().signal, inTurn: true,
    budget: { untilMs: Infinity, bytes: Infinity, requests: Infinity },
    onPage: ({ list }) => {
      const sink = { text: '' }
      for (const r of mapper.parse.revive === false ? list : (revive(list) as unknown[])) {
        const verdict = mapper.map(r, sink)
        if (verdict !== null) throw new Error(JSON.stringify(verdict))
        rows++
      }
      bytes += Buffer.byteLength(sink.text)
      return Promise.resolve()
    },
  })
  await reader.close()
  if (stop.kind !== 'done') throw new Error(JSON.stringify(stop))
  return { rows, bytes }
}

const result: Record<string, unknown> = {}
for (const kind of ['xml', 'csv'] as const) {
  const times = { script: [] as number[], isthmus: [] as number[] }
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of [['script', script], ['isthmus', isthmus]] as const) {
      const began = performance.now()
      const { rows } = await run(kind)
      // The first round warms up.
      if (round > 0) times[name].push(performance.now() - began)
      if (rows !== PAGES * RECORDS) throw new Error(`${name} read ${rows} records of ${PAGES * RECORDS}`)
    }
  }
  const median = (list: number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!
  const per = (ms: number): number => Math.round((PAGES * RECORDS * 1000) / ms)
  result[kind] = { recordsPerSecond: per(median(times.isthmus)), scriptRecordsPerSecond: per(median(times.script)), ratio: Number((median(times.script) / median(times.isthmus)).toFixed(3)) }
}
server.close()
console.log(JSON.stringify(result))
