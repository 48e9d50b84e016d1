/**
 * `npm run bench:graphql`: pages of a GraphQL connection, read and mapped to rows, by a hand-written script and by Isthmus in turn, on the same server.
 * Arguments: records a round (100,000), rounds (5). Prints {records, seconds, baselineSeconds, ratio}.
 */
import { fork } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { defineSync, fields, graphql, postgres, t, z } from '../project/authoring.ts'
import { rowMapper } from '../activities/map.ts'
import { compileSync } from '../project/compile.ts'
import { openRest, readPages } from '../protocols/rest/index.ts'

const PAGE = 1_000
const node = (i: number): object => ({
  id: `gid://shop/Order/${i}`, number: i, name: `#${i}`, email: `customer${i}@example.com`, createdAt: new Date(1.7e12 + i * 1_000).toISOString(), updatedAt: new Date(1.7e12 + i * 2_000).toISOString(),
  total: { amount: `${i}.50`, currencyCode: 'EUR' }, customer: { displayName: `Customer Number ${i}` }, note: i % 3 === 0 ? null : `a note about order number ${i}`,
})

/** Answers as a server would, from texts made beforehand: what is measured is the client. */
function serve(records: number): void {
  const pages = Array.from({ length: Math.ceil(records / PAGE) }, (_, p) => {
    const nodes = Array.from({ length: Math.min(PAGE, records - p * PAGE) }, (_x, i) => node(p * PAGE + i))
    return Buffer.from(JSON.stringify({ data: { orders: { nodes, pageInfo: { hasNextPage: (p + 1) * PAGE < records, endCursor: `p${p + 1}` } } } }))
  })
  const server = createServer((req, res) => {
    const parts: Buffer[] = []
    req.on('data', (part: Buffer) => parts.push(part))
    req.on('end', () => {
      const { variables } = JSON.parse(Buffer.concat(parts).toString()) as { variables: { after?: string | null } }
      const body = pages[Number(variables.after?.slice(1) ?? 0)]!
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
      res.end(body)
    })
  })
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
}

const QUERY = 'query ($first: Int!, $after: String) { orders(first: $first, after: $after) { nodes { id number name email createdAt updatedAt total { amount currencyCode } customer { displayName } note } pageInfo { hasNextPage endCursor } } }'
const escape = (text: string): string => text.replace(/[\\\t\n\r]/g, (c) => (c === '\\' ? '\\\\' : c === '\t' ? '\\t' : c === '\n' ? '\\n' : '\\r'))

/** What a person writes by hand. */
async function byHand(url: string): Promise<{ records: number; bytes: number }> {
  let records = 0
  let bytes = 0
  let after: string | null = null
  for (;;) {
    const answer = await request(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query: QUERY, variables: { first: PAGE, after } }) })
    const { orders } = (JSON.parse(await answer.body.text()) as { data: { orders: any } }).data
    let text = ''
    for (const r of orders.nodes) {
      text += `${[r.id, r.number, r.name, r.email, r.createdAt, r.updatedAt, r.total.amount, r.total.currencyCode, r.customer.displayName, r.note].map((v: unknown) => (v === null || v === undefined ? '\\N' : escape(String(v)))).join('\t')}\n`
    }
    records += orders.nodes.length
    bytes += text.length
    if (!orders.pageInfo.hasNextPage) return { records, bytes }
    after = orders.pageInfo.endCursor as string
  }
}

/** The same by a sync's plan: readPages, and its mapper. */
async function byIsthmus(url: string): Promise<{ records: number; bytes: number }> {
  const plan = compileSync(
    defineSync({
      from: graphql({ baseUrl: url }).connection('orders', { first: PAGE }),
      to: postgres.table('orders'),
      model: z.object({ id: z.string(), number: z.int(), name: z.string(), email: z.string(), created_at: t.timestamp(), updated_at: t.timestamp(), amount: t.decimal(), currency: z.string(), customer: z.string(), note: z.string().nullable() }),
      map: fields({ id: 'id', number: 'number', name: 'name', email: 'email', created_at: 'createdAt', updated_at: 'updatedAt', amount: 'total.amount', currency: 'total.currencyCode', customer: 'customer.displayName', note: 'note' }),
    }),
    { id: 'bench', file: 'bench', text: '' },
  ).streams[0]!
  const mapper = rowMapper(plan, undefined)
  const reader = openRest({ source: plan.source, stream: plan.stream, resolve: (v) => String(v) })
  const out = { text: '' }
  let records = 0
  let bytes = 0
  try {
    const { stop } = await readPages({
      reader, position: null, since: null, budget: { untilMs: Infinity, bytes: Infinity, requests: Infinity }, token: async () => null, pacer: null, signal: new AbortController().signal,
      onPage: async (page) => {
        // As the page step maps: the records that readPages parsed.
        for (const record of page.list) {
          const reject = mapper.map(record, out as never)
          if (reject) throw new Error(JSON.stringify(reject))
          records++
        }
        bytes += out.text.length
        out.text = ''
      },
    })
    if (stop.kind !== 'done') throw new Error(JSON.stringify(stop))
  } finally {
    await reader.close()
  }
  return { records, bytes }
}

if (process.send) serve(Number(process.argv[2]))
else {
  const [records = 100_000, rounds = 5] = process.argv.slice(2).map(Number)
  const child = fork(fileURLToPath(import.meta.url), [String(records)])
  const port = await new Promise<number>((resolve) => child.once('message', (p) => resolve(p as number)))
  const url = `http://127.0.0.1:${port}/graphql`
  const times: Record<'mine' | 'plain', number[]> = { mine: [], plain: [] }
  const measure = async (name: 'mine' | 'plain', run: (url: string) => Promise<{ records: number; bytes: number }>): Promise<void> => {
    const began = performance.now()
    const result = await run(url)
    times[name].push((performance.now() - began) / 1_000)
    if (result.records !== records) throw new Error(`${name}: ${result.records} of ${records} records`)
  }
  for (let i = 0; i < rounds; i++) {
    await measure('plain', byHand)
    await measure('mine', byIsthmus)
    process.stderr.write(`round ${i + 1}: script ${times.plain.at(-1)!.toFixed(2)} s, isthmus ${times.mine.at(-1)!.toFixed(2)} s\n`)
  }
  const median = (list: number[]): number => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)]!
  const [seconds, baselineSeconds] = [median(times.mine), median(times.plain)]
  console.log(JSON.stringify({ records, seconds: Number(seconds.toFixed(3)), baselineSeconds: Number(baselineSeconds.toFixed(3)), ratio: Number((baselineSeconds / seconds).toFixed(3)) }))
  child.kill()
}
