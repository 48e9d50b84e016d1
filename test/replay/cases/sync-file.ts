/** Text of a sync file that reads the simulator's transactions into the table `table`; the rest is put in where its name says. */
export function syncFile(table: string, { auth = '', imports = '', stream = '', more = '' } = {}): string {
  return `import { cursor, defineSync, env, fields, ${imports}postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ ${auth}baseUrl: env('SIM_URL') })
    .stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 100, sizeParam: 'limit' }), ${stream} }),
  to: postgres.table('${table}'),
  model: z.object({ id: z.string(), amount: t.decimal(), booked_at: t.timestamp() }),
  map: fields({ id: 'id', amount: 'amount', booked_at: 'booked_at' }),
  ${more}
})
`
}
