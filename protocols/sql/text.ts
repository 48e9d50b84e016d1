import pg from 'pg'
import type { SqlPlan } from '../../model/index.ts'

/** Stands for the lower bound in a query. */
export const SINCE = '{since}'

export interface Statement {
  text: string
  values: (string | null)[]
}

/** The query with its bounds around it, in the order of its key. Bounds are bind parameters; names of columns are quoted. */
export function boundStatement({ text, key }: SqlPlan, field: string | null, since: string | null, after: string[] | null, until: string | null = null): Statement {
  const values: (string | null)[] = []
  const bind = (value: string | null): string => `$${values.push(value)}`
  const inner = text.includes(SINCE) ? text.replaceAll(SINCE, () => (values.length === 0 ? bind(since) : '$1')) : text
  const name = (column: string): string => `q.${pg.escapeIdentifier(column)}`
  const where = [
    ...(field !== null && since !== null && !text.includes(SINCE) ? [`${name(field)} >= ${bind(since)}`] : []),
    ...(field !== null && until !== null ? [`${name(field)} < ${bind(until)}`] : []),
    ...(after ? [`(${key.map(name).join(', ')}) > (${after.map(bind).join(', ')})`] : []),
  ]
  // A line of its own: the text may end with a comment.
  return { text: `select * from (\n${inner.trim().replace(/;+\s*$/, '')}\n) as q${where.length > 0 ? ` where ${where.join(' and ')}` : ''} order by ${key.map(name).join(', ')}`, values }
}
