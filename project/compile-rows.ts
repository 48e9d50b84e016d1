import { IsthmusError } from '../model/errors.ts'
import type { Source, Stream } from '../model/source.ts'

/** Checks a stream that is no API's: a query, or a staged file. Throws InvalidInput naming the field. */
export function checkRows(source: Source, { sql, file }: Stream, place: (field: string) => { file: string; field: string }): void {
  const fail = (field: string, message: string, cure: string): never => {
    throw new IsthmusError('InvalidInput', message, { ...place(field), cure })
  }
  if (source.kind === 'file') return file ? undefined : fail('from', 'there is no file to read', 'post it with `isthmus post`')
  if (!sql) return fail('from', 'there is no query', "write from: postgres.query('select ...', { key: 'id' })")
  if (typeof source.baseUrl === 'string' && source.baseUrl !== '') fail('from.url', 'the address of a database holds a password', "write postgres({ url: env('WAREHOUSE_URL') })")
  if (!/^\s*(--[^\n]*\n\s*)*(select|with|values|table)\b/i.test(sql.text)) fail('from.query', 'a query begins with select, with, values or table', 'write one that only reads')
  if (/'[^']*\{since\}[^']*'/.test(sql.text)) fail('from.query', '{since} becomes a bind parameter, so it cannot stand between quotes', 'write it alone, with its type: updated_at >= {since}::timestamptz')
  const other = /\{(?!since\})\w+\}/.exec(sql.text)
  if (other && !/'[^']*\{\w+\}[^']*'/.test(sql.text)) fail('from.query', `nothing is filled in at ${other[0]}`, 'only {since} is')
}
